package onnxmerge

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// masked has a weight, and a square tensor with -inf above its diagonal. An element of it may be replaced.
func masked(t *testing.T, seed uint64, replace map[int]float64) *onnx.Model {
	t.Helper()
	const n = 8
	w, mask := onnxtest.Random(1, n*n), onnxtest.Random(2, n*n)
	if seed > 0 {
		w, mask = onnxtest.Near(w, seed), onnxtest.Near(mask, seed+1)
	}
	for row := range n {
		for column := row + 1; column < n; column++ {
			mask[row*n+column] = math.Inf(-1)
		}
	}
	for i, v := range replace {
		mask[i] = v
	}
	b := &onnxtest.Builder{}
	b.Tensor("weight", w, n, n)
	b.Tensor("mask", mask, n, n)
	b.Node("product", "MatMul", "x", "weight")
	b.Node("y", "Add", "product", "mask")
	return b.Open(t)
}

// notAnEnd are parameters of methods whose defaults are an end, or another number of models.
var notAnEnd = map[string]method.Params{"task_arithmetic": {"lambda": 0.5}, "lines": {"alpha": 0.3, "beta": 0.3}}

// mergedMask merges models by a method with its defaults, and returns the mask and the notes.
func mergedMask(t *testing.T, m method.Method, models []*onnx.Model, opt Options) ([]float64, []string, error) {
	t.Helper()
	opt.Method = m.Name
	if opt.Params == nil {
		opt.Params = notAnEnd[m.Name]
	}
	if m.Name == "nuslerp" && len(models) == 3 {
		opt.Params = method.Params{"base": true}
	}
	if m.Fisher {
		opt.Fisher = models
	}
	plan, err := NewPlan(t.Context(), models, opt)
	if err != nil {
		t.Fatalf("%s: %v", m.Name, err)
	}
	var out bytes.Buffer
	r, err := Run(t.Context(), &out, plan, nil)
	if err != nil {
		return nil, nil, err
	}
	merged, err := onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return numbers(t, merged.Lookup("mask")), r.Notes, nil
}

// everyMethod calls f with two and, where a method takes them, three models, whose masks may have other elements.
func everyMethod(t *testing.T, replace map[int]float64, f func(t *testing.T, m method.Method, models []*onnx.Model)) {
	for _, m := range method.All() {
		for count := 2; count <= 3; count++ {
			if count < m.MinModels || m.MaxModels != 0 && count > m.MaxModels {
				continue
			}
			t.Run(fmt.Sprintf("%s of %d", m.Name, count), func(t *testing.T) {
				t.Parallel()
				models := []*onnx.Model{masked(t, 0, nil)}
				for i := 1; i < count; i++ {
					models = append(models, masked(t, uint64(10*i), replace))
				}
				f(t, m, models)
			})
		}
	}
}

// Elements that are not finite and equal in all models are kept; all others are finite.
func TestAMaskStaysAMask(t *testing.T) {
	t.Parallel()
	everyMethod(t, nil, func(t *testing.T, m method.Method, models []*onnx.Model) {
		mask, notes, err := mergedMask(t, m, models, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range mask {
			if above := i%8 > i/8; above != math.IsInf(v, -1) || !above && !isFinite(v) {
				t.Fatalf("element %d is %g", i, v)
			}
		}
		if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "28 kept, as all models") }) {
			t.Errorf("notes %q", notes)
		}
	})
}

// An element that is not finite in one model is refused, or kept on demand, whatever a method would do with it.
func TestOneElementThatIsNotFinite(t *testing.T) {
	t.Parallel()
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		everyMethod(t, map[int]float64{16: bad}, func(t *testing.T, m method.Method, models []*onnx.Model) {
			_, _, err := mergedMask(t, m, models, Options{})
			if e, ok := errors.AsType[*NonfiniteError](err); !ok || e.Element != 16 || len(e.Sources) < len(models) ||
				!strings.Contains(err.Error(), `"mask"`) {
				t.Fatalf("error %v", err)
			}
			mask, notes, err := mergedMask(t, m, models, Options{AllowNonfinite: true})
			if err != nil || isFinite(mask[16]) || len(notes) == 0 {
				t.Errorf("element 16 is %v, notes %q, error %v", mask, notes, err)
			}
		})
	}
}

