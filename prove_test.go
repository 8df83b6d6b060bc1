package wiseft_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe/ort/orttest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// corpusModel writes an export of the pairing corpus into a folder and returns its path.
func corpusModel(t *testing.T, dir, name string) string {
	t.Helper()
	corpus := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "onnxmerge", "pair", "testdata", "corpus")
	data := unzipped(t, filepath.Join(corpus, name+".onnx.gz"))
	path := filepath.Join(dir, strings.ReplaceAll(name, "/", "_")+".onnx")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// prove returns the proof of a pair.
func prove(t *testing.T, a, b string, opt wiseft.MergeOptions) wiseft.Proof {
	t.Helper()
	plan, err := wiseft.PlanMerge(t.Context(), []string{a, b}, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	proofs, err := plan.Prove(t.Context(), wiseft.ProveOptions{})
	if err != nil {
		t.Fatalf("%s and %s: %v", a, b, err)
	}
	return proofs[0]
}

// Right pairs of exports of one kind and of two kinds are never disproved; those of networks whose exports have the
// same weights are proved.
func TestRightPairsAreProved(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	for architecture, isProved := range map[string]bool{
		"resnet": true, "mlp": true, "unet": true, "bert": false, "pointnet2": true,
	} {
		a := corpusModel(t, dir, architecture+"/a_fold")
		for _, export := range []string{"b_dynamo", "b_hashed"} {
			p := prove(t, a, corpusModel(t, dir, architecture+"/"+export), wiseft.MergeOptions{FoldNorms: true})
			if p.Verdict == onnxmerge.Disproved || isProved && p.Verdict != onnxmerge.Proved {
				t.Errorf("%s, %s: %s: %s", architecture, export, p.Verdict, p.Reason)
			}
		}
	}
}

// The attention of point_transformer divides by a number that one export stores and the other computes from a shape.
func TestANumberOfBothModelsIsNotFolded(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a, b := corpusModel(t, dir, "point_transformer/a_dynamo"), corpusModel(t, dir, "point_transformer/b_fold")
	for _, opt := range []wiseft.MergeOptions{{}, {FoldNorms: true}} {
		if p := prove(t, a, b, opt); p.Verdict != onnxmerge.Proved {
			t.Errorf("fold %v: %s", opt.FoldNorms, p)
		}
	}
}

// Two weights of one shape that are paired crosswise are disproved, and nothing is written.
func TestAWrongPairIsDisproved(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	models := []string{corpusModel(t, dir, "resnet/a_keep"), corpusModel(t, dir, "resnet/b_keep")}
	crossed := []onnxmerge.GivenPair{
		{A: "layer1.0.conv1.weight", B: "layer1.1.conv1.weight"}, {A: "layer1.1.conv1.weight", B: "layer1.0.conv1.weight"}}
	out := filepath.Join(dir, "out.onnx")
	_, err := wiseft.Merge(t.Context(), out, models,
		wiseft.MergeOptions{Pairs: crossed, Prove: &wiseft.ProveOptions{}}, wiseft.WriteOptions{})
	if wiseft.KindOf(err) != wiseft.Mismatch || !strings.Contains(err.Error(), "disproved by running") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a model was written")
	}
}

// A weight that is not swapped makes what depends on it not provable, and is named; what is before it is proved.
func TestAnExcludedWeightIsNotProvable(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	p := prove(t, corpusModel(t, dir, "resnet/a_keep"), corpusModel(t, dir, "resnet/b_keep"),
		wiseft.MergeOptions{Exclude: []string{"layer2.0.conv1.weight"}})
	if p.Verdict != onnxmerge.NotProvable || !strings.Contains(p.Reason, `"layer2.0.conv1.weight" is kept`) ||
		len(p.Unproven) == 0 || len(p.Unproven) > 40 {
		t.Errorf("%s: %s; unproven %q", p.Verdict, p.Reason, p.Unproven)
	}
}

