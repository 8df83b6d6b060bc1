// Package methodtest checks the properties that every merge method must have. [Run] also serves methods of other
// programs, except the check "scale", which fails for parameters that are distances between weights.
package methodtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
)

// asymmetric lists methods whose models have different roles or counts, so that exchanging models changes the result.
var asymmetric = map[string]string{
	"slerp":        "t counts from the first model",
	"arcee_fusion": "one model besides the base",
	"nearswap":     "one model besides the base",
	"dare_linear":  "masks depend on the model's position",
	"dare_ties":    "masks depend on the model's position",
	"della":        "masks depend on the model's position",
	"della_linear": "masks depend on the model's position",
}

// unscaled lists methods with a parameter that is a distance between weights, or whose formula is not linear in the
// scale.
var unscaled = map[string]string{
	"nearswap":     "t is a distance",
	"ram":          "epsilon is a distance",
	"ramplus_tl":   "epsilon is a distance",
	"arcee_fusion": "softmax of the weights",
}

// suite holds the checks of one method.
type suite struct {
	m   method.Method
	rng *rand.Rand
}

// Run checks m in subtests.
func Run(t *testing.T, m method.Method) {
	s := &suite{m, rand.New(rand.NewPCG(1, 2))}
	for _, check := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"equal inputs give the input", s.equalInputs},
		{"blocks do not matter", s.blocks},
		{"every shape and number", s.edges},
		{"order of models", s.permuted},
		{"scale", s.scaled},
		{"weight 0 removes a model", s.weightless},
		{"density 0 and 1", s.density},
		{"random masks keep the mean", s.unbiased},
		{"lambda 0", s.lambdaZero},
		{"out of range", s.outOfRange},
	} {
		t.Run(check.name, check.run)
	}
}

// models returns the elements of a base and of changed copies of it, n each: about three models, as the method
// accepts.
func (s *suite) models(n int) [][]float64 {
	count := max(2, s.m.MinModels)
	if s.m.MaxModels == 0 {
		count = max(3, s.m.MinModels)
	}
	base := s.numbers(n, 1)
	list := [][]float64{base}
	for range count - 1 {
		x := s.numbers(n, 0.1)
		for i := range x {
			x[i] += base[i]
		}
		list = append(list, x)
	}
	return s.withFisher(list)
}

// withFisher appends a Fisher information for every model if the method takes them.
func (s *suite) withFisher(models [][]float64) [][]float64 {
	if !s.m.Fisher {
		return models
	}
	list := slices.Clone(models)
	for _, x := range models {
		f := s.numbers(len(x), 1)
		for i := range f {
			f[i] *= f[i]
		}
		list = append(list, f)
	}
	return list
}

func (s *suite) numbers(n int, scale float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(float32(scale * s.rng.NormFloat64()))
	}
	return x
}

func (s *suite) merge(t *testing.T, x *method.Tensor, p method.Params, src [][]float64, block int) []float64 {
	t.Helper()
	if x.ID == "" {
		x.ID = "weight"
	}
	x.Wide = true
	out, err := s.m.Slices(x, p, src, block)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// near compares with a tolerance of 1e-9 of the largest element, well above the rounding of sums of a few hundred
// elements or of a decomposition.
func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	scale := 0.0
	for _, w := range want {
		scale = math.Max(scale, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(got[i]-w) <= 1e-9*scale) {
			t.Errorf("%s: element %d is %v, want %v", what, i, got[i], w)
			return
		}
	}
}

// matrix returns the tensor of most checks.
func matrix(columns int64) *method.Tensor {
	return &method.Tensor{Dims: []int64{6, columns}}
}

func (s *suite) equalInputs(t *testing.T) {
	src := s.models(48)
	for i := range len(src) {
		if !s.m.Fisher || i < len(src)/2 {
			src[i] = src[0]
		}
	}
	near(t, "equal models", s.merge(t, matrix(8), nil, src, 0), src[0])
}

func (s *suite) blocks(t *testing.T) {
	src := s.models(6 * 40)
	whole := s.merge(t, matrix(40), nil, src, 0)
	guarded := make([][]float64, len(src))
	for i := range src {
		guarded[i] = slices.Clone(src[i])
	}
	near(t, "in blocks of 7", s.merge(t, matrix(40), nil, src, 7), whole) // sums are added in another order
	for i := range src {
		if !slices.Equal(src[i], guarded[i]) {
			t.Errorf("model %d was changed", i)
		}
	}
	if again := s.merge(t, matrix(40), nil, src, 0); !slices.Equal(again, whole) {
		t.Error("twice the same gives different numbers")
	}
}

