package datasets_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/datasettest"
	"github.com/wiseft/wiseft/datasets/typed"
)

// typeInputs are the inputs of scripts/files/inputs.py's model with an input of every type.
func typeInputs() (list []arrays.Input) {
	for name, dtype := range map[string]typed.Type{"int64": typed.Int64, "text": typed.String, "bool": typed.Bool,
		"float16": typed.Float16} {
		list = append(list, arrays.Input{Name: name, Type: dtype})
	}
	slices.SortFunc(list, func(a, b arrays.Input) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// TestSeveralArrays reads samples of several arrays from an NPZ file, and the same from a folder in the other byte
// order.
func TestSeveralArrays(t *testing.T) {
	t.Parallel()
	var all [][]byte
	for _, name := range []string{"types.npz", "types"} {
		openTypes := func(t *testing.T) datasets.Dataset {
			t.Helper()
			ds, err := datasets.Open(t.Context(), filepath.Join("../cmd/wiseft/testdata/inputs", name),
				datasets.OpenOptions{Inputs: typeInputs()})
			if err != nil {
				t.Fatal(err)
			}
			return ds
		}
		datasettest.Run(t, openTypes)
		ds := openTypes(t)
		defer ds.Close()
		held, err := datasets.InMemory(t.Context(), ds, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b []byte
		for i := range ds.Len() {
			s, kept := read(t, ds, i), read(t, held, i)
			if len(s.X) > 0 || len(s.Arrays) != 4 || s.Arrays[3].Text == nil || s.Arrays[0].Type != typed.Bool {
				t.Fatalf("%s: sample %d is %+v", name, i, s)
			}
			if own := s.AppendBytes(nil); string(own) != string(kept.AppendBytes(nil)) || string(own) != string(held.View(i).AppendBytes(nil)) {
				t.Errorf("%s: sample %d in memory is %+v, want %+v", name, i, kept, s)
			}
			b = s.AppendBytes(b)
		}
		all = append(all, b)
	}
	if string(all[0]) != string(all[1]) {
		t.Error("the folder has other values than the file")
	}
}

// Constants change the hash by what they are, not by the name of their file.
func TestConstantsInTheHash(t *testing.T) {
	t.Parallel()
	ds := open(t, "testdata/npz/float32.npz", "")
	dir := t.TempDir()
	state, err := os.ReadFile("../cmd/wiseft/testdata/inputs/state.npy")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.npy", "b.npy"} {
		if err := os.WriteFile(filepath.Join(dir, name), state, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hash := func(values ...string) string {
		var list []datasets.Constant
		for _, v := range values {
			c, err := datasets.ParseConstant("c", v)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, c)
		}
		sum, err := datasets.WithConstants(ds, list).Hash(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if hash("1") == hash() || hash("1") == hash("2") || hash("zeros") == hash("0") {
		t.Error("constants are not in the hash")
	}
	if hash(filepath.Join(dir, "a.npy")) != hash(filepath.Join(dir, "b.npy")) {
		t.Error("the name of a constant's file is in the hash")
	}
}

// TestConstantsRefused checks texts that are no constants.
func TestConstantsRefused(t *testing.T) {
	t.Parallel()
	for text, wrong := range map[string]string{"[1,": "is no list", "[1] 2": "more than one list", "[[1],2]": "several lengths",
		"[1,[2]]": "several lengths", "[true, 1]": "among others", `["a", 1]`: "among others", "[null]": "no number, text",
		"[1, true]": "among others", "[1e999]": "beyond float64", "none.npy": "none.npy"} {
		if _, err := datasets.ParseConstant("c", text); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v, want %q", text, err, wrong)
		}
	}
	for text, want := range map[string]typed.Type{"1": typed.Int64, "1.0": typed.Float64, "true": typed.Bool, "a": typed.String,
		"[1,2.5]": typed.Float64, "[]": typed.Int64, "zeros": typed.Undefined, "1e3": typed.Float64} {
		if c, err := datasets.ParseConstant("c", text); err != nil || c.Array.Type != want {
			t.Errorf("%s: %s (%v), want %s", text, c.Array.Type, err, want)
		}
	}
}

// TestNPZFiles reads a folder with a file a sample, of different lengths, for a model and without one.
func TestNPZFiles(t *testing.T) {
	t.Parallel()
	const folder = "../cmd/wiseft/testdata/inputs/sentences"
	ids := arrays.Input{Name: "input_ids", Type: typed.Int64}
	mask := arrays.Input{Name: "attention_mask", Type: typed.Int64}
	for _, c := range []struct {
		opt    datasets.OpenOptions
		arrays int
		wrong  string
	}{
		{datasets.OpenOptions{Inputs: []arrays.Input{ids, mask}}, 2, ""},
		{datasets.OpenOptions{Inputs: []arrays.Input{ids, {Name: "m", Array: "attention_mask"}}}, 2, ""},
		{datasets.OpenOptions{Inputs: []arrays.Input{ids, {Name: "position", Optional: true}}}, 1, ""},
		{datasets.OpenOptions{Inputs: []arrays.Input{{Name: "input_ids"}}}, 0, ""},
		{datasets.OpenOptions{Samples: "token_type_ids"}, 0, ""},
		{datasets.OpenOptions{Inputs: []arrays.Input{ids, {Name: "position"}}}, 0, `has no array for the input "position"`},
		{datasets.OpenOptions{}, 0, `has no array for the input ""`},
	} {
		ds, err := datasets.Open(t.Context(), folder, c.opt)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%+v: %v, want %q", c.opt, err, c.wrong)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer ds.Close()
		datasettest.Run(t, func(t *testing.T) datasets.Dataset {
			t.Helper()
			ds, err := datasets.Open(t.Context(), folder, c.opt)
			if err != nil {
				t.Fatal(err)
			}
			return ds
		})
		lengths := map[string]bool{}
		for i := range ds.Len() {
			s := read(t, ds, i)
			if len(s.Arrays) != c.arrays || (len(s.X) == 0) != (c.arrays > 0) || s.Label != int64(i/3) {
				t.Fatalf("%+v: sample %d is %+v", c.opt, i, s)
			}
			lengths[fmt.Sprint(s.SizeBytes())] = true
		}
		if ds.Len() != 9 || len(lengths) < 2 || len(ds.Info().Classes) != 3 {
			t.Errorf("%+v: %d samples of %d lengths, classes %v", c.opt, ds.Len(), len(lengths), ds.Info().Classes)
		}
	}
}
