package datasets

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"slices"
)

// decodeGIF returns the first frame of a GIF file on its canvas, as Pillow does: transparent pixels have the colour
// that the palette has for them, and the canvas beyond the frame that of the transparent index, or of index 0. The
// decoder of the standard library makes transparent pixels black, so the mark of transparency is removed before.
func decodeGIF(file []byte) (image.Image, error) {
	transparent, at := gifTransparency(file)
	if at > 0 {
		file = slices.Clone(file)
		file[at] &^= 1
	}
	config, err := gif.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	m, err := gif.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	frame, ok := m.(*image.Paletted)
	if !ok {
		return nil, fmt.Errorf("gif: frame of type %T", m)
	}
	canvas := image.NewPaletted(image.Rect(0, 0, config.Width, config.Height), frame.Palette)
	if frame.Rect.Eq(canvas.Rect) {
		return frame, nil
	}
	for i := range canvas.Pix {
		canvas.Pix[i] = transparent
	}
	r := frame.Rect.Intersect(canvas.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		copy(canvas.Pix[canvas.PixOffset(r.Min.X, y):][:r.Dx()], frame.Pix[frame.PixOffset(r.Min.X, y):])
	}
	return canvas, nil
}

// gifTransparency returns the transparent index of the first frame, and where the byte with its mark is; 0 without one.
func gifTransparency(file []byte) (index byte, at int) {
	if len(file) < 13 {
		return 0, 0
	}
	next := 13
	if flags := file[10]; flags&0x80 != 0 {
		next += 3 << (flags&7 + 1) // global palette
	}
	for next+2 < len(file) && file[next] == 0x21 { // extensions before the frame
		if file[next+1] == 0xf9 && next+6 < len(file) && file[next+3]&1 != 0 {
			index, at = file[next+6], next+3
		}
		for next += 2; next < len(file) && file[next] != 0; { // blocks
			next += int(file[next]) + 1
		}
		next++
	}
	return index, at
}
