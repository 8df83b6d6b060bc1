package onnxmerge

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// corpusModel opens an export of the pairing corpus. Names of exports begin with their weight set, "a" or "b".
func corpusModel(t *testing.T, architecture, name string) *onnx.Model {
	t.Helper()
	f, err := os.Open("pair/testdata/corpus/" + architecture + "/" + name + ".onnx.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return openBytes(t, data)
}

// mergeFolding merges with BatchNormalizations folded where only one model has them.
func mergeFolding(t *testing.T, a, b *onnx.Model, alpha float64) *onnx.Model {
	t.Helper()
	plan, err := planPair(t.Context(), a, b, Options{FoldNorms: true, Params: method.Params{"alpha": alpha}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := Run(t.Context(), &out, plan, nil); err != nil {
		t.Fatal(err)
	}
	return openBytes(t, out.Bytes())
}

// normedArchitectures are the corpus's architectures with BatchNormalizations that exporters fold.
var normedArchitectures = []string{"resnet", "depthwise", "unet", "dgcnn", "pointnet", "pointnet2", "branches", "senet"}

// The merge of two folded models, of an unfolded with a folded one, and of a folded with an unfolded one give the same
// weights, after the last result is folded.
func TestFoldingGivesTheMixOfFoldedModels(t *testing.T) {
	t.Parallel()
	for _, architecture := range normedArchitectures {
		t.Run(architecture, func(t *testing.T) {
			t.Parallel()
			aFold, bFold := corpusModel(t, architecture, "a_fold"), corpusModel(t, architecture, "b_fold")
			aKeep, bKeep := corpusModel(t, architecture, "a_keep"), corpusModel(t, architecture, "b_keep")
			want := openBytes(t, merge(t, aFold, bFold, 0.3, 1))
			sameFloats(t, "the pre-trained one unfolded", mergeFolding(t, aKeep, bFold, 0.3), want)
			// The fine-tuned file keeps its BatchNormalizations. A merge with alpha 0 folds the result for the comparison.
			unfolded := mergeFolding(t, aFold, bKeep, 0.3)
			sameFloats(t, "the fine-tuned one unfolded", mergeFolding(t, unfolded, bFold, 0), want)
			if flow.CountOps(unfolded, "BatchNormalization") != flow.CountOps(bKeep, "BatchNormalization") {
				t.Error("the fine-tuned model's form changed")
			}
			// The mix of folded weights differs from the fold of mixed weights.
			averaged := openBytes(t, merge(t, aKeep, bKeep, 0.3, 1))
			if distance := largestDifference(t, mergeFolding(t, averaged, bFold, 0), want); distance < 1e-4 {
				t.Errorf("the fold of the mix and the mix of the folds differ by %g only, want 1e-4 or more", distance)
			}
		})
	}
}

func sameFloats(t *testing.T, how string, got, want *onnx.Model) {
	t.Helper()
	// 17 ULP of float32 numbers from 2 to 4, the largest weights of this corpus: exporters fold in float32.
	if d := largestDifference(t, got, want); d > 4e-6 {
		t.Errorf("%s: a weight differs by %g", how, d)
	}
}

func largestDifference(t *testing.T, got, want *onnx.Model) float64 {
	t.Helper()
	largest, compared := 0.0, 0
	for _, w := range want.Tensors {
		if w.DType != onnx.Float32 {
			continue
		}
		x, err := valuesOrZeros(got.Lookup(w.ID()), int(w.Len()))
		if err != nil {
			t.Fatal(err)
		}
		y, err := valuesOrZeros(w, int(w.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			largest = max(largest, math.Abs(x[i]-y[i]))
		}
		compared++
	}
	if compared < 5 {
		t.Fatalf("%d tensors compared", compared)
	}
	return largest
}

// Without FoldNorms nothing is folded, and the reason names the flag --fold.
func TestFoldingIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{"a_keep", "b_fold"}, {"a_fold", "b_keep"}} {
		_, err := planPair(t.Context(), corpusModel(t, "resnet", c[0]), corpusModel(t, "resnet", c[1]), Options{})
		var mismatch *MismatchError
		if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "--fold") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// Unfolding divides by the scale, so that a scale of 0 is refused.
func TestFoldingRefusesAScaleOfZero(t *testing.T) {
	t.Parallel()
	b := corpusModel(t, "resnet", "b_keep")
	var scale *onnx.Tensor
	for o := range flow.Operands(b) {
		if o.Node.OpType == "BatchNormalization" && o.Slot == 1 {
			scale = o.Tensor
			break
		}
	}
	b = withPayloads(t, b, map[string][]byte{scale.ID(): make([]byte, scale.SizeBytes())})
	_, err := planPair(t.Context(), corpusModel(t, "resnet", "a_fold"), b, Options{FoldNorms: true})
	if err == nil || !strings.Contains(err.Error(), "cannot be folded: the BatchNormalization's scale is 0 in channel 0") {
		t.Errorf("error %v", err)
	}
}

// A merge of two folded models gives a warning.
func TestBothFoldedIsWarnedOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{{"a_fold", "b_fold", true}, {"a_keep", "b_keep", false}} {
		plan, err := planPair(t.Context(), corpusModel(t, "resnet", c.a), corpusModel(t, "resnet", c.b), Options{})
		if err != nil {
			t.Fatal(err)
		}
		const warning = "mixing folded weights differs from folding mixed weights"
		if got := strings.Contains(strings.Join(plan.Warnings, "\n"), warning); got != c.want {
			t.Errorf("%s and %s: warnings %q", c.a, c.b, plan.Warnings)
		}
	}
}

// Several models may each be folded or not if the fine-tuned model is folded. If it is not, all others must have the
// same form, because the folded ones are unfolded through the fine-tuned model's BatchNormalizations.
func TestFoldingManyModels(t *testing.T) {
	t.Parallel()
	model := func(name string) *onnx.Model { return corpusModel(t, "resnet", name) }
	soup := func(names ...string) (*onnx.Model, error) {
		var models []*onnx.Model
		for _, name := range names {
			models = append(models, model(name))
		}
		plan, err := planAll(t.Context(), models, Options{Method: "uniform_soup", FoldNorms: true})
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if _, err := Run(t.Context(), &out, plan, nil); err != nil {
			return nil, err
		}
		return openBytes(t, out.Bytes()), nil
	}
	want, err := soup("a_fold", "a_fold", "b_fold")
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{
		{"a_keep", "a_keep", "b_fold"}, {"a_keep", "a_fold", "b_fold"}, {"a_fold", "a_keep", "b_fold"},
	} {
		got, err := soup(names...)
		if err != nil {
			t.Fatal(err)
		}
		sameFloats(t, strings.Join(names, ", "), got, want)
	}
	for _, names := range [][]string{{"a_keep", "a_fold", "b_keep"}, {"a_fold", "a_keep", "b_keep"}} {
		const reason = "one has the BatchNormalization folded and the other has not"
		if _, err := soup(names...); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v: %v", names, err)
		}
	}
}

// Weights whose elements cannot be scaled (4-bit types share bytes, others have no codec) are refused before they are
// read.
func TestFoldingRefusesOtherNumbers(t *testing.T) {
	t.Parallel()
	b := corpusModel(t, "resnet", "b_fold")
	plan, err := planPair(t.Context(), b, b, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, dtype := range []onnx.DType{onnx.Float4E2M1, onnx.DTypeUndefined} {
		x := *b.Tensors[0]
		x.DType = dtype
		reason := plan.planner.cannotFold(&pair.Fold{WeightA: b.Tensors[0], WeightB: &x})
		if !strings.Contains(reason, x.ID()) {
			t.Errorf("%s: %q", dtype, reason)
		}
	}
	if reason := plan.planner.cannotFold(&pair.Fold{WeightA: b.Tensors[0], WeightB: b.Tensors[0]}); reason != "" {
		t.Errorf("float32: %q", reason)
	}
}

// Sampling a transposed weight holds the whole weight in memory, so that one beyond the limit is not sampled.
func TestSamplesKeepToTheMemoryLimit(t *testing.T) {
	t.Parallel()
	m := openPath(t, filepathDemo("finetuned.onnx"))
	x := m.Lookup("fc1.weight")
	for _, c := range []struct {
		memory int64
		perm   []int
		want   bool
	}{{x.SizeBytes(), []int{1, 0}, true}, {x.SizeBytes() - 1, []int{1, 0}, false}, {x.SizeBytes() - 1, nil, true}} {
		if _, ok, err := newSampler(c.memory).likeness(x, x, c.perm); ok != c.want || err != nil {
			t.Errorf("%d bytes, axes %v: %v (%v), want %v", c.memory, c.perm, ok, err, c.want)
		}
	}
}
