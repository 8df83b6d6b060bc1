package corrupt

func init() {
	Register(Corruption{
		Name: "contrast", Doc: "bring every value closer to its channel's mean", Source: imageNetC, Note: experimental,
		Levels: [Severities]string{"to 0.4 of the distance", "to 0.3 of the distance", "to 0.2 of the distance",
			"to 0.1 of the distance", "to 0.05 of the distance"},
		Fixed: true,
		Image: func(_ Rand, severity int, m *Image) {
			factor := [...]float64{0.4, 0.3, 0.2, 0.1, 0.05}[severity-1]
			for channel := range m.Channels {
				plane := m.plane(channel)
				mean := 0.0
				for _, v := range plane {
					mean += float64(v)
				}
				mean /= float64(len(plane))
				for i, v := range plane {
					plane[i] = float32(float64((float64(v)-mean)*factor) + mean)
				}
			}
		},
	})
}
