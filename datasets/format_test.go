package datasets_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

func open(t testing.TB, path, split string) datasets.Dataset {
	t.Helper()
	ds, err := datasets.Open(t.Context(), path, datasets.OpenOptions{Split: split})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ds.Close() })
	return ds
}

func read(t testing.TB, ds datasets.Dataset, i int) datasets.Sample {
	t.Helper()
	var s datasets.Sample
	if err := ds.Read(t.Context(), &s, i); err != nil {
		t.Fatal(err)
	}
	return s
}

// wantCloud is cloud i of testdata/make.py's clouds().
func wantCloud(i, points int) []float32 {
	x := make([]float32, 3*points)
	for k := range x {
		x[k] = float32((3*points*i+k)*5%97)/8 - 3
	}
	return x
}

const testPoints = 16

// formatTest is a valid file or folder of a format.
type formatTest struct {
	format, path, split string
	clouds              []int   // which of make.py's clouds, in order; nil if values are compared elsewhere
	labels              []int64 // by sample
}

// formatTests is filled by the init functions of the formats' own test files (addFormatTest), beside the formats
// that TestFormats lists.
var formatTests []formatTest

func addFormatTest(test formatTest) { formatTests = append(formatTests, test) }

// TestFormats opens every valid file of every format, and compares its format and all values. It runs the
// conformance suite on each, and fails for a registered format without a file.
func TestFormats(t *testing.T) {
	t.Parallel()
	all, labels := []int{0, 1, 2, 3, 4, 5}, []int64{0, 1, 2, 0, 1, 2}
	tests := append(slices.Clone(formatTests), []formatTest{
		{"hdf5", "testdata/modelnet", "train", []int{2, 3, 4, 0, 1}, []int64{2, 0, 1, 0, 1}}, // the list's order
		{"hdf5", "testdata/modelnet", "test", []int{5}, []int64{2}},
		{"ply", "testdata/ply", "", []int{0, 1, 2, 3}, []int64{0, 0, 1, 2}},
		{"ply", "testdata/ply/desk/c_big.ply", "", []int{2}, []int64{datasets.NoLabel}},
		{"xyz", "testdata/xyz", "test", []int{0, 1}, []int64{0, 1}},
		{"xyz", "testdata/xyz", "train", []int{2}, []int64{2}},
		{"modelnet-text", "testdata/modelnet_text", "train", []int{0, 1}, []int64{0, 1}},
		{"modelnet-text", "testdata/modelnet_text", "test", []int{2}, []int64{2}},
		{"hdf5", "testdata/scanobjectnn", "training", []int{0, 1, 2, 3}, []int64{0, 1, 2, 0}},
		{"hdf5", "testdata/scanobjectnn", "test", []int{4, 5}, []int64{1, 2}},
		{"pickle", "testdata/pickle/fewshot.pkl", "train", []int{0, 1, 2, 3}, []int64{0, 1, 2, 0}},
		{"pickle", "testdata/pickle/fewshot.pkl", "test", []int{4, 5}, []int64{1, 2}},
		{"pickle", "testdata/pickle/protocol3.pkl", "test", []int{4, 5}, []int64{1, 2}},
		{"pickle", "testdata/pickle/cache.dat", "", all, labels},
		{"pickle", "testdata/pickle/scalars.pkl", "", all, labels},
		{"npy", "testdata/modelnet40_c/data_original.npy", "", all, labels},
		{"npy-folder", "testdata/npy_folder", "train", []int{0, 1, 2, 3}, []int64{0, 1, 2, 0}},
		{"npy-folder", "testdata/npy_folder", "test", []int{4, 5}, []int64{1, 2}},
		{"npy-folder", "testdata/npy_folder/train", "", []int{0, 1, 2, 3}, []int64{0, 1, 2, 0}},
		{"modelnet-c", "testdata/modelnet_c", "clean", all, labels},
		{"modelnet40-c", "testdata/modelnet40_c", "clean", all, labels},
	}...)
	for _, pattern := range []string{"testdata/h5/*.h5", "testdata/npz/*.npz"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) < 10 {
			t.Fatalf("%s matches %d files (%v)", pattern, len(paths), err)
		}
		for _, path := range paths {
			if !strings.HasPrefix(filepath.Base(path), "bad_") {
				format := map[string]string{".h5": "hdf5", ".npz": "npz"}[filepath.Ext(path)]
				want := labels
				if filepath.Base(path) == "no_label.h5" {
					want = slices.Repeat([]int64{datasets.NoLabel}, len(labels))
				}
				tests = append(tests, formatTest{format, path, "", all, want})
			}
		}
	}
	tried := map[string]bool{"kitti": true, "shapenet55": true, "obj": true, "off": true, "images": true,
		"npz-files": true, lidarFormat.Name: true} // those with tests of their own
	for _, test := range tests {
		tried[test.format] = true
		t.Run(test.path+" "+test.split, func(t *testing.T) {
			t.Parallel()
			datasettest.Run(t, func(t *testing.T) datasets.Dataset { return open(t, test.path, test.split) })
			ds := open(t, test.path, test.split)
			checkArchived(t, ds, test)
			if got := ds.Info(); got.Format != test.format || got.Split != test.split {
				t.Errorf("Info is %+v, want format %s and split %q", got, test.format, test.split)
			}
			if ds.Len() != len(test.labels) {
				t.Fatalf("%d samples, want %d", ds.Len(), len(test.labels))
			}
			for i, cloud := range test.clouds {
				s, x := read(t, ds, i), wantCloud(cloud, testPoints)
				if strings.Contains(test.path, "lzf") {
					x = roundToEven(x)
				}
				if !slices.Equal(s.X, x) || s.Label != test.labels[i] {
					t.Errorf("sample %d: label %d, values %v, want %d and %v", i, s.Label, s.X, test.labels[i], x)
				}
			}
		})
	}
	for _, f := range datasets.Formats() {
		if !tried[f.Name] {
			t.Errorf("format %s has no test data", f.Name)
		}
	}
}