// The proof is part of the result and of the merged model, which is verified as before.
func TestAProofIsRecorded(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	models := []string{corpusModel(t, dir, "resnet/a_fold"), corpusModel(t, dir, "resnet/b_keep")}
	out := filepath.Join(dir, "out.onnx")
	r, err := wiseft.Merge(t.Context(), out, models,
		wiseft.MergeOptions{FoldNorms: true, Prove: &wiseft.ProveOptions{}}, wiseft.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Proof == nil || r.Proof.Verdict != onnxmerge.Proved || *r.Proof.Relative > 1e-5 || len(r.Proof.Inputs) != 1 {
		t.Errorf("proof %+v", r.Proof)
	}
	v, err := wiseft.Verify(t.Context(), out, wiseft.VerifyOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Provenance.Proofs) != 1 || v.Provenance.Proofs[0].Verdict != onnxmerge.Proved {
		t.Errorf("provenance has the proofs %+v", v.Provenance.Proofs)
	}
}

// Published models and their fine-tuned successors are proved, in two float types too.
func TestRealPairsAreProved(t *testing.T) {
	orttest.Load(t)
	folder := sharedtest.Path(t, "data", "models")
	for _, pair := range [][2]string{
		{"pointnet/pointnet_marcusforte_early", "pointnet/pointnet_marcusforte_late"},
		{"pointnet/pointnet_3dcertify_natural", "pointnet/pointnet_3dcertify_fgsm"},
		{"pointssl/pointssl_base_backbone", "pointssl/pointssl_ft1_with_classifier"},
		{"pointssl/pointssl_base_backbone_fp16", "pointssl/pointssl_ft1_backbone"},
		{"ocr/multilingual_PP-OCRv3_det", "ocr/en_PP-OCRv3_det"},
	} {
		p := prove(t, filepath.Join(folder, pair[0]+".onnx"), filepath.Join(folder, pair[1]+".onnx"), wiseft.MergeOptions{})
		if p.Verdict != onnxmerge.Proved {
			t.Errorf("%s: %s: %s", pair[1], p.Verdict, p.Reason)
		}
	}
}

// Pairs that the checks refuse are stated, which switches the checks off: weights that contain a scale in one model,
// and weights in blocked order. Running disproves them; where one model stores scales that the other has folded, it names
// those before the first value that differs.
func TestRefusedPairsAreNotProvedIfStated(t *testing.T) {
	orttest.Load(t)
	folder := sharedtest.Path(t, "cases", "pairing")
	for name, want := range map[string]struct {
		verdict onnxmerge.ProofVerdict
		reason  string
	}{
		"convmul_scalar_behind_layer__plain__folded": {onnxmerge.Disproved, "wrongly, scaled or permuted: 0.weight"},
		"nchwc__ts17__ts17-ort99":                    {onnxmerge.Disproved, "reorder"},
		"convmul_0.01__ts17-ort1__ts17":              {onnxmerge.NotProvable, "onnx::Mul_65\" of the other model has no"},
		"frozenbn__ts17__ts17-slim":                  {onnxmerge.NotProvable, "onnx::Mul_112, onnx::Add_114"},
	} {
		a, b := filepath.Join(folder, name, "A.onnx"), filepath.Join(folder, name, "B.onnx")
		p := prove(t, a, b, wiseft.MergeOptions{Pairs: refusedPairs(t, a, b)})
		if p.Verdict != want.verdict || !strings.Contains(p.Reason, want.reason) ||
			p.Verdict == onnxmerge.NotProvable && len(p.Unproven) == 0 {
			t.Errorf("%s: %s", name, p)
		}
	}
}

// The LayerNormalization before the head is kept, since one exporter writes another operator for it: running proves what
// is before it, and the verdict names it.
func TestAKeptNormalisationIsNotProvable(t *testing.T) {
	orttest.Load(t)
	folder := sharedtest.Path(t, "cases", "pairing", "last_layernorm_kept_silently")
	p := prove(t, filepath.Join(folder, "A.onnx"), filepath.Join(folder, "B.onnx"), wiseft.MergeOptions{})
	if p.Verdict != onnxmerge.NotProvable || !strings.Contains(p.Reason, `"classifier.0.weight" is kept`) ||
		!strings.HasSuffix(p.Reason, "either: classifier.0.bias") || len(p.Unproven) > 0 {
		t.Errorf("%s", p)
	}
}

// refusedPairs pairs the refused weights of a merge with those of the same name, or else of the same shape in order.
func refusedPairs(t *testing.T, a, b string) (pairs []onnxmerge.GivenPair) {
	t.Helper()
	plan, err := wiseft.PlanMerge(t.Context(), []string{a, b}, wiseft.MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	pretrained, err := wiseft.Open(a)
	if err != nil {
		t.Fatal(err)
	}
	defer pretrained.Close()
	free := slices.Clone(pretrained.Tensors)
	for _, d := range plan.Decisions {
		fits := func(x *onnx.Tensor) bool {
			return x.DType == d.DType && slices.Equal(x.Dims, d.Dims) && (pretrained.Lookup(d.Tensor) == nil || x.ID() == d.Tensor)
		}
		if i := slices.IndexFunc(free, fits); d.Action == onnxmerge.Refuse && i >= 0 {
			pairs = append(pairs, onnxmerge.GivenPair{A: free[i].ID(), B: d.Tensor})
			free = slices.Delete(free, i, i+1)
		}
	}
	return pairs
}
