package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// ellipsoids is a data set of clouds whose classes differ in their half-axes.
type ellipsoids struct {
	name string
	n    int
	seed uint64
}

var halfAxes = [][3]float64{{1, 0.5, 0.5}, {1, 1, 0.5}, {1, 0.8, 0.7}}

func (d *ellipsoids) Info() datasets.Info {
	return datasets.Info{Name: d.name, Format: "fake", Classes: []string{"cigar", "disc", "egg"}}
}
func (d *ellipsoids) Len() int          { return d.n }
func (d *ellipsoids) Label(i int) int64 { return int64(i % 3) }
func (d *ellipsoids) Close() error      { return nil }
func (d *ellipsoids) Hash(context.Context) (string, error) {
	return fmt.Sprintf("%s %d %d", d.name, d.n, d.seed), nil
}

func (d *ellipsoids) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	r := rand.New(rand.NewPCG(d.seed, uint64(i)))
	x := make([]float32, 0, 3*64)
	for range 64 {
		a, b, c := r.NormFloat64(), r.NormFloat64(), r.NormFloat64()
		n := math.Sqrt(a*a + b*b + c*c)
		for j, v := range [3]float64{a, b, c} {
			x = append(x, float32(v/n*halfAxes[i%3][j]+0.05*r.NormFloat64()))
		}
	}
	dst.Set(x, []int{64, 3}, d.Label(i))
	return ctx.Err()
}

// variant is a variant whose model is its alpha as text.
type variant struct {
	alpha float64
	plain bool // not a mix
}

func (v variant) ID() string { return fmt.Sprintf("alpha=%g", v.alpha) }
func (v variant) About() About {
	if v.plain {
		return About{}
	}
	return About{Params: []result.Param{{Name: "alpha", Value: v.alpha}}}
}
func (v variant) Key(context.Context) (string, error) { return v.ID(), nil }
func (v variant) Model(context.Context, string) (Model, error) {
	return Model{ONNX: probe.Source{Bytes: []byte(strconv.FormatFloat(v.alpha, 'g', -1, 64))}}, nil
}

func alphas(list ...float64) []Variant {
	var vs []Variant
	for _, a := range list {
		vs = append(vs, variant{alpha: a})
	}
	return vs
}

// engine makes models that compute the mean absolute coordinates, with noise that decreases with alpha, so that a
// larger alpha has better features.
type engine struct {
	open, opened atomic.Int64  // models open at present, and ever opened
	calls        atomic.Int64  // forward passes
	samples      atomic.Int64  // in all of them
	hook         func(n int64) // called before pass n
	fail         int64         // pass that fails, or 0
	points       int64         // number of points that the model requires, or 0
}

func (e *engine) Runtime() string { return "fake engine" }

func (e *engine) Open(_ context.Context, model probe.Source, _ string, _ datasets.Info) (probe.Extractor, error) {
	alpha, err := strconv.ParseFloat(string(model.Bytes), 64)
	if err != nil {
		return nil, errors.New("is no model")
	}
	e.open.Add(1)
	e.opened.Add(1)
	return &fakeModel{e: e, alpha: alpha}, nil
}

type fakeModel struct {
	e      *engine
	alpha  float64
	closed bool
}

func (m *fakeModel) Inputs() []probe.Input {
	return []probe.Input{{Name: "x", Shape: []int64{-1, 3, cmp.Or(m.e.points, -1)}}}
}

func (m *fakeModel) Output() probe.Output { return probe.Output{} }

func (m *fakeModel) Close() error {
	if !m.closed {
		m.closed = true
		m.e.open.Add(-1)
	}
	return nil
}

func (m *fakeModel) Extract(ctx context.Context, dst []float32, b probe.Batch) ([]float32, error) {
	n := m.e.calls.Add(1)
	if m.e.hook != nil {
		m.e.hook(n)
	}
	if n == m.e.fail {
		return nil, errors.New("device lost")
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.e.samples.Add(b.Shape[0])
	points := int(b.Shape[2])
	for i := range int(b.Shape[0]) {
		for axis := range 3 {
			row := b.X[(3*i+axis)*points : (3*i+axis+1)*points]
			sum := 0.0
			for _, v := range row {
				sum += math.Abs(float64(v))
			}
			// The last digits of the sum serve as reproducible noise.
			noise := math.Mod(sum*1e4, 1) - 0.5
			dst = append(dst, float32(4*sum/float64(points)+(1.2-m.alpha)*noise))
		}
	}
	return dst, nil
}
