package lbfgs

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
	"github.com/wiseft/wiseft/probe/fit/internal/softmax"
)

// countedLoss counts the blocks of rows that are evaluated in single precision.
type countedLoss struct {
	softmax.Loss
	blocks *atomic.Int64
}

func (l countedLoss) ResidualsSingle(scores []float32, stride, k int, labels []int) float64 {
	l.blocks.Add(1)
	return l.Loss.ResidualsSingle(scores, stride, k, labels)
}

// Where ten directions in a row are too long, few evaluations are made in vain: 44 in all, but 65 where every search
// begins with the whole direction.
func TestFewTrialsInVain(t *testing.T) {
	t.Parallel()
	const n, d, k = 2000, 192, 20
	r := rand.New(rand.NewPCG(10, 1))
	mean := make([]float64, k*d)
	for i := range mean {
		mean[i] = 0.25 * r.NormFloat64()
	}
	f := &feature.Set{Dim: d}
	for i := range n { // heavy-tailed: Student's t with three degrees of freedom
		squares := 0.0
		for range 3 {
			v := r.NormFloat64()
			squares += v * v
		}
		size := 1 / math.Sqrt(squares/3)
		for j := range d {
			f.X = append(f.X, float32(size*(mean[i%k*d+j]+r.NormFloat64())))
		}
		f.Y = append(f.Y, int64(i%k))
	}
	p := fittest.Problem(f, 1)
	p.Tol, p.MaxIter = 1e-2, 200
	loss := countedLoss{softmax.Loss{Weight: p.Weight}, &atomic.Int64{}}
	descent, err := Minimize(t.Context(), p, loss, Options{})
	if err != nil {
		t.Fatal(err)
	}
	end := descent.Optimum()
	passes := int(loss.blocks.Load()) / scaled.CeilDiv(n, scaled.BlockRows)
	if !end.Converged || passes > 54 {
		t.Errorf("%d evaluations in %d iterations, converged: %v", passes, end.Iterations, end.Converged)
	}
}
