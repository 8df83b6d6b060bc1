package mlp

import "math"

// normalize scales z to mean 0 and variance 1 over the batch and updates the running statistics (Ioffe and Szegedy,
// Batch Normalization, 2015).
func (l *layer) normalize(m int) {
	l.moments(m)
	unbiased := float32(m) / float32(m-1)
	for c, variance := range l.deviation {
		l.mean[c] += momentum * (l.batchMean[c] - l.mean[c])
		l.variance[c] += momentum * (unbiased*variance - l.variance[c])
		l.deviation[c] = deviationOf(variance)
	}
	for i := range m {
		for c, v := range l.z[i*l.rows : (i+1)*l.rows] {
			l.z[i*l.rows+c] = (v - l.batchMean[c]) / l.deviation[c]
		}
	}
}

func deviationOf(variance float32) float32 { return float32(math.Sqrt(float64(variance) + epsilon)) }

// moments sets batchMean to the mean and deviation to the variance of each column of z.
func (l *layer) moments(m int) {
	clear(l.batchMean)
	clear(l.deviation)
	for i := range m {
		for c, v := range l.z[i*l.rows : (i+1)*l.rows] {
			l.batchMean[c] += v
		}
	}
	for c := range l.batchMean {
		l.batchMean[c] /= float32(m)
	}
	for i := range m {
		for c, v := range l.z[i*l.rows : (i+1)*l.rows] {
			v -= l.batchMean[c]
			l.deviation[c] += v * v
		}
	}
	for c := range l.deviation {
		l.deviation[c] /= float32(m)
	}
}

// backwardNorm replaces the gradient with respect to BatchNorm's outputs by that with respect to its inputs.
func (l *layer) backwardNorm(m int) {
	sum, dot := make([]float32, l.rows), make([]float32, l.rows)
	for i := range m {
		z := l.z[i*l.rows : (i+1)*l.rows]
		for c, g := range l.grad[i*l.rows : (i+1)*l.rows] {
			sum[c] += g
			dot[c] += g * z[c]
		}
	}
	for i := range m {
		z, grad := l.z[i*l.rows:(i+1)*l.rows], l.grad[i*l.rows:(i+1)*l.rows]
		for c, g := range grad {
			grad[c] = l.gamma.value[c] / l.deviation[c] * (g - (sum[c]+z[c]*dot[c])/float32(m))
		}
	}
}
