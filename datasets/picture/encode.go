package picture

import (
	"image"
	"image/gif"
	"image/png"
	"io"
)

// WritePNG writes a picture with the best compression.
func WritePNG(w io.Writer, m image.Image) error {
	e := png.Encoder{CompressionLevel: png.BestCompression}
	return e.Encode(w, m)
}

// turnHundredths is how long a turn takes, in hundredths of a second.
const turnHundredths = 480

// WriteGIF writes the pictures of a turn, which is repeated for ever.
func WriteGIF(w io.Writer, frames []*image.Paletted) error {
	g := &gif.GIF{Image: frames}
	for range frames {
		g.Delay = append(g.Delay, turnHundredths/len(frames))
		g.Disposal = append(g.Disposal, gif.DisposalBackground) // else the transparent pixels show the picture before
	}
	return gif.EncodeAll(w, g)
}
