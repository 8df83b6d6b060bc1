package lbfgs

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"github.com/wiseft/wiseft/probe/fit/internal/softmax"
	"gonum.org/v1/gonum/floats"
)

// endpoint says when [descended] stops.
type endpoint struct {
	c, tol     float64
	iterations int
}

// descended returns the descent of a logistic problem after at most at.iterations iterations.
func descended(t *testing.T, f *feature.Set, opt endpoint) *Descent {
	t.Helper()
	p := fittest.Problem(f, opt.c)
	p.MaxIter, p.Tol = opt.iterations, opt.tol
	if err := p.Center(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := Minimize(t.Context(), p, softmax.Loss{Weight: p.Weight}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// hessianTimes returns the Hessian times v, by differences of the gradient.
func hessianTimes(t *testing.T, d *Descent, v []float64) []float64 {
	t.Helper()
	const h = 1e-6
	at, gradients := d.w, [2][]float64{}
	for side, step := range []float64{h, -h} {
		d.w = make([]float64, len(at))
		floats.AddScaledTo(d.w, at, step, v)
		if err := d.evaluate(t.Context()); err != nil {
			t.Fatal(err)
		}
		gradients[side] = append([]float64(nil), d.grad...)
	}
	d.w = at
	floats.Sub(gradients[0], gradients[1])
	floats.Scale(1/(2*h), gradients[0])
	return gradients[0]
}

// Where few rows have curvature, the preconditioner with sharp rows is close to the inverse Hessian, and without them
// it is far from it.
func TestSharpRowsResembleTheHessian(t *testing.T) {
	t.Parallel()
	d := descended(t, fittest.Blobs(400, 24, 4), endpoint{c: 10, iterations: 40, tol: 1e-12})
	p := &preconditioner{}
	if err := p.update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if p.sharp == nil {
		t.Fatal("no row is sharp")
	}
	r := rand.New(rand.NewPCG(1, 2))
	v := make([]float64, len(d.w))
	for c := range d.K {
		for j := range d.D {
			v[c*d.Width+j] = r.NormFloat64()
		}
	}
	d.balance(v)
	g := hessianTimes(t, d, v)
	distance := func(p *preconditioner) float64 {
		got := make([]float64, len(v))
		p.solve(1, got, g, d.Width)
		d.balance(got)
		floats.Sub(got, v)
		return floats.Norm(got, 2) / floats.Norm(v, 2)
	}
	with := distance(p)
	p.sharp = nil
	h, err := d.curvatures(t.Context())
	if err == nil {
		err = p.updateCommon(t.Context(), d, h, floats.Sum(h))
	}
	if err != nil {
		t.Fatal(err)
	}
	without := distance(p)
	t.Logf("distance from the inverse Hessian: %.3f, without sharp rows %.3f", with, without)
	if !(with < 0.5*without) {
		t.Errorf("distance from the inverse Hessian: %.3f, without sharp rows %.3f", with, without)
	}
}

// The terms of a row never exceed its second derivatives, and all terms sum to them.
func TestTermsFactoriseARow(t *testing.T) {
	t.Parallel()
	l, scores, label := softmax.Loss{Weight: []float64{0.7, 1, 2, 1}}, []float64{0.3, -1, 1.2, 0.8}, 2
	l.Residual(scores, label)
	k := len(scores)
	diag := make([]float64, k)
	l.InterceptCurvature(diag, scores, label)
	s := &sharpRows{k: k}
	trace := s.addTerms(l, scores, label, 0, maxSharp, 1e-12)
	if want := floats.Sum(diag); !(math.Abs(trace-want) <= 1e-12*want) || len(s.at) != k-1 {
		t.Errorf("%d terms of trace %v, want %d of %v", len(s.at), trace, k-1, want)
	}
	col := make([]float64, k)
	for c := range k {
		l.HessianColumn(col, scores, label, c)
		for e := range k {
			sum := 0.0
			for m := range s.at {
				sum += s.v[m*k+c] * s.v[m*k+e]
			}
			if !(math.Abs(sum-col[e]) <= 1e-12) {
				t.Errorf("second derivative %d, %d: terms give %v, want %v", c, e, sum, col[e])
			}
		}
	}
}