// roundToEven is numpy.round.
func roundToEven(x []float32) []float32 {
	for i, v := range x {
		n := float32(int(v+100.5)) - 100
		if n-v == 0.5 && int(n)%2 != 0 {
			n--
		}
		x[i] = n
	}
	return x
}

func TestClasses(t *testing.T) {
	t.Parallel()
	want := []string{"chair", "desk", "sofa"}
	for _, path := range []string{"testdata/modelnet", "testdata/pcd", "testdata/pcd_by_split",
		"testdata/npz/compressed_classes.npz"} {
		if got := open(t, path, "test").Info().Classes; !slices.Equal(got, want) {
			t.Errorf("%s: classes %v, want %v", path, got, want)
		}
	}
	got := open(t, "testdata/npz/big_endian.npz", "").Info().Classes
	if !slices.Equal(got, []string{"chair", "désk", "sofa"}) {
		t.Errorf("classes %v", got)
	}
}

// TestMalformed opens and reads every bad_* file, and malformed data made by the test itself.
func TestMalformed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	h5, err := os.ReadFile("testdata/h5/contiguous.h5")
	if err != nil {
		t.Fatal(err)
	}
	write("mesh.off", "OFF\n8 6 0\n")
	write("data.bin", "OFF\n8 6 0\n")
	write("empty.npz", "")
	write("variants/test_objectdataset.h5", string(h5))
	write("variants/test_objectdataset_augmentedrot_scale75.h5", string(h5))
	write("nolabels/data.npy", "\x93NUMPY")
	write("text/modelnet40_shape_names.txt", "chair\n")
	write("text/modelnet40_test.txt", "desk_0001\n")
	write("away/modelnet40_shape_names.txt", "../chair\n")
	write("away/modelnet40_test.txt", "../chair_0001\n")
	write("noarrays.npz", "PK\x03\x04 no archive")
	write("other/readme.txt", "hello")
	write("other/b.txt", "hello")
	write("list/train_files.txt", "data/gone.h5\n")
	write("list/a.h5", string(h5))
	write("nothinglisted/train_files.txt", "\n")
	write("nothinglisted/a.h5", string(h5))
	write("fewclasses/a.h5", string(h5))
	write("fewclasses/shape_names.txt", "chair\ndesk\n")
	write("two/chair/test/a.pcd", "# .PCD v0.7\nVERSION 0.7\n")
	write("two/a.h5", string(h5))
	write("pcd/chair/test/a.pcd",
		"# .PCD v0.7\nVERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 2\nPOINTS 2\nDATA ascii\n0 0 0\n0 nan 0\n")

	tests := []struct{ path, split, want string }{
		{"testdata/h5/bad_no_data.h5", "", `has no array of samples`},
		{"testdata/h5/bad_nan.h5", "", `data set "data": sample 4: point 7 is not finite (NaN)`},
		{"testdata/h5/bad_inf_after_rounding.h5", "", `data set "data": sample 0: point 0 is not finite (-Inf)`},
		{"testdata/h5/bad_four_columns.h5", "", `data set "data" has shape [6 16 4], want [samples points 3]`},
		{"testdata/h5/bad_label_count.h5", "", `data set "label" has 5 labels for 6 samples`},
		{"testdata/h5/bad_label_shape.h5", "", `data set "label" has shape [6 2], want [6] or [6 1]`},
		{"testdata/h5/bad_label_negative.h5", "", `data set "label": sample 0 has label -2`},
		{"testdata/h5/bad_integer_data.h5", "", `data set "data" holds integers, want floats`},
		{"testdata/h5/bad_scaleoffset.h5", "", `data set "data": is stored with filter 6`},
		{"testdata/h5/bad_no_samples.h5", "", `data set "data" has shape [0 16 3], which has no elements`},
		{"testdata/h5/bad_no_points.h5", "", `data set "data" has shape [6 0 3], which has no elements`},
		{"testdata/h5/bad_missing_chunks.h5", "", `data set "data": shape [6 16 3] needs 2 chunks, has 1`},
		{"testdata/h5/bad_truncated.h5", "", "is truncated: it has 1603 bytes and should have 3206"},
		{"testdata/h5/bad_text_labels.h5", "", `data set "label": holds text, want integers or floats`},
		{"testdata/h5/bad_text_labels_variable.h5", "", `data set "label": holds text or lists of different lengths`},
		{"testdata/h5/bad_unwritten.h5", "", `data set "data": has a shape, and no values were written to it`},
		{"testdata/h5/bad_unwritten_chunks.h5", "", `data set "data": has a shape, and no values were written to it`},
		{"testdata/npz/bad_other_name.npz", "", `array "y": sample 2 has label "sofa", which is none of the 2 class names`},
		{"testdata/npz/bad_objects.npz", "", `array "x" holds pickled Python objects (dtype object), want numbers`},
		{"testdata/npz/bad_object_labels.npz", "", `array "y": holds pickled Python objects (dtype object), want an integer`},
		{"testdata/npz/bad_count.npz", "", `array "y": has shape [5], want [6] or [6 1]: one label a sample`},
		{"testdata/npz/bad_scalar.npz", "", `array "x" has shape [], want [samples ...]`},
		{"testdata/npz/bad_class.npz", "", `array "y": sample 2 has label 3, but there are 3 class names`},
		{"testdata/npz/bad_inf.npz", "", `array "x": sample 2: point 0 is not finite (+Inf)`},
		{"testdata/modelnet", "", "has the splits test, train; choose one"},
		{"testdata/modelnet", "val", `has no split "val": neither val_files.txt nor a file *val*.h5`},
		{"testdata/pcd", "", "has the splits test, train; choose one"},
		{"testdata/pcd", "val", `has no split "val"; it has test, train`},
		{filepath.Join(dir, "mesh.off"), "", `sample 0: coordinate of vertex 0 of 8 is ""`},
		{filepath.Join(dir, "data.bin"), "", `found a file of 10 bytes that starts with "OFF\n8 6 "; supported formats: `},
		{filepath.Join(dir, "empty.npz"), "", "found an empty file"},
		{os.DevNull, "", "found a device, a pipe or a socket"},
		{filepath.Join(dir, "variants"), "test",
			"holds several data sets: test_objectdataset.h5, test_objectdataset_augmentedrot_scale75.h5; name one of the files"},
		{filepath.Join(dir, "nolabels/data.npy"), "", "is not a NumPy array"},
		{filepath.Join(dir, "text"), "",
			`modelnet40_test.txt: line 1: "desk_0001" does not begin with one of the 1 class names`},
		{filepath.Join(dir, "away"), "", `modelnet40_test.txt: line 1: "../chair_0001" does not begin`},
		{"testdata/pickle/fewshot.pkl", "", "has the splits test, train; choose one"},
		{"testdata/pickle/fewshot.pkl", "val", `has no split "val"; it has test, train`},
		{"testdata/pickle/bad_call.pkl", "train", `has no split "train"; it has train`},
		{"testdata/pickle/bad_object.pkl", "train", `holds numpy values of type "O8"; floats and integers are supported`},
		{"testdata/pickle/bad_shape.pkl", "train", "sample 0 is not an array [points, 3 or more] of float32 or float64"},
		{"testdata/pickle/bad_label.pkl", "train", "sample 0: the label is not an integer"},
		{"testdata/modelnet_c", "dropout_global_6",
			`has no split "dropout_global_6"; it has clean, dropout_global_1, dropout_global_2`},
		{filepath.Join(dir, "noarrays.npz"), "", `that starts with "PK\x03\x04 no "`},
		{filepath.Join(dir, "other"), "", "found a folder with b.txt, readme.txt; supported formats: "},
		{filepath.Join(dir, "list"), "", `train_files.txt: lists "data/gone.h5", but there is no file gone.h5 beside it`},
		{filepath.Join(dir, "nothinglisted"), "train", "train_files.txt: lists no files"},
		{filepath.Join(dir, "fewclasses"), "", `data set "label": sample 2 has label 2, but there are 2 class names`},
		{filepath.Join(dir, "two"), "", "matches several formats (hdf5, pcd); choose one"},
		{filepath.Join(dir, "pcd"), "", "a.pcd: sample 0: point 1 is not finite (NaN)"},
	}
	tried := map[string]bool{}
	for _, test := range tests {
		tried[test.path] = true
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			checkMalformed(t, test.path, test.split, test.want)
		})
	}
	for _, pattern := range []string{"testdata/h5/bad_*", "testdata/npz/bad_*"} {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			if !tried[path] {
				t.Errorf("%s is not tried", path)
			}
		}
	}
}

