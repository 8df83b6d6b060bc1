package datasets_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

// arrayCase is what NumPy reads from a file of scripts/files/arrays.py.
type arrayCase struct {
	File, Split, Samples, Target string
	Note                         string // a part of the notes; "" = there are none
	X                            []float32
	Shape                        []int // of a sample
	Labels                       json.RawMessage
	Classes                      []string
}

func readCases[T any](t *testing.T, path string) (cases []T) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &cases)
	}
	if err != nil || len(cases) == 0 {
		t.Fatalf("%s: %d cases (%v)", path, len(cases), err)
	}
	return cases
}

// labels returns the labels, of which true and false are 1 and 0.
func (c arrayCase) labels(t *testing.T) (y []int64) {
	t.Helper()
	text := strings.NewReplacer("true", "1", "false", "0").Replace(string(c.Labels))
	if err := json.Unmarshal([]byte(text), &y); err != nil {
		t.Fatal(err)
	}
	return y
}

const arraysFolder = "testdata/arrays"

// TestArraysOfOtherNames reads arrays by names, shapes and options, and labels of every kind, as NumPy stores them.
func TestArraysOfOtherNames(t *testing.T) {
	t.Parallel()
	for _, c := range readCases[arrayCase](t, filepath.Join(arraysFolder, "cases.json")) {
		t.Run(strings.Join([]string{c.File, c.Split, c.Samples, c.Target}, " "), func(t *testing.T) {
			t.Parallel()
			var said []string
			opt := datasets.OpenOptions{Split: c.Split, Samples: c.Samples, Target: c.Target,
				Note: func(line string) { said = append(said, line) }}
			if file := filepath.Join(arraysFolder, c.Target); c.Target != "" && filepath.Ext(c.Target) != "" {
				opt.Target = file
			}
			openCase := func(t *testing.T) datasets.Dataset {
				ds, err := datasets.Open(t.Context(), filepath.Join(arraysFolder, c.File), opt)
				if err != nil {
					t.Fatal(err)
				}
				return ds
			}
			ds := openCase(t)
			defer ds.Close()
			c.check(t, ds, said)
			datasettest.Run(t, openCase)
		})
	}
}

func (c arrayCase) check(t *testing.T, ds datasets.Dataset, said []string) {
	t.Helper()
	labels, info := c.labels(t), ds.Info()
	if !slices.Equal(datasets.Labels(ds), labels) || !slices.Equal(info.Classes, c.Classes) {
		t.Fatalf("labels %v of %q, want %v of %q", datasets.Labels(ds), info.Classes, labels, c.Classes)
	}
	for i := range labels {
		s := read(t, ds, i)
		want := c.X[i*len(s.X) : (i+1)*len(s.X)]
		if len(s.X)*len(labels) != len(c.X) || !slices.Equal(s.X, want) || !slices.Equal(s.Shape, c.Shape) {
			t.Fatalf("sample %d: %v %v, want %v %v", i, s.Shape, s.X, c.Shape, want)
		}
	}
	if !slices.Equal(said, info.Notes) {
		t.Errorf("said %q, recorded %q", said, info.Notes)
	}
	notes := strings.Join(info.Notes, "\n")
	if (c.Note == "") != (notes == "") || !strings.Contains(notes, c.Note) {
		t.Errorf("notes %q, want %q", notes, c.Note)
	}
}

// TestArraysUnsure checks what is refused because samples, labels or their values cannot be told.
func TestArraysUnsure(t *testing.T) {
	t.Parallel()
	const listed = "--input ARRAY names the samples and --target ARRAY the labels"
	for _, test := range []struct {
		file string
		opt  datasets.OpenOptions
		want []string
	}{
		{"unsure.npz", datasets.OpenOptions{}, []string{"does not say whether a or b are the samples",
			"it has a f4 (6,4), b f4 (6,4), p i8 (6), q i8 (6)", listed}},
		{"unsure.npz", datasets.OpenOptions{Samples: "a"}, []string{"does not say whether p or q are the labels", listed}},
		{"unsure.npz", datasets.OpenOptions{Samples: "c"}, []string{`has no array "c"`, listed}},
		{"unsure.npz", datasets.OpenOptions{Samples: "a", Target: "c"}, []string{`has no array "c"`, listed}},
		{"unsure.npz", datasets.OpenOptions{Samples: "a", Target: "b"},
			[]string{`array "b"`, "want a whole number"}},
		{"unsure.npz", datasets.OpenOptions{Samples: "p", Target: "q"}, []string{`array "p" has shape [6]`}},
		{"splits.npz", datasets.OpenOptions{}, []string{"has the splits test, train; choose one"}},
		{"splits.npz", datasets.OpenOptions{Split: "val"}, []string{`has no split "val"; it has test, train`}},
		{"x_alone.npz", datasets.OpenOptions{Target: arraysFolder + "/names.npz"}, []string{`has no array`}},
		{"embeddings.npy", datasets.OpenOptions{Target: "gone.npy"}, []string{"there is no file gone.npy"}},
		{"embeddings.npy", datasets.OpenOptions{Samples: "x"}, []string{"holds one array"}},
		{"embeddings.npy", datasets.OpenOptions{Target: arraysFolder + "/embeddings.npy"},
			[]string{"embeddings.npy: ", "want a whole number"}},
		{"embeddings.npy", datasets.OpenOptions{Target: arraysFolder + "/cases.json"}, []string{"lines for 6 samples"}},
		{"embeddings.npy", datasets.OpenOptions{Target: arraysFolder + "/x_alone.npz"},
			[]string{"is neither an NPY file nor text"}},
	} {
		ds, err := datasets.Open(t.Context(), filepath.Join(arraysFolder, test.file), test.opt)
		if err == nil {
			ds.Close()
			t.Errorf("%s %+v: no error, want %q", test.file, test.opt, test.want)
			continue
		}
		for _, want := range test.want {
			if !contains(err, want) {
				t.Errorf("%s: %v, want %q", test.file, err, want)
			}
		}
	}
}

// TestArraysHash checks that other arrays of one file, and other labels of one array, are other data.
func TestArraysHash(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for i, c := range []struct {
		file string
		opt  datasets.OpenOptions
	}{
		{"two.npz", datasets.OpenOptions{}},
		{"two.npz", datasets.OpenOptions{Samples: "text"}},
		{"unsure.npz", datasets.OpenOptions{Samples: "a", Target: "p"}},
		{"unsure.npz", datasets.OpenOptions{Samples: "a", Target: "q"}},
		{"splits.npz", datasets.OpenOptions{Split: "train"}},
		{"splits.npz", datasets.OpenOptions{Split: "test"}},
		{"embeddings.npy", datasets.OpenOptions{}},
		{"embeddings.npy", datasets.OpenOptions{Target: arraysFolder + "/names.npy"}},
	} {
		ds, err := datasets.Open(t.Context(), filepath.Join(arraysFolder, c.file), c.opt)
		if err != nil {
			t.Fatal(err)
		}
		defer ds.Close()
		sum, err := ds.Hash(t.Context())
		if other, ok := seen[sum]; ok || err != nil {
			t.Errorf("data %d and %d have one hash (%v)", i, other, err)
		}
		seen[sum] = i
	}
}
