package onnxmerge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// family returns a base and n-1 copies of it whose float32 weights are changed by up to 5 %, in each copy differently.
func family(t testing.TB, base []byte, n int) []*onnx.Model {
	t.Helper()
	list := []*onnx.Model{openBytes(t, base)}
	for k := range n - 1 {
		m := openBytes(t, base)
		var made []onnx.Replacement
		for _, x := range m.Tensors {
			if x.DType != onnx.Float32 || !x.Replaceable() || x.Len() == 0 {
				continue
			}
			data := payload(t, x)
			made = append(made, onnx.Replacement{Tensor: x, Fill: func(dst []byte, off int64) error {
				for i := 0; i < len(dst); i += 4 {
					v := math.Float32frombits(binary.LittleEndian.Uint32(data[int(off)+i:]))
					v *= 1 + 0.05*float32(math.Sin(float64((int(off)+i)*(k+2))))
					binary.LittleEndian.PutUint32(dst[i:], math.Float32bits(v))
				}
				return nil
			}})
		}
		var out bytes.Buffer
		if err := m.Rewrite(t.Context(), &out, made, 1); err != nil {
			t.Fatal(err)
		}
		list = append(list, openBytes(t, out.Bytes()))
	}
	return list
}

func modelsFor(t testing.TB, m method.Method, base []byte) (models []*onnx.Model, opt Options) {
	t.Helper()
	n := max(2, m.MinModels)
	if m.MaxModels == 0 {
		n = max(3, m.MinModels)
	}
	models = family(t, base, n)
	opt.Method = m.Name
	if m.Fisher {
		opt.Fisher = family(t, base, n)
	}
	return models, opt
}

func runPlan(t testing.TB, models []*onnx.Model, opt Options) (*Plan, []byte) {
	t.Helper()
	plan, err := planAll(t.Context(), models, opt)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Run(t.Context(), &out, plan, nil); err != nil {
		t.Fatal(err)
	}
	return plan, out.Bytes()
}

// Every method merges a model file: the bytes do not depend on the number of workers, integers are copied, and Verify
// finds no difference.
func TestEveryMethodMergesModels(t *testing.T) {
	t.Parallel()
	_, base := open(t, local("pretrained.onnx"))
	for _, name := range method.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := method.Lookup(name)
			if err != nil {
				t.Fatal(err)
			}
			models, opt := modelsFor(t, m, base)
			plan, one := runPlan(t, models, opt)
			opt.Workers = 5
			if _, five := runPlan(t, models, opt); !bytes.Equal(one, five) {
				t.Error("one worker and five give different files")
			}
			got := openBytes(t, one)
			v, err := Verify(t.Context(), got, plan, VerifyOptions{All: true}, nil)
			if err != nil || len(v.Differences) > 0 || v.Tensors == 0 {
				t.Errorf("%d tensors: %v (%v)", v.Tensors, v.Differences, err)
			}
			integers := 0
			for i, x := range got.Tensors {
				if !x.DType.IsFloat() && x.Readable() {
					integers++
					if !bytes.Equal(payload(t, x), payload(t, models[len(models)-1].Tensors[i])) {
						t.Errorf("%s changes", x.ID())
					}
				}
			}
			if integers == 0 {
				t.Error("the model has no integers to copy")
			}
		})
	}
}

// A scan passes the same blocks in the same order for any number of workers, so that sums do not depend on it.
func TestScansDoNotDependOnWorkers(t *testing.T) {
	t.Parallel()
	_, base := open(t, local("pretrained.onnx"))
	models := family(t, base, 3)
	plan, err := planAll(t.Context(), models, Options{Method: "karcher"})
	if err != nil {
		t.Fatal(err)
	}
	mixers, _, err := (&executor{plan.planner}).mixers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	elements := int64(0)
	for _, m := range mixers {
		elements += m.dst.Len()
	}
	for _, granule := range []int64{0, 1, 3, 1000} {
		var want []int64
		for _, workers := range []int{1, 2, 7} {
			var seen []int64
			scan := scanner(t.Context(), mixers, workers)
			done := func(p method.Part) { seen = append(seen, p.(*trace).seen...) }
			if err := scan(granule, func() method.Part { return &trace{} }, done); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = seen
			}
			sum := int64(0)
			for i := 1; i < len(seen); i += 2 {
				sum += seen[i]
			}
			if sum != elements {
				t.Errorf("granule %d, %d workers: %d of %d elements", granule, workers, sum, elements)
			}
			if !slices.Equal(seen, want) || len(seen) == 0 {
				t.Errorf("granule %d, %d workers: another order", granule, workers)
			}
		}
	}
	failing := errors.New("stop")
	mixers[0].sources[0].read = func([]byte, int64) error { return failing }
	for _, workers := range []int{1, 3} {
		err := scanner(t.Context(), mixers, workers)(1, func() method.Part { return &trace{} }, func(method.Part) {})
		if !errors.Is(err, failing) {
			t.Errorf("%d workers: a source that cannot be read gives %v", workers, err)
		}
	}
}

// trace is a Part that records the offset and length of every block.
type trace struct{ seen []int64 }

func (p *trace) Add(src [][]float64, off int64) { p.seen = append(p.seen, off, int64(len(src[0]))) }

