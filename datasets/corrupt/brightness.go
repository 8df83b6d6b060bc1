package corrupt

func init() {
	Register(Corruption{
		Name: "brightness", Doc: "add to the largest of a pixel's channels, keeping hue and saturation", Source: imageNetC,
		Note:   experimental,
		Levels: [Severities]string{"by 0.1", "by 0.2", "by 0.3", "by 0.4", "by 0.5"},
		Fixed:  true,
		Image: func(_ Rand, severity int, m *Image) {
			by := float32(severity) / 10
			size := m.Height * m.Width
			for i := range size {
				value := float32(0) // V of HSV
				for channel := range m.Channels {
					value = max(value, m.Pix[channel*size+i])
				}
				brighter := min(value+by, 1)
				for channel := range m.Channels {
					if at := channel*size + i; value > 0 {
						m.Pix[at] *= brighter / value
					} else {
						m.Pix[at] = brighter
					}
				}
			}
		},
	})
}
