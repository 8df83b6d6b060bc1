package wiseft

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// plantOrder writes a model that computes the same with all units in random orders.
func plantOrder(t *testing.T, path, out string) {
	t.Helper()
	m, _ := onnxtest.Open(t, path)
	groups := align.Find(m)
	if len(groups.List) == 0 {
		t.Fatalf("%s has no units that may be permuted", path)
	}
	rng := rand.New(rand.NewPCG(5, 5))
	order := make(align.Permutations, len(groups.List))
	for i, g := range groups.List {
		order[i] = rng.Perm(g.Size)
	}
	replaced, err := groups.Replacements(order)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := m.WriteChanged(t.Context(), &b, onnx.Change{}, replaced...); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(out, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A model whose units were put in random orders is merged as the model itself, by weights and by activations, and
// verify repeats that from the file and the provenance.
func TestAlignUndoesPlantedOrders(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := repairNet{batch: -1, epsilon: 1e-5}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, seed: 1}.write(t, dir, "b.onnx")
	planted, plain, out := filepath.Join(dir, "planted.onnx"), filepath.Join(dir, "plain.onnx"), filepath.Join(dir, "out.onnx")
	plantOrder(t, a, planted)
	points := filepath.Join(dir, "points.npz")
	writeNPZ(t, points, repairData(t, 80))
	d, err := Diff(t.Context(), planted, b, MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(d.Permuted, "conv2.weight") || !strings.Contains(strings.Join(d.Reasons, "\n"), "the units look permuted") {
		t.Errorf("permuted %q; %q", d.Permuted, d.Reasons)
	}
	if d, err = Diff(t.Context(), a, b, MergeOptions{}); err != nil || len(d.Permuted) > 0 {
		t.Errorf("a fine-tune looks permuted in %q (%v)", d.Permuted, err)
	}
	for _, alpha := range []float64{0, .5, 1} {
		opt := MergeOptions{Params: method.Params{"alpha": alpha}}
		merge(t, plain, []string{a, b}, opt)
		for _, by := range []string{"weights", "activations"} {
			opt.Align = &AlignOptions{By: by, Data: Data{Path: points}, Layout: "bcn"}
			r := merge(t, out, []string{planted, b}, opt)
			if moved, units := r.Aligned[0].Moved(); moved < 10 || units < 14 {
				t.Errorf("%s: %d of %d units move", by, moved, units)
			}
			m, _ := onnxtest.Open(t, plain)
			for _, x := range m.Tensors {
				if got, want := tensorOf(t, out, x.ID()), tensorOf(t, plain, x.ID()); !equalNumbers(got, want) {
					t.Errorf("alpha %g by %s: %s is %v, want %v", alpha, by, x.ID(), got[:min(4, len(got))], want[:min(4, len(want))])
				}
			}
			v, err := Verify(t.Context(), out, VerifyOptions{Prove: &ProveOptions{}})
			if err != nil {
				t.Errorf("alpha %g by %s: %v", alpha, by, err)
				continue
			}
			if alpha == .5 && v.Proof.Verdict != "proved" {
				t.Errorf("by %s: %s", by, v.Proof)
			}
		}
	}
}

// A soup brings the other models into the order of the best one: of a model with planted orders it has the average of
// the model itself. The units of several draws agree, and one of the draws is taken.
func TestSoupAndDrawsUndoPlantedOrders(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := repairNet{batch: -1, epsilon: 1e-5}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, seed: 1}.write(t, dir, "b.onnx")
	planted, plain, out := filepath.Join(dir, "planted.onnx"), filepath.Join(dir, "plain.onnx"), filepath.Join(dir, "out.onnx")
	plantOrder(t, a, planted)
	points := Data{Path: filepath.Join(dir, "points.npz")}
	writeNPZ(t, points.Path, repairData(t, 80))
	for _, how := range []AlignOptions{{By: "weights"}, {By: "activations", Data: points, Samples: 40, Draws: 3, Layout: "bcn"}} {
		soup := SoupOptions{Uniform: true, Write: WriteOptions{Force: true}}
		if _, err := Soup(t.Context(), plain, []string{b, a}, soup); err != nil {
			t.Fatal(err)
		}
		soup.Merge.Align = &how
		r, err := Soup(t.Context(), out, []string{b, planted}, soup)
		if err != nil {
			t.Fatal(err)
		}
		if moved, _ := r.Aligned[0].Moved(); len(r.Aligned) != 1 || r.Aligned[0].Model != "planted.onnx" || moved < 10 {
			t.Errorf("%s", &r.Aligned[0])
		}
		if draws := r.Aligned[0].Draws; how.Draws > 0 && (len(draws) != 3 || draws[0].Likeness < .8) {
			t.Errorf("draws %+v", draws)
		}
		m, _ := onnxtest.Open(t, plain)
		for _, x := range m.Tensors {
			if got, want := tensorOf(t, out, x.ID()), tensorOf(t, plain, x.ID()); !equalNumbers(got, want) {
				t.Errorf("by %s: %s is %v, want %v", how.By, x.ID(), got[:min(4, len(got))], want[:min(4, len(want))])
			}
		}
		if _, err := Verify(t.Context(), out, VerifyOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func equalNumbers(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Between a model and its fine-tune nothing moves, so that the merge has the bytes of one without an alignment; with a
// repair it has those of a repair alone.
func TestAlignLeavesFineTunes(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := repairNet{batch: -1, epsilon: 1e-5}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, seed: 1}.write(t, dir, "b.onnx")
	repaired := &RepairOptions{Data: Data{Path: "points", Set: repairData(t, 20)}, Layout: "bcn"}
	for _, opt := range []MergeOptions{{}, {Repair: repaired}} {
		var files [2][]byte
		for i, by := range []*AlignOptions{nil, {By: "weights"}} {
			opt.Align = by
			out := filepath.Join(dir, "out.onnx")
			r, err := Merge(t.Context(), out, []string{a, b}, opt, WriteOptions{Force: true, NoProvenance: true})
			if err != nil {
				t.Fatal(err)
			}
			if by != nil && !strings.Contains(r.Aligned[0].String(), "the models have one order") {
				t.Errorf("%s", &r.Aligned[0])
			}
			if files[i], err = os.ReadFile(out); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0], files[1]) {
			t.Error("an alignment that moves nothing changes the merge")
		}
	}
}

// What cannot be aligned is refused with the reason.
func TestAlignRefuses(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := repairNet{batch: -1, epsilon: 1e-5}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, seed: 1}.write(t, dir, "b.onnx")
	for _, test := range []struct {
		opt  AlignOptions
		want string
	}{
		{AlignOptions{By: "names"}, "no alignment by \"names\""},
		{AlignOptions{By: "activations"}, "needs unlabelled data"},
		{AlignOptions{By: "activations", Data: Data{Path: "p", Set: repairData(t, 5)}, Samples: 6, Layout: "bcn"}, "6 samples are wanted"},
	} {
		_, err := Merge(t.Context(), filepath.Join(dir, "out.onnx"), []string{a, b}, MergeOptions{Align: &test.opt}, WriteOptions{})
		if fault.KindOf(err) != fault.Usage || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
}
