package corrupt

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
)

func init() {
	Register(Corruption{
		Name: "jpeg_compression", Doc: "compress as JPEG", Source: imageNetC,
		Note:   experimental + "; by Go's encoder, with its subsampling of colours",
		Levels: [Severities]string{"quality 25", "quality 18", "quality 15", "quality 10", "quality 7"},
		Fixed:  true,
		Image: func(_ Rand, severity int, m *Image) {
			m.compress([...]int{25, 18, 15, 10, 7}[severity-1])
		},
	})
}

// compress encodes the image as JPEG and decodes it.
func (m *Image) compress(quality int) {
	size := m.Height * m.Width
	picture := image.NewRGBA(image.Rect(0, 0, m.Width, m.Height))
	for i := range size {
		var c [3]uint8
		for k := range c {
			v := m.Pix[min(k, m.Channels-1)*size+i]
			c[k] = uint8(math.Round(float64(min(max(v, 0), 1)) * 255))
		}
		picture.SetRGBA(i%m.Width, i/m.Width, color.RGBA{c[0], c[1], c[2], 255})
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: quality}); err != nil {
		panic("corrupt: JPEG compression: " + err.Error())
	}
	back, err := jpeg.Decode(&file)
	if err != nil {
		panic("corrupt: JPEG decompression: " + err.Error())
	}
	for i := range size {
		r, g, b, _ := back.At(i%m.Width, i/m.Width).RGBA()
		for channel, v := range []uint32{r, g, b}[:m.Channels] {
			m.Pix[channel*size+i] = float32(v>>8) / 255
		}
	}
}
