package probe

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// tensorModel computes a tensor whose axes behind the batch are those that shape returns for the axes of a sample.
type tensorModel struct {
	declared []int64
	shape    func(sample []int64) []int64
	out      Output
}

func (m *tensorModel) Inputs() []Input { return []Input{{Name: "x"}} }
func (m *tensorModel) Output() Output  { return m.out }
func (m *tensorModel) Close() error    { return nil }

// Extract gives value k of the tensor of a sample with the first value s as 100 s + sin(k).
func (m *tensorModel) Extract(_ context.Context, dst []float32, b Batch) ([]float32, error) {
	axes := m.shape(b.Shape[1:])
	m.out = Output{Name: "tokens", Declared: m.declared, Shape: append([]int64{b.Shape[0]}, axes...)}
	n := len(b.X) / int(b.Shape[0])
	for i := range int(b.Shape[0]) {
		for k := range product(axes) {
			dst = append(dst, tokenValue(b.X[i*n], k))
		}
	}
	return dst, nil
}

func tokenValue(first float32, k int) float32 { return 100*first + float32(math.Sin(float64(k))) }

func product(axes []int64) int {
	n := 1
	for _, d := range axes {
		n *= int(d)
	}
	return n
}

// samplesOf makes one sample of every shape.
func samplesOf(shapes ...[]int) *fakeData {
	return &fakeData{n: len(shapes), fail: -1, shape: func(i int) []int { return shapes[i] }}
}

// naivePool pools a tensor by the definition of the modes.
func naivePool(x []float32, shape []int64, axis int, mode string) []float32 {
	inner := product(shape[axis:])
	of := make([][]float32, shape[axis-1])
	for k, v := range x {
		j := k / inner % len(of)
		of[j] = append(of[j], v)
	}
	var out []float32
	for _, values := range of {
		sum := 0.0
		for _, v := range values {
			sum += float64(v)
		}
		out = append(out, map[string]float32{PoolMean: float32(sum / float64(len(values))), PoolMax: slices.Max(values),
			PoolCLS: values[0], PoolLast: values[len(values)-1]}[mode])
	}
	return out
}

// TestPool compares every mode with its definition, over every place of the axis of the features.
func TestPool(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		declared, shape []int64 // declared with the batch axis
		given, axis     int
	}{
		{[]int64{-1, -1, 6}, []int64{9, 6}, 0, 2},
		{[]int64{-1, 6, -1}, []int64{6, 9}, 0, 1},
		{[]int64{-1, 6, 9}, []int64{6, 9}, 0, 2},
		{nil, []int64{6, 9}, 0, 2},
		{nil, []int64{6, 9}, 1, 1},
		{nil, []int64{1, 9}, 0, 2},
		{nil, []int64{9, 1}, 0, 1},
		{nil, []int64{1, 1}, 0, 2},
		{nil, []int64{7}, 0, 1},
		{nil, []int64{5, 3, 4}, 0, 1},
		{nil, []int64{5, 3, 4}, 2, 2},
		{nil, []int64{5, 3, 4}, 3, 3},
		{nil, []int64{5, 1, 4}, 0, 1},
		{nil, []int64{1, 3, 4}, 0, 3},
		{nil, []int64{1, 5, 3, 4}, 0, 2},
		{nil, []int64{5, 2, 3, 4}, 4, 4},
	} {
		for _, mode := range []string{PoolMean, PoolMax, PoolCLS, PoolLast} {
			model := &tensorModel{declared: c.declared, shape: func([]int64) []int64 { return c.shape }}
			f, err := Extract(t.Context(), model, samplesOf([]int{2}, []int{2}, []int{2}),
				ExtractOptions{Batch: 2, Pool: Pooling{Mode: mode, FeatureAxis: c.given}})
			if err != nil {
				t.Errorf("%v %s: %v", c.shape, mode, err)
				continue
			}
			if p := f.Meta.Pool; p == nil || p.Mode != mode || p.FeatureAxis != c.axis || p.Axes != len(c.shape)+1 {
				t.Errorf("%v %s: %+v, want axis %d", c.shape, mode, p, c.axis)
			}
			for i := range f.Len() {
				var x []float32
				for k := range product(c.shape) {
					x = append(x, tokenValue(float32(1000*i), k))
				}
				if want := naivePool(x, c.shape, c.axis, mode); !slices.Equal(f.Row(i), want) {
					t.Errorf("%v %s, sample %d: %v, want %v", c.shape, mode, i, f.Row(i), want)
				}
			}
		}
	}
}

