package datasets

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // decoders of image.Decode
	_ "image/png"
	"slices"

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

func init() {
	registerFiles(fileFormat{
		name:       "images",
		doc:        "pictures (JPEG, PNG, BMP, GIF, TIFF, WebP, PPM, PGM) as [3 height width] with values from 0 to 1",
		extensions: []string{".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"},
		match: func(head []byte) bool {
			return slices.ContainsFunc(pictureMagics, func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) })
		},
		decodeImage: decodeImage,
	})
}

// pictureMagics are the first bytes of pictures.
var pictureMagics = []string{"\x89PNG", "\xff\xd8\xff", "BM", "GIF8", "II*\x00", "MM\x00*", "RIFF", "P2", "P3", "P5", "P6"}

// maxPixels bounds the pixels of an image, and pixelsPerByte the pixels that one byte of its file can hold: a byte of
// a deflate stream expands to at most 1,032 bytes, each of at most eight pixels of one bit.
const (
	maxPixels     = 1 << 26
	pixelsPerByte = 8 * 1032
)

// decodeImage sets dst to an image: its shorter side is scaled to opt.resize, and then the square of side opt.crop is
// cut from the middle; 0 leaves out that step. Its colours are those of Pillow's convert("RGB"), which ignores
// transparency. EXIF orientation is applied with opt.exif.
func decodeImage(dst *Sample, file []byte, opt fileOptions) error {
	config, kind, err := pictureConfig(file)
	if err != nil {
		return fmt.Errorf("image header cannot be decoded: %v", err)
	}
	pixels := int64(config.Width) * int64(config.Height)
	if pixels < 1 {
		return fmt.Errorf("image has %d x %d pixels", config.Width, config.Height)
	}
	if pixels > maxPixels || pixels > int64(len(file))*pixelsPerByte {
		return fmt.Errorf("image has %d x %d pixels in %d bytes of %s; at most %d pixels, and %d a byte, are supported",
			config.Width, config.Height, len(file), kind, maxPixels, pixelsPerByte)
	}
	if opt.resize > 0 { // the longer side of a narrow picture grows as the shorter one
		width, height := scaledSize(config.Width, config.Height, opt.resize)
		if int64(width)*int64(height) > maxPixels {
			return fmt.Errorf("image of %d x %d pixels is to be scaled to %d x %d; at most %d pixels are supported",
				config.Width, config.Height, width, height, maxPixels)
		}
	}
	m, err := decodePicture(file, kind)
	if err != nil {
		return fmt.Errorf("image data cannot be decoded: %v", err)
	}
	if opt.exif || kind == "tiff" { // which Pillow turns when it reads it
		m = oriented(m, orientation(file))
	}
	picture := resized(m, opt.resize, filters[opt.interpolation])
	width, height := picture.Rect.Dx(), picture.Rect.Dy()
	left, top := 0, 0
	if c := opt.crop; c > 0 {
		if c > width || c > height {
			return fmt.Errorf("image has %d x %d pixels, but the crop needs %d x %d", width, height, c, c)
		}
		left, top = middle(width, c), middle(height, c)
		width, height = c, c
	}
	size := width * height
	dst.X = slices.Grow(dst.X[:0], 3*size)[:3*size]
	dst.Shape = append(dst.Shape[:0], 3, height, width)
	for y := range height {
		for x := range width {
			at := picture.PixOffset(left+x, top+y)
			for channel := range 3 {
				dst.X[channel*size+y*width+x] = float32(picture.Pix[at+channel]) / 255
			}
		}
	}
	return nil
}

// pictureConfig reads the header of a picture, by which its memory is known. TIFF is read by its decoder directly: through image.DecodeConfig, which
// reads a stream, it allocates as many bytes as an offset in the file claims.
func pictureConfig(file []byte) (image.Config, string, error) {
	if isTIFF(file) {
		config, err := tiff.DecodeConfig(bytes.NewReader(file))
		return config, "tiff", err
	}
	config, kind, err := image.DecodeConfig(bytes.NewReader(file))
	if err == nil && kind == "webp" {
		err = checkWebP(file, config)
	}
	return config, kind, err
}

// decodePicture decodes a picture of a kind that pictureConfig has found, without transparency.
func decodePicture(file []byte, kind string) (m image.Image, err error) {
	switch kind {
	case "gif":
		m, err = decodeGIF(file)
	case "tiff":
		m, err = tiff.Decode(bytes.NewReader(file))
	default:
		m, _, err = image.Decode(bytes.NewReader(file))
	}
	if err != nil {
		return nil, err
	}
	grey16 := kind == "png" && len(file) > 25 && file[24] == 16 && file[25] == 0 // bits, colour type
	m = opaque(m, grey16)
	if p, ok := m.(*image.YCbCr); ok && kind == "webp" {
		return webpRGB(p), nil
	}
	return withChroma(m), nil
}
