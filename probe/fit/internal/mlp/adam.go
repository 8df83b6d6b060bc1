package mlp

import (
	"math"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
)

// parameter is a parameter in training with its gradient and the moments of it.
type parameter struct{ value, grad, first, second []float32 }

func newParameter(n int) parameter {
	return parameter{make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)}
}

// newAdam returns step number t.
func newAdam(rate float64, t int) *dense.Adam {
	return &dense.Adam{
		Beta1: adamBeta1, Beta2: adamBeta2, Epsilon: adamEpsilon,
		Rate: float32(rate / (1 - math.Pow(adamBeta1, float64(t)))),
		Root: float32(1 / math.Sqrt(1-math.Pow(adamBeta2, float64(t)))),
	}
}

// step changes the value by a step of Adam and clears the gradient.
func (p *parameter) step(workers int, a *dense.Adam) {
	const piece = 1 << 16 // some 50 microseconds
	scaled.Parallel(workers, scaled.CeilDiv(len(p.value), piece), func(task int) {
		lo, hi := task*piece, min((task+1)*piece, len(p.value))
		a.Step(p.value[lo:hi], p.grad[lo:hi], p.first[lo:hi], p.second[lo:hi])
	})
}
