package corrupt

func init() {
	Register(Corruption{
		Name: "defocus_blur", Doc: "blur with a disc, as a lens out of focus does", Source: imageNetC,
		Note: experimental + "; the disc's edge is cut, not blurred",
		Levels: [Severities]string{"radius 3 pixels", "radius 4 pixels", "radius 6 pixels", "radius 8 pixels",
			"radius 10 pixels"},
		Fixed: true,
		Image: func(_ Rand, severity int, m *Image) {
			m.convolve(disk([...]int{3, 4, 6, 8, 10}[severity-1]))
		},
	})
}

// tap is one weight of a convolution kernel and its offset from the centre in pixels.
type tap struct {
	right, down int
	weight      float32
}

// disk returns equal weights for all pixels within radius.
func disk(radius int) []tap {
	var kernel []tap
	for down := -radius; down <= radius; down++ {
		for right := -radius; right <= radius; right++ {
			if right*right+down*down <= radius*radius {
				kernel = append(kernel, tap{right, down, 1})
			}
		}
	}
	for i := range kernel {
		kernel[i].weight /= float32(len(kernel))
	}
	return kernel
}

// convolve replaces every value by the weighted mean of the values around it. The image is mirrored at its edges.
func (m *Image) convolve(kernel []tap) {
	out := make([]float32, m.Height*m.Width)
	for channel := range m.Channels {
		in := m.plane(channel)
		for y := range m.Height {
			for x := range m.Width {
				var sum float32
				for _, k := range kernel {
					at := mirror(y+k.down, m.Height)*m.Width + mirror(x+k.right, m.Width)
					sum += float32(k.weight * in[at])
				}
				out[y*m.Width+x] = sum
			}
		}
		copy(in, out)
	}
}

// mirror returns the index from 0 to n-1 that an index beyond an edge is mirrored to.
func mirror(i, n int) int {
	period := 2 * n
	if i %= period; i < 0 {
		i += period
	}
	return min(i, period-1-i)
}