// TestPoolShapes checks which tensors are flattened, pooled and refused.
func TestPoolShapes(t *testing.T) {
	t.Parallel()
	same := func(sample []int64) []int64 { return sample }
	pictures, equal := samplesOf([]int{13, 9}, []int{9, 13}), samplesOf([]int{13, 9}, []int{13, 9})
	for _, c := range []struct {
		name  string
		model tensorModel
		data  datasets.Dataset
		pool  Pooling
		dim   int
		wrong string
	}{
		{"fixed axes", tensorModel{declared: []int64{-1, 13, 9}, shape: same}, equal, Pooling{}, 117, ""},
		{"a free axis", tensorModel{declared: []int64{-1, -1, 9}, shape: same}, equal, Pooling{}, 0, "the model declares [? 9]"},
		{"undeclared", tensorModel{shape: same}, equal, Pooling{}, 0, "the model declares no shape"},
		{"a free axis of length 1", tensorModel{declared: []int64{-1, -1, 9}, shape: same},
			samplesOf([]int{1, 9}, []int{1, 9}), Pooling{}, 9, ""},
		{"a free axis alone", tensorModel{declared: []int64{-1, -1}, shape: same}, samplesOf([]int{9}), Pooling{}, 9, ""},
		{"flattened by name", tensorModel{declared: []int64{-1, -1, 9}, shape: same}, equal, Pooling{Mode: PoolFlatten}, 117, ""},
		{"equal products", tensorModel{declared: []int64{-1, -1, -1}, shape: same}, pictures, Pooling{Mode: PoolFlatten}, 0,
			"would stand for different places"},
		{"no declaration kept", tensorModel{declared: []int64{-1, 13, 9}, shape: same}, pictures, Pooling{}, 0,
			"would stand for different places"},
		{"all axes", tensorModel{shape: same}, equal, Pooling{Mode: PoolNone}, 117, ""},
		{"length differs", tensorModel{shape: same}, samplesOf([]int{4, 6}, []int{9, 6}), Pooling{Mode: PoolMean}, 6, ""},
		{"width differs", tensorModel{shape: same}, pictures, Pooling{Mode: PoolMean}, 0, "axis 2, the features"},
		{"five axes", tensorModel{shape: same}, samplesOf([]int{2, 3, 4, 5}), Pooling{Mode: PoolMean}, 0,
			"does not say which axis"},
		{"no such axis", tensorModel{shape: same}, equal, Pooling{Mode: PoolMean, FeatureAxis: 3}, 0, "--feature-axis 3"},
		{"unknown mode", tensorModel{shape: same}, equal, Pooling{Mode: "average"}, 0, "--pool average"},
		{"axis without a mode", tensorModel{shape: same}, equal, Pooling{FeatureAxis: 1}, 0, "--feature-axis names"},
		{"no positions", tensorModel{shape: func([]int64) []int64 { return []int64{0, 6} }}, equal, Pooling{Mode: PoolMean}, 0,
			"no position to pool"},
	} {
		f, err := Extract(t.Context(), &c.model, c.data, ExtractOptions{Pool: c.pool})
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", c.name, err, c.wrong)
			}
		case err != nil || f.Dim != c.dim:
			t.Errorf("%s: %v, want %d features", c.name, err, c.dim)
		}
	}
}

// TestPoolOfClouds checks that the axis with as many places as the clouds have points is not taken for the features.
func TestPoolOfClouds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shape []int64
		axis  int
	}{
		{[]int64{6, 16}, 1}, {[]int64{16, 6}, 2}, {[]int64{16, 16}, 2}, {[]int64{16, 4, 6}, 3}, {[]int64{6, 16, 4}, 1},
	} {
		model := &tensorModel{shape: func([]int64) []int64 { return c.shape }}
		f, err := Extract(t.Context(), cloudModel{model}, clouds(3, 16), ExtractOptions{Pool: Pooling{Mode: PoolMean}})
		if err != nil || f.Meta.Pool.FeatureAxis != c.axis {
			t.Errorf("%v: %v, want axis %d", c.shape, err, c.axis)
		}
	}
}

type cloudModel struct{ *tensorModel }

func (cloudModel) Inputs() []Input { return []Input{{Name: "points", Shape: []int64{-1, -1, 3}}} }
