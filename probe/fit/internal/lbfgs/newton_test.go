package lbfgs

import (
	"testing"

	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"gonum.org/v1/gonum/floats"
)

// A step of Newton's method reduces the gradient quadratically, in features and intercepts.
func TestNewtonStepIsQuadratic(t *testing.T) {
	t.Parallel()
	d := descended(t, fittest.Blobs(150, 5, 3), endpoint{c: 1, iterations: 100, tol: 1e-4})
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
