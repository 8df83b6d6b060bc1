package softmax

import (
	"math"
	"slices"
	"testing"
)

// A loss far below the rounding of 1 keeps its digits, and so do its derivatives.
func TestSoftmaxLossOfSureRows(t *testing.T) {
	t.Parallel()
	for _, margin := range []float64{1, 30, 50, 700} {
		row := []float64{margin, 0, 0}
		got := Loss{[]float64{2, 1, 1}}.Residual(row, 0)
		rest := 2 * math.Exp(-margin)
		if want := 2 * math.Log1p(rest); !(math.Abs(got/want-1) <= 1e-14) {
			t.Errorf("margin %v: loss: got %v, want %v", margin, got, want)
		}
		if want := -2 * rest / (1 + rest); !(math.Abs(row[0]/want-1) <= 1e-14) {
			t.Errorf("margin %v: derivative: got %v, want %v", margin, row[0], want)
		}
	}
}

// The Hessian agrees with central differences of the gradient up to about the cube root of the rounding of a double.
func TestSoftmaxHessian(t *testing.T) {
	t.Parallel()
	l, scores, k := Loss{[]float64{0.7, 1, 2}}, []float64{0.3, -1, 1.2}, 3
	for label := range k {
		got, residual := make([]float64, k*k), slices.Clone(scores)
		l.Residual(residual, label)
		for c := range k {
			l.HessianColumn(got[c*k:(c+1)*k], residual, label, c)
		}
		for e := range k {
			const h = 1e-5
			up, down := slices.Clone(scores), slices.Clone(scores)
			up[e] += h
			down[e] -= h
			l.Residual(up, label)
			l.Residual(down, label)
			for c := range k {
				if want := (up[c] - down[c]) / (2 * h); !(math.Abs(got[c*k+e]-want) <= 1e-9) {
					t.Errorf("label %d, scores %d and %d: got %v, want %v", label, c, e, got[c*k+e], want)
				}
			}
		}
	}
}
