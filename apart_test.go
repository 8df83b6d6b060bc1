package wiseft

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// trained returns the path of a file of scripts/barrier, which has trained networks.
func trained(name ...string) string {
	folder := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "scripts", "barrier", "testdata")
	return filepath.Join(append([]string{folder}, name...)...)
}

// indoorShapes are clouds of the ten classes that the networks for clouds are trained on.
func indoorShapes(t *testing.T, domain shapes.Domain, split string, perClass int, seed uint64) Data {
	t.Helper()
	clouds, err := shapes.New(shapes.Options{Domain: domain, Split: split, PerClass: perClass, Points: 128, Seed: seed,
		Classes: shapes.Indoor()})
	if err != nil {
		t.Fatal(err)
	}
	ds, err := datasets.InMemory(t.Context(), clouds, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Data{Path: "shapes", Set: ds}
}

// Half-way between two networks that were trained apart nothing works. An alignment and a repair together restore most of
// the accuracy, and neither does alone. With draws and seeds of scripts/barrier, digits and clouds have .13 and .10 merged,
// .46 to .55 and .09 to .14 repaired, .25 to .60 and .11 to .64 aligned, and .87 to .96 and .91 to .98 with both.
func TestAlignmentAndRepairConnectNetworksTrainedApart(t *testing.T) {
	orttest.Load(t)
	for kind, data := range map[string]struct{ calibration, test Data }{
		"digits": {Data{Path: trained("digits", "base_train.npz")}, Data{Path: trained("digits", "base_test.npz")}},
		"clouds": {indoorShapes(t, shapes.CAD, "train", 70, 0), indoorShapes(t, shapes.CAD, "test", 30, 1)},
	} {
		pair := []string{trained(kind, "base.onnx"), trained(kind, "apart.onnx")}
		opt := MergeOptions{Repair: &RepairOptions{Data: data.calibration}}
		apart := pathBetween(t, pair, opt, data.test)
		if apart.merged > .3 || apart.repaired > .7 {
			t.Errorf("%s: %+v without an alignment, want .3 merged and .7 repaired at most", kind, apart)
		}
		for _, by := range []string{"weights", "activations"} {
			opt.Align = &AlignOptions{By: by, Data: data.calibration}
			aligned := pathBetween(t, pair, opt, data.test)
			if aligned.repaired < .85 || aligned.merged > .75 || aligned.merged < apart.merged {
				t.Errorf("%s: %+v aligned by %s, want %.3f to .75 merged and .85 repaired at least", kind, aligned, by,
					apart.merged)
			}
			// An aligned network sums in another order, which may turn a close decision.
			if math.Abs(aligned.first-apart.first) > .005 || aligned.last != apart.last || apart.first < .98 || apart.last < .98 {
				t.Errorf("%s: ends %g and %g, aligned by %s %g and %g", kind, apart.first, apart.last, by, aligned.first, aligned.last)
			}
		}
		out := filepath.Join(t.TempDir(), "out.onnx")
		opt.Params = method.Params{"alpha": 1.}
		if _, err := Merge(t.Context(), out, pair, opt, WriteOptions{NoProvenance: true}); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(readFile(t, out), readFile(t, pair[1])) {
			t.Errorf("%s: alpha 1, aligned and repaired, is not the file of the last model", kind)
		}
	}
}

// For a method with a base a fine-tune is brought into the order of the aligned base, not into one of its own: what
// fine-tuning has changed then stays with the units that it was changed in.
func TestAlignKeepsAFineTuneInTheOrderOfItsBase(t *testing.T) {
	orttest.Load(t)
	files := []string{trained("clouds", "base.onnx"), trained("clouds", "tuned.onnx"), trained("clouds", "apart.onnx")}
	plan, err := PlanMerge(t.Context(), files, MergeOptions{Method: "task_arithmetic", Align: &AlignOptions{By: "weights"}})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	base, tuned := plan.aligned[0], plan.aligned[1]
	if base.To != "apart.onnx" || tuned.To != "base.onnx" {
		t.Errorf("base in the order of %s, tuned in that of %s", base.To, tuned.To)
	}
	if moved, units := base.Moved(); moved < units/2 {
		t.Errorf("%d of %d units of the base move", moved, units)
	}
	for i, g := range base.Groups {
		if other := tuned.Groups[i]; !bytes.Equal(g.Order, other.Order) {
			t.Errorf("units of %s are in another order in the base than in its fine-tune", g.Tensor)
		}
	}
}

// middle is the accuracy of own heads at both ends of a path and half-way, merged and repaired.
type middle struct{ first, merged, repaired, last float64 }

func pathBetween(t *testing.T, pair []string, merge MergeOptions, test Data) middle {
	t.Helper()
	opt := SweepOptions{Alphas: []float64{0, .5, 1}, Merge: merge}
	opt.OwnHead, opt.Tensor, opt.Suite, opt.Tests = true, "logits", "none", []Data{test}
	run, err := Sweep(t.Context(), pair, opt)
	if err != nil {
		t.Fatal(err)
	}
	var accuracy []float64
	for _, m := range run.Models {
		accuracy = append(accuracy, float64(m.Clean.OA))
	}
	if len(accuracy) != 4 {
		t.Fatalf("%d models, want the ends and the middle, merged and repaired", len(accuracy))
	}
	return middle{accuracy[0], accuracy[1], accuracy[2], accuracy[3]}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