// checkMalformed fails unless the error is a FormatError that begins with the path and contains the text.
func checkMalformed(t *testing.T, path, split, want string) {
	t.Helper()
	err := openAndRead(t.Context(), path, split)
	var malformed *datasets.FormatError
	if !errors.As(err, &malformed) || !contains(err, want) {
		t.Errorf("%s: got %v (%T), want a FormatError with %q", path, err, err, want)
	} else if !strings.HasPrefix(err.Error(), path) || strings.Count(err.Error(), path) != 1 {
		t.Errorf("%v: want the path once, in front", err)
	}
}

func contains(err error, text string) bool { return strings.Contains(err.Error(), text) }

func openAndRead(ctx context.Context, path, split string) error {
	ds, err := datasets.Open(ctx, path, datasets.OpenOptions{Split: split})
	if err != nil {
		return err
	}
	defer ds.Close()
	_, err = datasets.InMemory(ctx, ds, nil)
	return err
}

func TestOpenRefusals(t *testing.T) {
	t.Parallel()
	if err := openAndRead(t.Context(), "testdata/gone", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a path that is not there: %v", err)
	}
	_, err := datasets.Open(t.Context(), "testdata/modelnet", datasets.OpenOptions{Format: "zarr"})
	if err == nil || !strings.Contains(err.Error(), "hdf5, imagenet-c, images, ") {
		t.Errorf("an unknown format: %v", err)
	}
	_, err = datasets.Open(t.Context(), "testdata/npz/float32.npz", datasets.OpenOptions{Format: "pcd"})
	if err == nil {
		t.Error("an NPZ file opens as pcd")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := openAndRead(ctx, "testdata/modelnet", "test"); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	for _, path := range []string{"testdata/h5/contiguous.h5", "testdata/npz/float32.npz", "testdata/pcd"} {
		ds := open(t, path, "test")
		ds.Close()
		if err := ds.Read(t.Context(), new(datasets.Sample), 0); err == nil {
			t.Errorf("%s: can be read when closed", path)
		}
	}
}

// TestHashTellsApart checks that different data has different hashes.
func TestHashTellsApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	add := func(name string, ds datasets.Dataset) {
		t.Helper()
		sum, err := ds.Hash(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[sum]; ok {
			t.Errorf("%s and %s have one hash", name, other)
		}
		seen[sum] = name
	}
	train := open(t, "testdata/modelnet", "train")
	add("train", train)
	add("test", open(t, "testdata/modelnet", "test"))
	renamed := t.TempDir()
	if err := os.CopyFS(renamed, os.DirFS("testdata/modelnet")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(renamed, "shape_names.txt"), []byte("a\nb\nc\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	add("other class names", open(t, renamed, "train"))
	add("npz", open(t, "testdata/npz/float32.npz", ""))
	add("pcd test", open(t, "testdata/pcd", "test"))
	add("pcd train", open(t, "testdata/pcd", "train"))
	add("subset", datasets.Subset(train, []int{0, 1}, "some"))
	add("subset in another order", datasets.Subset(train, []int{1, 0}, "some"))
	for name, p := range map[string]datasets.Preprocess{
		"first":  {Points: 8},
		"random": {Points: 8, Sample: "random"},
		"seed":   {Points: 8, Sample: "random", Seed: 1},
		"axes":   {Axes: "xzy"},
		"sphere": {Normalize: "unit-sphere"},
	} {
		ds, err := datasets.Apply(train, p)
		if err != nil {
			t.Fatal(err)
		}
		add(name, ds)
	}
}

func TestWriteNPZ(t *testing.T) {
	t.Parallel()
	ds := open(t, "testdata/modelnet", "train")
	var a, b bytes.Buffer
	for _, w := range []*bytes.Buffer{&a, &b} {
		if err := datasets.WriteNPZ(t.Context(), w, ds); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two writes give different bytes")
	}
	path := filepath.Join(t.TempDir(), "train.npz")
	if err := os.WriteFile(path, a.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	back := open(t, path, "")
	if !slices.Equal(back.Info().Classes, ds.Info().Classes) || back.Len() != ds.Len() {
		t.Fatalf("%d samples of %v, want %d of %v", back.Len(), back.Info().Classes, ds.Len(), ds.Info().Classes)
	}
	for i := range ds.Len() {
		got, want := read(t, back, i), read(t, ds, i)
		if !slices.Equal(got.X, want.X) || !slices.Equal(got.Shape, want.Shape) || got.Label != want.Label {
			t.Errorf("sample %d: %v, want %v", i, got, want)
		}
	}
}
