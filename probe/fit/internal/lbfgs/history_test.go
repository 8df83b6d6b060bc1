package lbfgs

import (
	"testing"

	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"gonum.org/v1/gonum/floats"
)

// The inverse times a y, computed as the difference of two products, equals the product: before the preconditioner is
// computed again, right after, and when the history is full. At least one step has it.
func TestStepsKnowTheirInverse(t *testing.T) {
	t.Parallel()
	for _, iterations := range []int{firstRefresh - 1, firstRefresh + 1, firstRefresh + history + 4} {
		d := descended(t, fittest.Blobs(400, 24, 4), endpoint{c: 10, iterations: iterations, tol: 1e-12})
		checkInverses(t, d)
	}
}

// After the preconditioner changed, the difference of products with the old and the new one is not used.
func TestStepsForgetTheOldInverse(t *testing.T) {
	t.Parallel()
	d := descended(t, fittest.Blobs(400, 24, 4), endpoint{c: 10, iterations: 4, tol: 1e-12})
	d.apply()
	d.forget(len(d.steps))
	if err := d.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	w, grad := d.copyOf(d.w), d.copyOf(d.grad)
	floats.AddScaled(d.w, -1e-3, grad)
	if err := d.evaluate(t.Context()); err != nil {
		t.Fatal(err)
	}
	floats.SubTo(w, d.w, w)
	floats.SubTo(grad, d.grad, grad)
	d.remember(w, grad)
	checkInverses(t, d)
}

// checkInverses compares the inverse that each step has with the preconditioner's.
func checkInverses(t *testing.T, d *Descent) {
	t.Helper()
	d.apply()
	if len(d.steps) == 0 {
		t.Fatal("no step")
	}
	want := make([]float64, len(d.grad))
	for i, s := range d.steps {
		d.pre.solve(0, want, s.y, d.Width)
		if off := floats.Distance(s.inverse, want, 2) / floats.Norm(want, 2); !(off < 1e-6) {
			t.Errorf("step %d of %d: off by %.1e", i+1, len(d.steps), off)
		}
	}
}
