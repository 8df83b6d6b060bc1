package datasets

import (
	"image"
	"image/color"
)

// opaque returns a decoded picture without transparency, in the colours that Pillow's convert("RGB") gives: those of
// transparent pixels are kept, and 16 bits become their upper 8. 16-bit grey is scaled to 8 bits (x/257, rounded),
// where Pillow clips it at 255; grey16 says that m is 16-bit grey although it has a transparent level. Pictures
// without transparency whose colours are those already are returned as they are.
func opaque(m image.Image, grey16 bool) image.Image {
	switch m := m.(type) {
	case *image.YCbCr, *image.Gray, *image.CMYK:
		return m
	case *image.NYCbCrA:
		return &m.YCbCr
	case *image.RGBA:
		if m.Opaque() {
			return m
		}
	}
	bounds := m.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
	pixel := colours(m, grey16)
	for y := range bounds.Dy() {
		row := out.Pix[y*out.Stride:]
		for x := range bounds.Dx() {
			c := pixel(bounds.Min.X+x, bounds.Min.Y+y)
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = c[0], c[1], c[2], 255
		}
	}
	return out
}

// colours returns what reads the red, green and blue of a pixel.
func colours(m image.Image, grey16 bool) func(x, y int) [3]byte {
	switch m := m.(type) {
	case *image.NRGBA:
		return func(x, y int) [3]byte { return [3]byte(m.Pix[m.PixOffset(x, y):]) }
	case *image.Gray16:
		return func(x, y int) [3]byte { return grey(m.Gray16At(x, y).Y) }
	case *image.NRGBA64:
		if grey16 {
			return func(x, y int) [3]byte { return grey(m.NRGBA64At(x, y).R) }
		}
		return func(x, y int) [3]byte {
			at := m.PixOffset(x, y)
			return [3]byte{m.Pix[at], m.Pix[at+2], m.Pix[at+4]}
		}
	case *image.Paletted:
		palette := make([][3]byte, 256)
		for i, c := range m.Palette {
			palette[i] = unmultiplied(c)
		}
		return func(x, y int) [3]byte { return palette[m.ColorIndexAt(x, y)] }
	}
	return func(x, y int) [3]byte { return unmultiplied(m.At(x, y)) }
}

// grey scales a level of 16 bits to 8.
func grey(v uint16) [3]byte {
	level := byte((uint32(v)*255 + 32767) / 65535)
	return [3]byte{level, level, level}
}

func unmultiplied(c color.Color) [3]byte {
	switch c := c.(type) {
	case color.NRGBA:
		return [3]byte{c.R, c.G, c.B}
	case color.RGBA:
		if c.A == 255 {
			return [3]byte{c.R, c.G, c.B}
		}
	}
	n := color.NRGBA64Model.Convert(c).(color.NRGBA64)
	return [3]byte{byte(n.R >> 8), byte(n.G >> 8), byte(n.B >> 8)}
}
