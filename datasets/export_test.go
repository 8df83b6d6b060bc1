package datasets

import "slices"

// DecodeFile decodes a file of the file format that has this extension. It panics if there are more points than
// bytes.
func DecodeFile(extension string, file []byte) error {
	f, opt := fileFormats[extension], fileOptions{points: 1, rng: keyedRand("test")}
	if f.decodeImage != nil {
		return f.decodeImage(new(Sample), file, fileOptions{})
	}
	x, err := f.decode(nil, slices.Clone(file), opt)
	if err == nil && len(x) > 3*len(file) {
		panic("more points than bytes")
	}
	return err
}

// DecodeNPYCloud decodes a cloud of ShapeNet-55.
func DecodeNPYCloud(file []byte) ([]float32, error) { return decodeNPYCloud(nil, file, fileOptions{}) }