// A weight that one of several models lacks is copied from the last, with a warning.
func TestFurtherModelLacksAWeight(t *testing.T) {
	t.Parallel()
	headed, _ := open(t, local("finetuned.onnx")) // with a head
	headless, _ := open(t, local("pretrained.onnx"))
	again, _ := open(t, local("finetuned.onnx"))
	plan, err := planAll(t.Context(), []*onnx.Model{headed, headless, again}, Options{Method: "uniform_soup"})
	if err != nil {
		t.Fatal(err)
	}
	merged, kept := 0, 0
	for _, d := range plan.Decisions {
		switch {
		case d.Action == Merge:
			merged++
		case strings.Contains(d.Reason, "in the second model: only in the fine-tuned model"):
			kept++
		}
	}
	if merged != 4 || kept != 2 {
		t.Errorf("%d merged and %d kept, want 4 and 2", merged, kept)
	}
	if !slices.ContainsFunc(plan.Warnings, func(w string) bool {
		return strings.Contains(w, "2 weights") && strings.Contains(w, "second model")
	}) {
		t.Errorf("warnings %q", plan.Warnings)
	}
}

// A slice that a method mixes as a whole is refused before anything is written if it exceeds the memory limit.
func TestSlicesRespectTheMemoryLimit(t *testing.T) {
	t.Parallel()
	plan := &executor{&planner{method: method.Method{Class: method.Slices}, opt: Options{Memory: 8 << 20}, workers: 1}}
	m := &mixer{dst: &onnx.Tensor{Name: "w", DType: onnx.Float32, Dims: []int64{1 << 20}}, sources: make([]input, 3),
		method: method.Mixer{Granule: 1 << 20}}
	m.codec, _ = onnx.Float32.Codec()
	var memory *MemoryError
	if err := plan.checkGranule(m); !errors.As(err, &memory) {
		t.Errorf("a slice of 4 MiB of 3 models in 8 MiB gives %v", err)
	}
	plan.opt.Memory = 256 << 20
	if err := plan.checkGranule(m); err != nil {
		t.Error(err)
	}
}

// Plan.With gives the plan that NewPlan makes of the same parameters.
func TestWith(t *testing.T) {
	t.Parallel()
	models := []*onnx.Model{openPath(t, filepathDemo("pretrained.onnx")), openPath(t, filepathDemo("finetuned.onnx"))}
	opt := Options{Method: "lines", Params: method.Params{"alpha": 0.2},
		Set: []Override{{Match: "conv1.*", Params: method.Params{"alpha": 0.9}}}}
	first, before := runPlan(t, models, opt)
	opt.Params = method.Params{"alpha": 0.7}
	want, bytesOfWant := runPlan(t, models, opt)
	got, err := first.With(opt.Params)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Run(t.Context(), &out, got, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), bytesOfWant) || bytes.Equal(before, bytesOfWant) {
		t.Error("the merge of Plan.With differs from that of NewPlan, or parameters change nothing")
	}
	if !reflect.DeepEqual(got.Warnings, want.Warnings) || len(got.Decisions) != len(want.Decisions) {
		t.Errorf("warnings %q, want %q", got.Warnings, want.Warnings)
	}
	if _, err := first.With(method.Params{"alpha": math.Inf(1)}); err == nil {
		t.Error("a parameter out of range is accepted")
	}
}

// A warning names running variances whose elements are dropped and scaled up, and the options that prevent it, unless
// one of these is set.
func TestRescaledVariancesAreNamed(t *testing.T) {
	t.Parallel()
	models := []*onnx.Model{
		normalised(t, []float32{1, 1, 1}, []float32{3, 1, 4}), normalised(t, []float32{0, 1, 1}, []float32{1, 2, 1}),
	}
	whole := []Override{{Match: "op:BatchNormalization", Params: method.Params{"density": 1.0}}}
	for _, c := range []struct {
		what string
		opt  Options
		want bool
	}{
		{"dare_ties", Options{Method: "dare_ties"}, true},
		{"della", Options{Method: "della"}, true},
		{"scaled up to the same sum", Options{Method: "ties_per_tensor", Params: method.Params{"rescale": "l1"}}, true},
		{"densities in a list", Options{Method: "dare_linear", Params: method.Params{"density": []float64{0.5}}}, true},
		{"not scaled up", Options{Method: "dare_ties", Params: method.Params{"rescale": "none"}}, false},
		{"ties", Options{Method: "ties"}, false},
		{"everything stays", Options{Method: "dare_ties", Params: method.Params{"density": 1.0}}, false},
		{"normalisations whole", Options{Method: "dare_ties", Set: whole}, false},
		{"variances kept", Options{Method: "dare_ties", Exclude: []string{"bn.var"}}, false},
	} {
		plan, err := planAll(t.Context(), models, c.opt)
		if err != nil {
			t.Fatal(c.what, err)
		}
		named := slices.ContainsFunc(plan.Warnings, func(w string) bool {
			return strings.Contains(w, "running variances") && strings.Contains(w, "bn.var") &&
				strings.Contains(w, "--set op:BatchNormalization:density=1")
		})
		if named != c.want {
			t.Errorf("%s: warnings %q, named %t", c.what, plan.Warnings, named)
		}
	}
}
