package corrupt

func init() {
	Register(Corruption{
		Name: "impulse_noise", Doc: "turn a share of all values black or white", Source: imageNetC, Note: experimental,
		Levels: [Severities]string{"3 %", "6 %", "9 %", "17 %", "27 %"},
		Image: func(rng Rand, severity int, m *Image) {
			share := [...]float64{0.03, 0.06, 0.09, 0.17, 0.27}[severity-1]
			for i := range m.Pix {
				if rng.Float64() < share {
					m.Pix[i] = float32(rng.IntN(2))
				}
			}
		},
	})
}
