package fit

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"
)

// A loss far below the rounding of 1 keeps its digits, and so do its derivatives.
func TestSoftmaxLossOfSureRows(t *testing.T) {
	t.Parallel()
	for _, margin := range []float64{1, 30, 50, 700} {
		row := []float64{margin, 0, 0}
		got := softmaxLoss{[]float64{2, 1, 1}}.residual(row, 0)
		rest := 2 * math.Exp(-margin)
		if want := 2 * math.Log1p(rest); !(math.Abs(got/want-1) <= 1e-14) {
			t.Errorf("margin %v: loss: got %v, want %v", margin, got, want)
		}
		if want := -2 * rest / (1 + rest); !(math.Abs(row[0]/want-1) <= 1e-14) {
			t.Errorf("margin %v: derivative: got %v, want %v", margin, row[0], want)
		}
	}
}

// Separable features of very different size lead far out: the losses become so small that the
// optimum cannot be told from them unless they keep their digits.
func TestLogisticOfBadlyScaledFeatures(t *testing.T) {
	t.Parallel()
	f := badlyScaled(400, 20, 3)
	for _, c := range []float64{1e-4, 1, 1e4, 1e6} {
		t.Run(fmt.Sprintf("C=%g", c), func(t *testing.T) {
			t.Parallel()
			_, report := mustFit(t, f, Options{C: c})
			if report.Iterations > 500 {
				t.Errorf("%d iterations", report.Iterations)
			}
			t.Logf("%d iterations, objective %v", report.Iterations, report.Objective)
		})
	}
}

// The Hessian of Newton's steps is the change of the gradient: central differences agree with it
// to about the cube root of the rounding of a double.
func TestSoftmaxHessian(t *testing.T) {
	t.Parallel()
	l, scores, k := softmaxLoss{[]float64{0.7, 1, 2}}, []float64{0.3, -1, 1.2}, 3
	for label := range k {
		got, residual := make([]float64, k*k), slices.Clone(scores)
		l.residual(residual, label)
		for c := range k {
			l.hessianColumn(got[c*k:(c+1)*k], residual, label, c)
		}
		for e := range k {
			const h = 1e-5
			up, down := slices.Clone(scores), slices.Clone(scores)
			up[e] += h
			down[e] -= h
			l.residual(up, label)
			l.residual(down, label)
			for c := range k {
				if want := (up[c] - down[c]) / (2 * h); !(math.Abs(got[c*k+e]-want) <= 1e-9) {
					t.Errorf("label %d, scores %d and %d: got %v, want %v", label, c, e, got[c*k+e], want)
				}
			}
		}
	}
}

// One step of Newton's method lands so much nearer than it started that the gradient falls
// quadratically, in features and intercepts.
func TestNewtonStepIsQuadratic(t *testing.T) {
	t.Parallel()
	d := descended(t, blobs(150, 5, 3), Options{C: 1, MaxIter: 100, Tol: 1e-4})
	before := floats.Norm(d.grad, 2)
	dir, ok, err := d.newton(t.Context())
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	floats.Add(d.w, dir)
	if err := d.evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := floats.Norm(d.grad, 2); !(after <= 1e-4*before) {
		t.Errorf("gradient norm %v after %v", after, before)
	}
}
