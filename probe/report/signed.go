package report

import "image/color"

// signedColors are the colours of differences: orange below 0, almost white at 0, blue above. All have a contrast of more
// than 6 to dark text, and are distinct for colour-blind readers.
var signedColors = func() []color.NRGBA {
	low, middle, high := color.NRGBA{0xf5, 0xa3, 0x61, 0xff}, color.NRGBA{0xf6, 0xf7, 0xf8, 0xff}, color.NRGBA{0x6f, 0xb4, 0xe3, 0xff}
	out := make([]color.NRGBA, shades)
	for i := range out {
		if t := 2*float64(i)/(shades-1) - 1; t < 0 {
			out[i] = blend(middle, low, -t)
		} else {
			out[i] = blend(middle, high, t)
		}
	}
	return out
}()
