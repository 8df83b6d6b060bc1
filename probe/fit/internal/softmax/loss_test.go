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

// Loss and residuals of a block in single precision agree with those of its rows in double precision, also where the
// loss is far below 1, and padding becomes 0.
func TestResidualsSingle(t *testing.T) {
	t.Parallel()
	for _, k := range []int{2, 3, 10, 40} {
		stride := (k + 3) / 4 * 4
		l, labels, scores := Loss{make([]float64, k)}, []int{0, 1, k - 1, 0}, make([]float32, 4*stride)
		for c := range l.Weight {
			l.Weight[c] = 0.5 + float64(c)
		}
		for i := range scores {
			scores[i] = float32(i*7919%13) - 6
		}
		scores[0] = 40
		want, rows := 0.0, make([]float64, len(scores))
		for i, label := range labels {
			row := rows[i*stride : i*stride+k]
			for c := range row {
				row[c] = float64(scores[i*stride+c])
			}
			want += l.Residual(row, label)
		}
		got := l.ResidualsSingle(scores, stride, k, labels)
		if !(math.Abs(got/want-1) <= 1e-6) { // a few roundings of scores below 20
			t.Errorf("%d classes: loss %v, want %v", k, got, want)
		}
		for i, v := range scores {
			if !(math.Abs(float64(v)-rows[i]) <= 1e-6*math.Abs(rows[i])) {
				t.Errorf("%d classes: residual %d: got %v, want %v", k, i, v, rows[i])
			}
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
