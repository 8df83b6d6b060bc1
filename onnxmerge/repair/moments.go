package repair

import "math"

// Moments are the mean and the sum of squared deviations of every channel of a value.
type Moments struct {
	N     float64 // numbers of each channel
	Mean  []float64
	Sum2  []float64 // of squared deviations from the mean
	Batch int       // batches that were joined
}

// Join adds the moments of n further numbers of each channel: their mean, and the square root of the sum of their
// squared deviations (Chan, Golub and LeVeque, Updating formulae for computing sample variances, 1979, eq. 2.1).
func (m *Moments) Join(n float64, mean, norm []float32) {
	if m.Mean == nil {
		m.Mean, m.Sum2 = make([]float64, len(mean)), make([]float64, len(mean))
	}
	total := m.N + n
	for c := range m.Mean {
		delta := float64(mean[c]) - m.Mean[c]
		m.Mean[c] += delta * n / total
		m.Sum2[c] += float64(norm[c])*float64(norm[c]) + delta*delta*m.N*n/total
	}
	m.N = total
	m.Batch++
}

// deviation returns the standard deviation of a channel.
func (m *Moments) deviation(c int) float64 { return math.Sqrt(m.Sum2[c] / m.N) }

// NonFinite returns a channel whose moments are NaN or infinite; -1 if there is none.
func (m *Moments) NonFinite() int {
	for c := range m.Mean {
		if v := m.Mean[c] + m.Sum2[c]; math.IsNaN(v) || math.IsInf(v, 0) {
			return c
		}
	}
	return -1
}

// rms returns the root of the mean of squares over all channels.
func (m *Moments) rms() float64 {
	sum := 0.
	for c, mean := range m.Mean {
		sum += m.Sum2[c]/m.N + mean*mean
	}
	return math.Sqrt(sum / float64(len(m.Mean)))
}
