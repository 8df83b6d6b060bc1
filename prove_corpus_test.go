package wiseft_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// Of the pairs of the corpus none is disproved, since package pair has no wrong one. Merges of all backbone weights are
// proved, 90 % at least. WISEFT_EXHAUSTIVE=1 takes all pairs instead of every seventh: of 1,425 that merge 1,287 are
// proved, and of the 1,205 of these that keep no backbone weight all but one.
func TestProofsOfTheCorpus(t *testing.T) {
	orttest.Load(t)
	sides := corpusModels(t)
	step := 7
	if os.Getenv("WISEFT_EXHAUSTIVE") == "1" {
		step = 1
	}
	counts, reasons, n := map[string]int{}, map[string]int{}, 0
	whole, proved := 0, 0
	for _, architecture := range slices.Sorted(maps.Keys(sides)) {
		for _, a := range sides[architecture][0] {
			for _, b := range sides[architecture][1] {
				if n++; n%step != 0 {
					continue
				}
				plan, p := proveFiles(t, a, b)
				if plan.Err() != nil {
					counts["refused, "+string(p.Verdict)]++
					continue
				}
				counts[string(p.Verdict)]++
				isWhole := len(plan.Kept.Backbone)+len(plan.Kept.New) == 0
				if isWhole {
					whole++
				}
				switch p.Verdict {
				case onnxmerge.Disproved:
					t.Errorf("%s and %s: %s", filepath.Base(a), filepath.Base(b), p)
				case onnxmerge.Proved:
					if proved++; *p.Relative > 1e-5 { // the largest of all pairs is 7e-7
						t.Errorf("%s and %s: relative difference %g", filepath.Base(a), filepath.Base(b), *p.Relative)
					}
				default:
					reasons[fmt.Sprintf("%s, whole %v: %.90s", architecture, isWhole, p.Reason)]++
				}
			}
		}
	}
	t.Logf("%v; %d whole merges", counts, whole)
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		t.Logf("%4d %s", reasons[reason], reason)
	}
	if whole < 900/step || 10*proved < 9*whole {
		t.Errorf("%d of %d whole merges are proved", proved, whole)
	}
}

// proveFiles plans a merge and proves its pairs.
func proveFiles(t *testing.T, a, b string) (*wiseft.MergePlan, wiseft.Proof) {
	t.Helper()
	plan, err := wiseft.PlanMerge(t.Context(), []string{a, b}, wiseft.MergeOptions{FoldNorms: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plan.Close() })
	proofs, err := plan.Prove(t.Context(), wiseft.ProveOptions{Runtime: wiseft.RuntimeOptions{Threads: 1}})
	if err != nil {
		t.Fatalf("%s and %s: %v", a, b, err)
	}
	return plan, proofs[0]
}

// corpusModels writes the pairing corpus into a folder. It returns the paths of the pre-trained and the fine-tuned
// models by architecture.
func corpusModels(t *testing.T) map[string][2][]string {
	t.Helper()
	folder := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "onnxmerge", "pair", "testdata", "corpus")
	files, err := filepath.Glob(filepath.Join(folder, "*", "*.onnx.gz"))
	if err != nil || len(files) < 200 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	dir := t.TempDir()
	sides := map[string][2][]string{}
	for _, file := range files {
		architecture := filepath.Base(filepath.Dir(file))
		name := strings.TrimSuffix(filepath.Base(file), ".onnx.gz")
		side := strings.Index("ab", name[:1])
		list := sides[architecture]
		list[side] = append(list[side], corpusModel(t, dir, architecture+"/"+name))
		sides[architecture] = list
	}
	return sides
}