// The ends copy what is not finite, and name it.
func TestEndsCopyWhatIsNotFinite(t *testing.T) {
	t.Parallel()
	linear, err := method.Lookup("linear")
	if err != nil {
		t.Fatal(err)
	}
	for _, alpha := range []float64{0, 1} {
		models := []*onnx.Model{masked(t, 0, map[int]float64{0: math.NaN()}), masked(t, 10, map[int]float64{9: math.NaN()})}
		mask, notes, err := mergedMask(t, linear, models, Options{Params: method.Params{"alpha": alpha}})
		if err != nil {
			t.Fatal(err)
		}
		if math.IsNaN(mask[0]) == (alpha == 1) || math.IsNaN(mask[9]) == (alpha == 0) {
			t.Errorf("alpha %g: %v", alpha, mask[:10])
		}
		if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, "29 copied") }) {
			t.Errorf("notes %q", notes)
		}
	}
}

// Verify names what is not finite, at the ends and between them.
func TestVerifyNamesWhatIsNotFinite(t *testing.T) {
	t.Parallel()
	for alpha, want := range map[float64]string{0: "28 copied", 0.5: "28 kept", 1: "28 copied"} {
		models := []*onnx.Model{masked(t, 0, nil), masked(t, 10, nil)}
		plan, data := runPlan(t, models, Options{Params: method.Params{"alpha": alpha}})
		v, err := Verify(t.Context(), openBytes(t, data), plan, VerifyOptions{All: true}, nil)
		if err != nil || len(v.Differences) > 0 {
			t.Fatal(v, err)
		}
		if len(v.Notes) != 1 || !strings.Contains(v.Notes[0], want) {
			t.Errorf("alpha %g: notes %q, want %q", alpha, v.Notes, want)
		}
	}
}

// A Fisher information that is not finite is refused where the models' elements are mixed by it.
func TestFisherInformationThatIsNotFinite(t *testing.T) {
	t.Parallel()
	models := []*onnx.Model{masked(t, 0, nil), masked(t, 10, nil)}
	opt := Options{Method: "fisher", Fisher: []*onnx.Model{models[0], masked(t, 20, map[int]float64{16: math.Inf(1)})}}
	plan, err := planAll(t.Context(), models, opt)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), &bytes.Buffer{}, plan, nil)
	if e, ok := errors.AsType[*NonfiniteError](err); !ok || e.Element != 16 || len(e.Sources) != 4 {
		t.Errorf("error %v", err)
	}
}

// Changes whose squares exceed float32 are selected as smaller ones are: the base is not kept for them.
func TestLargeWeightsAreSelected(t *testing.T) {
	t.Parallel()
	large := func(seed uint64) *onnx.Model {
		values := onnxtest.Near(onnxtest.Random(1, 256), seed)
		for i := range values {
			values[i] *= 1e36
		}
		b := &onnxtest.Builder{}
		b.Tensor("w", values, 16, 16)
		b.Node("y", "MatMul", "x", "w")
		return b.Open(t)
	}
	models := []*onnx.Model{large(1), large(2), large(3)}
	_, data := runPlan(t, models, Options{Method: "sce", Params: method.Params{"select_topk": 0.5}})
	got, base := numbers(t, openBytes(t, data).Lookup("w")), numbers(t, models[0].Lookup("w"))
	changed := 0
	for i := range got {
		if got[i] != base[i] {
			changed++
		}
	}
	if changed < 100 || changed > 128 {
		t.Errorf("%d of 256 elements change, want half", changed)
	}
}

// The shared pair with a causal mask of -Inf merges by every method, and keeps the mask.
func TestSharedMask(t *testing.T) {
	t.Parallel()
	dir := sharedtest.Path(t, "cases", "files", "mask_minus_inf_becomes_nan")
	a, _ := open(t, filepath.Join(dir, "a.onnx"))
	b, _ := open(t, filepath.Join(dir, "b.onnx"))
	for _, m := range method.All() {
		if m.Fisher || m.MinModels > 2 {
			continue
		}
		_, data := runPlan(t, []*onnx.Model{a, b}, Options{Method: m.Name})
		got, masks := openBytes(t, data), 0
		for _, x := range b.Tensors {
			if !x.DType.IsFloat() {
				continue
			}
			want := numbers(t, x)
			for i, v := range numbers(t, got.Lookup(x.ID())) {
				if math.IsNaN(v) || math.IsInf(want[i], -1) != math.IsInf(v, -1) {
					t.Errorf("%s: element %d of %s is %v, fine-tuned %v", m.Name, i, x.ID(), v, want[i])
				}
				if math.IsInf(v, -1) {
					masks++
				}
			}
		}
		if masks == 0 {
			t.Errorf("%s: no mask", m.Name)
		}
	}
}
