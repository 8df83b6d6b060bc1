package search

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Margins that are linear in alpha are known from the ends: the search finds the best alpha of the whole grid
// exactly, and stops early.
func TestLines(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	m := make([][]float64, 21)
	for i := range m {
		m[i] = make([]float64, 300)
	}
	for k := range 300 {
		a, b := 2+3*r.NormFloat64(), 3*r.NormFloat64()
		for i := range m {
			m[i][k] = a + b*float64(i)/20
		}
	}
	e := &evaluateAll{t: t, margins: m}
	c, err := Alpha(t.Context(), grid(21), e.evaluate, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if want := gridChoice(m); c.Index != want || len(c.Evaluated) != 3 || !(c.Likely > 0.999) {
		t.Errorf("got %+v, want alpha %d after three evaluations", c, want)
	}
	if !slices.Equal(e.called, []int{0, 20, 10}) {
		t.Errorf("evaluated %v, want the ends and the middle", e.called)
	}
}

// Equal margins give equal searches, and every step has a reason.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	m := simulate(rand.New(rand.NewPCG(9, 9)), 3, 21, 150)
	var choices []Choice
	for range 2 {
		c, err := Alpha(t.Context(), grid(21), (&evaluateAll{t: t, margins: m}).evaluate, Options{})
		if err != nil {
			t.Fatal(err)
		}
		choices = append(choices, c)
	}
	if !reflect.DeepEqual(choices[0], choices[1]) {
		t.Errorf("got %+v and %+v", choices[0], choices[1])
	}
	sum := 0.0
	for _, s := range choices[0].Evaluated {
		sum += s.Passes
		if s.Why == "" || s.Samples == 0 {
			t.Errorf("step %+v does not explain itself", s)
		}
	}
	if sum != choices[0].Passes || choices[0].Why == "" {
		t.Errorf("passes %v, steps have %v; why %q", choices[0].Passes, sum, choices[0].Why)
	}
}

