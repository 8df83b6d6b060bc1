package datasets

import "slices"

// fileDecoders are the decoders of files that hold one cloud or mesh, by extension.
var fileDecoders = map[string]func([]float32, []byte, fileOptions) ([]float32, error){
	".pcd": func(dst []float32, file []byte, _ fileOptions) ([]float32, error) { return decodePCD(dst, file) },
	".ply": decodePLY, ".off": decodeOFF, ".obj": decodeOBJ, ".xyz": decodeXYZ, ".csv": decodeXYZ,
}

// DecodeFile decodes one file, and fails if there are more points than bytes.
func DecodeFile(extension string, file []byte) error {
	if extension == ".png" {
		var s Sample
		return decodeImage(&s, file, fileOptions{})
	}
	x, err := fileDecoders[extension](nil, slices.Clone(file), fileOptions{points: 1, rng: keyedRand("test")})
	if err == nil && len(x) > 3*len(file) {
		panic("more points than bytes")
	}
	return err
}
