package onnxmerge

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

func open(t testing.TB, path string) (*onnx.Model, []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return openBytes(t, data), data
}

func openBytes(t testing.TB, data []byte) *onnx.Model {
	t.Helper()
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// planPair plans a merge of two models. A refused plan is returned beside its error.
func planPair(ctx context.Context, a, b *onnx.Model, opt Options) (*Plan, error) {
	return planAll(ctx, []*onnx.Model{a, b}, opt)
}

// planAll is planPair for any number of models.
func planAll(ctx context.Context, models []*onnx.Model, opt Options) (*Plan, error) {
	p, err := NewPlan(ctx, models, opt)
	if err != nil {
		return nil, err
	}
	return p, p.Err()
}

func local(name string) string { return filepath.Join("onnx", "testdata", name) }

// pairs lists models to merge: the shared published ones if real, else the small ones of the repository.
func pairs(t testing.TB, real bool) [][2]string {
	t.Helper()
	if !real {
		return [][2]string{
			{local("pretrained.onnx"), local("finetuned.onnx")},
			{local("pretrained.onnx"), local("finetuned_float_data.onnx")},
			{local("pretrained_constants.onnx"), local("finetuned_constants.onnx")},
			{local("pretrained_float16.onnx"), local("finetuned_float16.onnx")},
		}
	}
	model := func(elem ...string) string {
		return sharedtest.Path(t, append([]string{"data", "models"}, elem...)...)
	}
	return [][2]string{
		{model("pointssl", "pointssl_base_backbone.onnx"), model("pointssl", "pointssl_ft1_backbone.onnx")},
		{model("pointssl", "pointssl_base_backbone_fp16.onnx"), model("pointssl", "pointssl_ft1_backbone_fp16.onnx")},
		{model("pointnet", "pointnet_marcusforte_early.onnx"), model("pointnet", "pointnet_marcusforte_late.onnx")},
		{model("ocr", "en_PP-OCRv3_det.onnx"), model("ocr", "multilingual_PP-OCRv3_det.onnx")},
	}
}

func merge(t testing.TB, a, b *onnx.Model, alpha float64, workers int) []byte {
	t.Helper()
	plan, err := planPair(t.Context(), a, b, Options{Params: method.Params{"alpha": alpha}, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Run(t.Context(), &out, plan, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func payload(t testing.TB, x *onnx.Tensor) []byte {
	t.Helper()
	p := make([]byte, x.SizeBytes())
	if err := x.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

// checkMerge compares every tensor of a merge with the formula, element by element.
func checkMerge(t *testing.T, pathA, pathB string, alpha float64) {
	a, _ := open(t, pathA)
	b, dataB := open(t, pathB)
	data := merge(t, a, b, alpha, 2)
	if len(data) != len(dataB) {
		t.Fatalf("the merged file has %d bytes, the fine-tuned one %d", len(data), len(dataB))
	}
	got := openBytes(t, data)
	merged := 0
	for i, tensor := range got.Tensors {
		tb := b.Tensors[i]
		ta := a.Lookup(tb.ID())
		if !tensor.Readable() {
			continue
		}
		pg, pb := payload(t, tensor), payload(t, tb)
		if ta == nil || !tb.DType.IsFloat() {
			if !bytes.Equal(pg, pb) {
				t.Errorf("%s has no counterpart and was changed", tb.ID())
			}
			continue
		}
		merged++
		pa := payload(t, ta)
		switch alpha {
		case 0:
			if !bytes.Equal(pg, pa) {
				t.Errorf("alpha 0: %s is not the pre-trained tensor", tb.ID())
			}
			continue
		case 1:
			if !bytes.Equal(pg, pb) {
				t.Errorf("alpha 1: %s is not the fine-tuned tensor", tb.ID())
			}
			continue
		}
		if tb.DType == onnx.Float32 {
			checkFloat32(t, tb.ID(), alpha, pg, pa, pb)
		}
	}
	if merged == 0 {
		t.Error("nothing was merged")
	}
}

func checkFloat32(t *testing.T, id string, alpha float64, pg, pa, pb []byte) {
	t.Helper()
	at := func(p []byte, i int) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(p[i:])) }
	for i := 0; i < len(pg); i += 4 {
		want := float32((1-alpha)*float64(at(pa, i)) + alpha*float64(at(pb, i)))
		if got := at(pg, i); got != want {
			t.Fatalf("alpha %g: %s[%d] = %g, want %g", alpha, id, i/4, got, want)
		}
	}
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for _, p := range pairs(t, false) {
		for _, alpha := range []float64{0, 0.1, 0.5, 1} {
			checkMerge(t, p[0], p[1], alpha)
		}
	}
}

func TestMergeRealModels(t *testing.T) {
	t.Parallel()
	for _, p := range pairs(t, true) {
		t.Run(filepath.Base(p[1]), func(t *testing.T) {
			t.Parallel()
			for _, alpha := range []float64{0, 0.5, 0.75, 1} {
				checkMerge(t, p[0], p[1], alpha)
			}
		})
	}
}

func TestMergeDoesNotDependOnWorkers(t *testing.T) {
	t.Parallel()
	a, _ := open(t, local("pretrained.onnx"))
	b, _ := open(t, local("finetuned.onnx"))
	if !bytes.Equal(merge(t, a, b, 0.3, 1), merge(t, a, b, 0.3, 8)) {
		t.Error("one worker and eight give different files")
	}
}

// Alpha 0 and 1 copy bytes: the formula would change 0*Inf, the payloads of NaN, and -0.
func TestEndsKeepSpecialValues(t *testing.T) {
	t.Parallel()
	specials := []uint32{0x80000000, 0x7f800000, 0xff800000, 0x7fc12345, 0x7f800001, 1}
	poison := func(data []byte) []byte {
		data = bytes.Clone(data)
		m := openBytes(t, data)
		var out bytes.Buffer
		fill := func(dst []byte, off int64) error {
			for i := 0; i < len(dst); i += 4 {
				binary.LittleEndian.PutUint32(dst[i:], specials[(int(off)+i)/4%len(specials)])
			}
			return nil
		}
		replacements := []onnx.Replacement{{Tensor: m.Lookup("fc1.weight"), Fill: fill}}
		if err := m.Rewrite(t.Context(), &out, replacements, 1); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	_, dataA := open(t, local("pretrained.onnx"))
	_, dataB := open(t, local("finetuned.onnx"))
	a, b := openBytes(t, poison(dataA)), openBytes(t, poison(dataB))
	clean := openBytes(t, dataB)
	zero := openBytes(t, merge(t, a, clean, 0, 1))
	if !bytes.Equal(payload(t, zero.Lookup("fc1.weight")), payload(t, a.Lookup("fc1.weight"))) {
		t.Error("alpha 0 changes bits of the pre-trained model")
	}
	if got := merge(t, a, b, 1, 1); !bytes.Equal(got, poison(dataB)) {
		t.Error("alpha 1 changes bits of the fine-tuned model")
	}
}

func TestPlanSaysWhatHappensToEveryTensor(t *testing.T) {
	t.Parallel()
	a, _ := open(t, local("pretrained.onnx"))
	b, _ := open(t, local("finetuned.onnx"))
	plan, err := planPair(t.Context(), a, b, Options{Exclude: []string{"fc2*"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range plan.Decisions {
		got = append(got, fmt.Sprintf("%s %s: %s", d.Action, d.Tensor, d.Reason))
	}
	want := []string{
		"merge fc1.weight: paired by structure",
		"merge fc1.bias: paired by structure",
		"copy fc2.weight: not selected",
		"copy fc2.bias: not selected",
		"copy head.weight: only in the fine-tuned model",
		"copy head.bias: only in the fine-tuned model",
		"copy axes: int64 is not merged; the same in both models",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n, elements := plan.Count(Merge); n != 2 || elements != 8*3+8 {
		t.Errorf("%d tensors with %d elements are merged", n, elements)
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	float, _ := open(t, local("pretrained.onnx"))
	resized, _ := open(t, local("finetuned_other_use.onnx"))
	other, _ := open(t, local("branches.onnx"))
	var mismatch *MismatchError
	plan, err := planPair(t.Context(), float, resized, Options{})
	if !errors.As(err, &mismatch) || len(mismatch.Reasons) != 2 ||
		!strings.Contains(err.Error(), "used by Add against Mul") {
		t.Errorf("another use: %v", err)
	}
	if _, err := Run(t.Context(), &bytes.Buffer{}, plan, nil); err == nil {
		t.Error("a refused plan runs")
	}
	if _, err := planPair(t.Context(), float, other, Options{}); !errors.As(err, &mismatch) {
		t.Errorf("two models with nothing in common: %v", err)
	}
	var glob *GlobError
	if _, err := planPair(t.Context(), float, float, Options{Include: []string{"["}}); !errors.As(err, &glob) {
		t.Errorf("a malformed pattern: %v", err)
	}
}

func TestPlanWarnsOfUnusedWeights(t *testing.T) {
	t.Parallel()
	small, _ := open(t, local("pretrained.onnx"))
	headed, _ := open(t, local("finetuned.onnx"))
	plan, err := planPair(t.Context(), headed, small, Options{}) // the pre-trained model has a head, the other has none
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Warnings) != 1 || !strings.HasPrefix(plan.Warnings[0], "2 weights of the pre-trained model are not used") {
		t.Errorf("warnings %q", plan.Warnings)
	}
	if plan, err = planPair(t.Context(), small, headed, Options{}); err != nil || len(plan.Warnings) != 0 {
		t.Errorf("warnings %q (%v)", plan.Warnings, err)
	}
}

// Two releases of a published model, whose exporter numbers constants differently in each.
func TestDriftedNamesOfARealModel(t *testing.T) {
	t.Parallel()
	folder := sharedtest.Path(t, "data", "models", "magika")
	plan, err := planPair(t.Context(), openPath(t, filepath.Join(folder, "standard_v3_2.onnx")),
		openPath(t, filepath.Join(folder, "standard_v3_3.onnx")), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range plan.planner.decisions {
		if d.DType.IsFloat() && d.b.Len() > 1 && d.Action != Merge {
			t.Errorf("%s %s: %s", d.Action, d.Tensor, d.Reason)
		}
		if d.Tensor == "const_fold_opt__209" && d.a.ID() != "const_fold_opt__210" {
			t.Errorf("%s is paired with %s", d.Tensor, d.a.ID())
		}
	}
	if n, _ := plan.Count(Merge); n != 10 { // two bounds and offsets are settings
		t.Errorf("%d tensors are merged, want 10", n)
	}
}
