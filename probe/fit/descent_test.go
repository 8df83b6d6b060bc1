package fit

import (
	"testing"

	"gonum.org/v1/gonum/floats"
)

// The inverse is applied to a change of the gradient by applying it to gradients. That holds
// before the inverse is made anew, right after, and when the history is full; and of each
// change one knows it.
func TestStepsKnowTheirInverse(t *testing.T) {
	t.Parallel()
	for _, iterations := range []int{firstRefresh - 1, firstRefresh + 1, firstRefresh + history + 4} {
		d := descended(t, blobs(400, 24, 4), Options{C: 10, MaxIter: iterations, Tol: 1e-12})
		checkInverses(t, d)
	}
}

// A step of Newton's method that follows a new inverse begins at a gradient that the old one was
// applied to.
func TestStepsForgetTheOldInverse(t *testing.T) {
	t.Parallel()
	d := descended(t, blobs(400, 24, 4), Options{C: 10, MaxIter: 4, Tol: 1e-12})
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

// checkInverses compares what the steps know after the inverse was applied with the inverse.
func checkInverses(t *testing.T, d *descent) {
	t.Helper()
	d.apply()
	if len(d.steps) == 0 {
		t.Fatal("no step")
	}
	want := make([]float64, len(d.grad))
	for i, s := range d.steps {
		d.pre.solve(0, want, s.y, d.width)
		if off := floats.Distance(s.inverse, want, 2) / floats.Norm(want, 2); !(off < 1e-6) {
			t.Errorf("step %d of %d: off by %.1e", i+1, len(d.steps), off)
		}
	}
}
