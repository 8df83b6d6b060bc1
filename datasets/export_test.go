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

// DecodePicture decodes a picture, scales its shorter side to resize and cuts the square of side crop from its middle.
func DecodePicture(file []byte, resize, crop int) error {
	return decodeImage(new(Sample), file, fileOptions{resize: resize, crop: crop, interpolation: DefaultInterpolation, exif: true})
}

// SupportedPixels returns how many pixels a picture has by its header, or if that are more, when its shorter side is
// resize. It is 0 if there is no header, or if there are more than is supported.
func SupportedPixels(file []byte, resize int) int64 {
	config, _, err := pictureConfig(file)
	pixels := int64(config.Width) * int64(config.Height)
	if err != nil || pixels < 1 || pixels > min(maxPixels, int64(len(file))*pixelsPerByte) {
		return 0
	}
	if width, height := scaledSize(config.Width, config.Height, resize); int64(width)*int64(height) <= maxPixels {
		pixels = max(pixels, int64(width)*int64(height))
	}
	return pixels
}