// edges merges tensors of unusual shape and content: finite models must give finite results, and elements that are
// equal in all models must be kept.
func (s *suite) edges(t *testing.T) {
	shapes := [][]int64{{}, {1}, {2}, {3}, {7}, {10}, {1, 1}, {5, 1}, {1, 5}, {2, 3}, {1, 1, 6}, {4, 3, 2, 2}, {99}}
	for _, dims := range shapes {
		n := 1
		for _, d := range dims {
			n *= int(d)
		}
		for name, change := range changes {
			src := s.models(n)
			models := len(src)
			if s.m.Fisher {
				models /= 2
			}
			change(src[:models])
			got := s.merge(t, &method.Tensor{Dims: dims}, nil, src, 0)
			if unchanged[name] {
				near(t, fmt.Sprintf("%v, %s", dims, name), got, src[0])
			}
			for i, v := range got {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%v, %s: element %d is %v", dims, name, i, v)
					break
				}
			}
		}
	}
}

// unchanged lists the changes after which all models are equal.
var unchanged = map[string]bool{"zeros": true, "no change at all": true}

// changes make edge cases of the models.
var changes = map[string]func(models [][]float64){
	"as they are": func([][]float64) {},
	"zeros": func(m [][]float64) {
		for _, x := range m {
			clear(x)
		}
	},
	"no change in one": func(m [][]float64) { copy(m[1], m[0]) },
	"no change at all": func(m [][]float64) {
		for _, x := range m[1:] {
			copy(x, m[0])
		}
	},
	"opposite changes": func(m [][]float64) {
		last := m[len(m)-1]
		for i, b := range m[0] {
			last[i] = b - (m[1][i] - b)
		}
	},
	"opposite models": func(m [][]float64) {
		for i, v := range m[0] {
			m[1][i] = -v
		}
	},
	"equal magnitudes": func(m [][]float64) {
		for k, x := range m[1:] {
			for i, b := range m[0] {
				x[i] = b + 0.5*float64(1-2*((i+k)%2))
			}
		}
	},
	"tiny changes": func(m [][]float64) {
		for k, x := range m[1:] {
			for i, b := range m[0] {
				x[i] = b + 1e-9*float64(i+k)
			}
		}
	},
}

// first returns the index of the first model whose order does not matter.
func (s *suite) first() int {
	if s.m.BaseText() != "no" {
		return 1
	}
	return 0
}

func (s *suite) permuted(t *testing.T) {
	if why := asymmetric[s.m.Name]; why != "" {
		t.Skip(why)
	}
	src := s.models(48)
	p, q := method.Params{}, method.Params{}
	models := len(src)
	if s.m.Fisher {
		models /= 2
	}
	i, j := s.first(), models-1
	if name, n := s.weight(models); name != "" {
		weights := make([]float64, n)
		for k := range weights {
			weights[k] = 1 + 0.5*float64(k)
		}
		p[name] = slices.Clone(weights)
		weights[n-models+i], weights[n-models+j] = weights[n-models+j], weights[n-models+i]
		q[name] = weights
	}
	want := s.merge(t, matrix(8), p, src, 0)
	exchanged := slices.Clone(src)
	exchanged[i], exchanged[j] = src[j], src[i]
	if s.m.Fisher {
		exchanged[models+i], exchanged[models+j] = src[models+j], src[models+i]
	}
	near(t, "exchanged", s.merge(t, matrix(8), q, exchanged, 0), want)
}

// weight returns the name of the parameter with the models' weights, and its number of values.
func (s *suite) weight(models int) (name string, n int) {
	p, err := s.m.Param("weight")
	switch {
	case err != nil:
		return "", 0
	case p.PerTask:
		return p.Name, models - 1
	}
	return p.Name, models
}

func (s *suite) scaled(t *testing.T) {
	if why := unscaled[s.m.Name]; why != "" {
		t.Skip(why)
	}
	src := s.models(48)
	want := s.merge(t, matrix(8), nil, src, 0)
	for _, scale := range []float64{0x1p-20, 0x1p12} {
		models := make([][]float64, len(src))
		for k := range src {
			models[k] = slices.Clone(src[k])
			if s.m.Fisher && k >= len(src)/2 {
				continue
			}
			for i := range models[k] {
				models[k][i] *= scale
			}
		}
		got := s.merge(t, matrix(8), nil, models, 0)
		for i := range got {
			got[i] /= scale
		}
		near(t, "scaled", got, want)
	}
}

