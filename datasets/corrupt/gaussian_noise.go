package corrupt

func init() {
	Register(Corruption{
		Name: "gaussian_noise", Doc: "add Gaussian noise to every value", Source: imageNetC, Note: experimental,
		Levels: [Severities]string{"sigma 0.08", "sigma 0.12", "sigma 0.18", "sigma 0.26", "sigma 0.38"},
		Image: func(rng Rand, severity int, m *Image) {
			sigma := [...]float64{0.08, 0.12, 0.18, 0.26, 0.38}[severity-1]
			for i, v := range m.Pix {
				m.Pix[i] = float32(float64(v) + float64(sigma*rng.NormFloat64()))
			}
		},
	})
}