// A grid of which a third is fewer than three alphas is evaluated whole; ties go to the smaller alpha.
func TestSmallGrid(t *testing.T) {
	t.Parallel()
	m := [][]float64{{1, -1, -1}, {1, 1, -1}, {1, -1, 1}, {-1, -1, -1}}
	for n := 1; n <= len(m); n++ {
		e := &evaluateAll{t: t, margins: m[:n]}
		c, err := Alpha(t.Context(), grid(4)[:n], e.evaluate, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if want := min(1, n-1); c.Index != want || c.Passes != float64(n) || c.Likely != 1 || len(e.called) != n {
			t.Errorf("%d alphas: got %+v, want alpha %d", n, c, want)
		}
	}
}

func TestAlphaRefuses(t *testing.T) {
	t.Parallel()
	e := &evaluateAll{t: t, margins: simulate(rand.New(rand.NewPCG(1, 1)), 0, 11, 50)}
	broken := errors.New("no engine")
	for _, tt := range []struct {
		name     string
		grid     []float64
		opt      Options
		evaluate Evaluate
		want     string
	}{
		{"no grid", nil, Options{}, e.evaluate, "the grid has no alphas"},
		{"falling", []float64{0, 1, 0.5}, Options{}, e.evaluate, "the grid must be increasing, but 0.5 follows 1"},
		{"NaN", []float64{0, math.NaN()}, Options{}, e.evaluate, "the grid must be increasing"},
		{"budget", grid(11), Options{Budget: 2}, e.evaluate, "budget 2 must be above 0 and at most 1"},
		{"training", grid(11), Options{TrainShare: -1}, e.evaluate, "share of training -1 must"},
		{"confidence", grid(11), Options{Confidence: math.NaN()}, e.evaluate, "confidence NaN must"},
		{"evaluation", grid(11), Options{}, func(context.Context, int, []int) ([]float64, error) {
			return nil, broken
		}, "no engine"},
		{"nothing", grid(11), Options{}, func(context.Context, int, []int) ([]float64, error) { return nil, nil },
			"alpha 0: 0 margins for 0 validation samples"},
		{"another number", grid(11), Options{}, func(_ context.Context, i int, _ []int) ([]float64, error) {
			return make([]float64, 5+i), nil
		}, "alpha 1: 15 margins for 5 validation samples"},
		{"margin NaN", grid(11), Options{}, func(context.Context, int, []int) ([]float64, error) {
			return []float64{1, math.NaN()}, nil
		}, "alpha 0: a margin is not a number"},
	} {
		_, err := Alpha(t.Context(), tt.grid, tt.evaluate, tt.opt)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	a := []float64{5, 1, -3, 4, -0.5, 9}
	b := []float64{4, 2, 6, 0.2, -2, 8}
	if got := Nearest(a, b, 0.5); !slices.Equal(got, []int{2, 3, 4}) {
		t.Errorf("got %v, want 2, which changes sides, 3 and 4", got)
	}
	if got := Nearest(a, b, 1); got != nil {
		t.Errorf("all: got %v, want nil", got)
	}
}

// On a fine grid jitter is drawn beside the axes: deviations have the covariance of a coarser grid at the same alphas.
func TestFineGridHasTheSameDeviations(t *testing.T) {
	t.Parallel()
	coarse, dense := newPosterior(grid(11), []int{0, 5, 10}), newPosterior(grid(101), []int{0, 50, 100})
	if len(coarse.jitter) != 0 || len(dense.jitter) != 98 || len(dense.axes) > 20 {
		t.Fatalf("%d and %d alphas have jitter beside %d axes", len(coarse.jitter), len(dense.jitter), len(dense.axes))
	}
	const n = 20000
	r, d := rand.New(rand.NewPCG(4, 4)), make([]float64, 101)
	var squares, product [11]float64
	for range n {
		dense.deviate(d, 2, r)
		for i := range squares {
			squares[i] += d[10*i] * d[10*i] / n
			product[i] += d[10*i] * d[20] / n
		}
	}
	for i := range squares {
		want, with := 4*coarse.variance[i], 0.0
		for _, axis := range coarse.axes {
			with += 4 * axis[i] * axis[2]
		}
		// Five standard deviations of a mean of n products of normal numbers.
		slack := 5 * math.Sqrt(2.0/n) * 4 * math.Sqrt(coarse.variance[i]*coarse.variance[2])
		if !(math.Abs(dense.variance[10*i]-coarse.variance[i]) <= 1e-5) || !(math.Abs(squares[i]-want) <= 5*math.Sqrt(2.0/n)*want) ||
			!(math.Abs(product[i]-with) <= slack) {
			t.Errorf("at %d: variance %v, drawn %v, with alpha 2 %v; want %v, %v, %v", i, dense.variance[10*i], squares[i], product[i],
				coarse.variance[i], want, with)
		}
	}
}

// The interpolation reproduces known values and lines, and is uncertain elsewhere only.
func TestPosterior(t *testing.T) {
	t.Parallel()
	p := newPosterior(grid(11), []int{0, 4, 10})
	line := p.mean(func(i int) float64 { return 3 - 0.5*float64(i) })
	bent := p.mean(func(i int) float64 { return float64(i * (10 - i)) })
	for i := range line {
		// diffuse is 1e4 and not infinite, so that lines are shrunk by some 1e-4.
		if want := 3 - 0.5*float64(i); !(math.Abs(line[i]-want) <= 1e-3*3) {
			t.Errorf("line at %d: got %v, want %v", i, line[i], want)
		}
		known := i == 0 || i == 4 || i == 10
		if known && bent[i] != float64(i*(10-i)) || known != (p.variance[i] == 0) || p.variance[i] > 1 {
			t.Errorf("at %d: got %v, variance %v", i, bent[i], p.variance[i])
		}
	}
	if !(bent[7] > 15) {
		t.Errorf("bent upwards: got %v at 7, want near 21", bent[7])
	}
}