func (s *suite) weightless(t *testing.T) {
	src := s.models(48)
	models := len(src)
	if s.m.Fisher {
		models /= 2
	}
	name, n := s.weight(models)
	if name == "" || models-1 < max(2, s.m.MinModels) || s.m.MaxModels != 0 {
		t.Skip("no model can be left out")
	}
	weights := slices.Repeat([]float64{1}, n)
	without := slices.Clone(weights[:n-1])
	weights[n-1] = 0
	fewer := slices.Clone(src[:models-1])
	if s.m.Fisher {
		fewer = append(fewer, src[models:2*models-1]...)
	}
	p := method.Params{name: weights}
	want := s.merge(t, matrix(8), method.Params{name: without}, fewer, 0)
	near(t, "with a model of weight 0", s.merge(t, matrix(8), p, src, 0), want)
}

func (s *suite) density(t *testing.T) {
	if _, err := s.m.Param("density"); err != nil {
		t.Skip("no parameter density")
	}
	src := s.models(48)
	near(t, "density 0", s.merge(t, matrix(8), method.Params{"density": 0.0}, src, 0), src[0])
	all := s.merge(t, matrix(8), method.Params{"density": 1.0}, src, 0)
	if slices.Equal(all, src[0]) {
		t.Error("density 1 changes nothing")
	}
	if s.m.MinModels == 2 { // base + tau
		near(t, "density 1 of one task vector", s.merge(t, matrix(8), method.Params{"density": 1.0}, src[:2], 0), src[1])
	}
	for _, d := range []float64{1e-9, 0.001, 0.5, 0.999} {
		for n := 1; n <= 10; n++ {
			for i, v := range s.merge(t, &method.Tensor{}, method.Params{"density": d}, s.models(n), 0) {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("density %g of %d: element %d is %v", d, n, i, v)
				}
			}
		}
	}
}

// unbiased drops elements of 4,096 changes of 1: scaled up, the mean must stay 1. An element kept with probability
// 1/2 is 0 or 2, with a standard deviation of 1, so that the mean's is 1/64; the tolerance is five of these.
func (s *suite) unbiased(t *testing.T) {
	p, err := s.m.Param("rescale")
	if err != nil || !slices.Contains(p.Choices, "density") {
		t.Skip("it has no random masks")
	}
	src := [][]float64{make([]float64, 4096), slices.Repeat([]float64{1}, 4096)}
	for _, rescale := range []string{"density", "l1", "none"} {
		want := 1.0
		if rescale == "none" {
			want = 0.5
		}
		sum := 0.0
		p := method.Params{"density": 0.5, "rescale": rescale, "normalize": false}
		for _, v := range s.merge(t, &method.Tensor{Dims: []int64{64, 64}}, p, src, 0) {
			sum += v
		}
		if mean := sum / 4096; math.Abs(mean-want) > 5.0/64 {
			t.Errorf("rescale=%s: the mean is %g, want %g", rescale, mean, want)
		}
	}
}

func (s *suite) lambdaZero(t *testing.T) {
	if _, err := s.m.Param("lambda"); err != nil {
		t.Skip("no parameter lambda")
	}
	src := s.models(48)
	near(t, "lambda 0", s.merge(t, matrix(8), method.Params{"lambda": 0.0}, src, 0), src[0])
}

// outOfRange passes values that every parameter must refuse.
func (s *suite) outOfRange(t *testing.T) {
	for _, p := range s.m.Params {
		bad := []any{struct{}{}, method.Gradient{}}
		switch p.Kind {
		case method.Number:
			bad = append(bad, math.NaN(), math.Inf(1), "much", true)
			if p.Max != 0 && p.Max != math.MaxFloat64 {
				bad = append(bad, 2*p.Max+1)
			}
			if p.Min != 0 || p.Max != 0 {
				bad = append(bad, p.Min-1)
			}
			if p.Integer {
				bad = append(bad, p.Min+0.5)
			}
			if !p.PerModel && !p.PerTask {
				bad = append(bad, []float64{1, 1})
			}
		case method.Bool:
			bad = append(bad, 1.0, "true")
		case method.Choice:
			bad = append(bad, 1.0, "", "sideways")
		}
		for _, v := range bad {
			if _, err := s.m.Complete(method.Params{p.Name: v}); err == nil {
				t.Errorf("%s=%v is accepted", p.Name, v)
			}
		}
	}
	if _, err := s.m.Complete(method.Params{"no such parameter": 1.0}); err == nil {
		t.Error("an unknown parameter is accepted")
	}
	if err := s.m.CheckModels(method.Params{}, 0); err == nil {
		t.Error("no models are accepted")
	}
}
