package corrupt

import (
	"fmt"

	"github.com/wiseft/wiseft/datasets"
)

// imageNetC is the source of the corruptions of images. They are experimental: they follow its definitions with other
// random numbers, and were not compared with reference arrays.
const imageNetC = "ImageNet-C (Hendrycks and Dietterich, ICLR 2019), make_imagenet_c.py, " +
	"parameters for 224 x 224 pixels"

// experimental is the Note of corruptions of images.
const experimental = "experimental: after the published definition, not compared with the published images"

// Image is an image while it is corrupted: channels of height rows of width values, which
// are 0 to 1.
type Image struct {
	Pix                     []float32 // channel by channel, row by row
	Channels, Height, Width int
}

// plane returns one channel.
func (m *Image) plane(channel int) []float32 {
	size := m.Height * m.Width
	return m.Pix[channel*size:][:size]
}

// clip clips all values to 0 to 1.
func (m *Image) clip() {
	for i, v := range m.Pix {
		m.Pix[i] = min(max(v, 0), 1)
	}
}

// corruptImage applies c to a sample of shape [channels height width]. name and i are for
// the error.
func corruptImage(c *Corruption, rng Rand, severity int, s *datasets.Sample, name string, i int) error {
	m := Image{Pix: s.X}
	if len(s.Shape) == 3 {
		m.Channels, m.Height, m.Width = s.Shape[0], s.Shape[1], s.Shape[2]
	}
	if (m.Channels != 1 && m.Channels != 3) || m.Height < 1 || m.Width < 1 {
		return &datasets.FormatError{Path: name,
			Detail: fmt.Sprintf("sample %d has shape %v: only images, [1 or 3, height, width], can be corrupted by %s",
				i, s.Shape, c.Name)}
	}
	for at, v := range m.Pix {
		if v < 0 || v > 1 {
			return &datasets.FormatError{Path: name, Detail: fmt.Sprintf(
				"sample %d: value %d is %v, want 0 to 1: images are corrupted before they are normalised", i, at, v)}
		}
	}
	c.Image(rng, severity, &m)
	m.clip()
	return nil
}
