package wiseft_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// widePair is run.json of a pair of onnxmerge/testdata/wide, which scripts/corpus/wide_committed.py writes.
type widePair struct {
	How       string               // "plain", "fold", or "refused"
	Tolerance float64              // of outputs, relative to the largest
	Kept      *int                 // weights of the backbone that are kept; nil if it is not known
	Median    bool                 // over samples: of outputs behind a choice of points, which rounding flips
	Inputs    map[string]wideArray // by name in the fine-tuned model
	Outputs   []wideArray          // any of which is right
}

// wideArray is an array with its elements as little-endian bytes.
type wideArray struct {
	Type  string
	Shape []int64
	Data  []byte
}

func (a wideArray) typed(t *testing.T) ort.Array {
	t.Helper()
	for _, elements := range []typed.Type{typed.Float32, typed.Float64, typed.Int64, typed.Int32, typed.Bool, typed.Uint8} {
		if elements.String() == a.Type {
			return ort.Array{Type: elements, Shape: a.Shape, Data: a.Data}
		}
	}
	t.Fatalf("an array of %s", a.Type)
	return ort.Array{}
}

// Merges of exports of one network from many frameworks, exporters and optimisers compute, in onnxruntime, what the
// framework computes with the mix of both states. No pair is refused but those with weights in one machine's order.
func TestMergesOfTheWideCorpusRunRight(t *testing.T) {
	orttest.Load(t)
	folder := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "onnxmerge", "testdata", "wide")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, e := range entries {
		var p widePair
		if err := json.Unmarshal(unzipped(t, filepath.Join(folder, e.Name(), "run.json.gz")), &p); err != nil {
			t.Fatalf("%s: %v", e.Name(), err)
		}
		counts[p.How]++
		t.Run(e.Name(), func(t *testing.T) {
			t.Parallel()
			p.check(t, filepath.Join(folder, e.Name()))
		})
	}
	if counts["plain"] < 20 || counts["fold"] < 5 || counts["refused"] < 1 {
		t.Errorf("pairs by how they merge: %v", counts)
	}
}

// check merges the pair of a folder and runs the result.
func (p widePair) check(t *testing.T, folder string) {
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"a", "b"} {
		path := filepath.Join(dir, name+".onnx")
		if err := os.WriteFile(path, unzipped(t, filepath.Join(folder, name+".onnx.gz")), 0o666); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	out := filepath.Join(dir, "out.onnx")
	var made *wiseft.MergeResult
	merge := func(fold bool) (err error) {
		opt := wiseft.MergeOptions{Params: method.Params{"alpha": 0.5}, FoldNorms: fold}
		made, err = wiseft.Merge(t.Context(), out, paths, opt, wiseft.WriteOptions{})
		return err
	}
	err := merge(false)
	if _, isRefused := errors.AsType[*onnxmerge.MismatchError](err); p.How != "plain" && !isRefused {
		t.Errorf("without folding: error %v, want a refusal", err)
	}
	if p.How == "fold" {
		err = merge(true)
	}
	if p.How == "refused" {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if kept := made.Kept.Backbone; p.Kept != nil && len(kept) > *p.Kept {
		t.Errorf("kept %q, want %d", kept, *p.Kept)
	}
	got := p.run(t, out)
	best := math.Inf(1)
	for _, want := range p.Outputs {
		best = min(best, p.distance(got, want.typed(t).Float64s()))
	}
	if !(best <= p.Tolerance) {
		t.Errorf("outputs differ by %.2g of the largest, want at most %.2g", best, p.Tolerance)
	}
}

// run returns the first output of a model for the pair's inputs.
func (p widePair) run(t *testing.T, path string) []float64 {
	t.Helper()
	m, err := wiseft.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var names []string
	var inputs []ort.Array
	for _, in := range m.Graph.Inputs {
		if array, given := p.Inputs[in.Name]; given {
			names, inputs = append(names, in.Name), append(inputs, array.typed(t))
		}
	}
	program, err := ort.Engine{Threads: 1}.OpenProgram(t.Context(), ort.Source{Path: path}, names,
		[]string{m.Graph.Outputs[0].Name})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	batches, err := program.Run(t.Context(), inputs)
	if err != nil {
		t.Fatal(err)
	}
	var values []float64
	for _, v := range batches[0].X {
		values = append(values, float64(v))
	}
	return values
}

// distance returns the largest difference relative to the largest wanted value; of the median sample if the pair says so.
func (p widePair) distance(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	samples := int(p.Outputs[0].Shape[0])
	scale := 0.0
	for _, v := range want {
		scale = max(scale, math.Abs(v))
	}
	each := make([]float64, samples)
	for i, v := range want {
		at := i * samples / len(want)
		each[at] = max(each[at], math.Abs(got[i]-v)/scale)
	}
	slices.Sort(each)
	if p.Median {
		return (each[(samples-1)/2] + each[samples/2]) / 2
	}
	return each[samples-1]
}

// unzipped returns the contents of a gzip file.
func unzipped(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return data
}
