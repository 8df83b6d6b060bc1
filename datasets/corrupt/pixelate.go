package corrupt

func init() {
	Register(Corruption{
		Name: "pixelate", Doc: "shrink by the mean of boxes and enlarge again by the nearest pixel", Source: imageNetC,
		Note: experimental,
		Levels: [Severities]string{"to 0.6 of the size", "to 0.5 of the size", "to 0.4 of the size", "to 0.3 of the size",
			"to 0.25 of the size"},
		Fixed: true,
		Image: func(_ Rand, severity int, m *Image) {
			hundredths := [...]int{60, 50, 40, 30, 25}[severity-1]
			height, width := max(1, m.Height*hundredths/100), max(1, m.Width*hundredths/100)
			for channel := range m.Channels {
				pixelate(m.plane(channel), m.Height, m.Width, height, width)
			}
		},
	})
}

// pixelate replaces every pixel by the mean of its box; height x width boxes cover the
// plane.
func pixelate(plane []float32, fullHeight, fullWidth, height, width int) {
	sums := make([]float64, height*width)
	counts := make([]int, height*width)
	box := func(i int) int {
		return i/fullWidth*height/fullHeight*width + i%fullWidth*width/fullWidth
	}
	for i, v := range plane {
		sums[box(i)] += float64(v)
		counts[box(i)]++
	}
	for i := range plane {
		plane[i] = float32(sums[box(i)] / float64(counts[box(i)]))
	}
}
