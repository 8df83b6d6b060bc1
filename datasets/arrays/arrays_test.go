package arrays_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/memorytest"
)

// list makes arrays of 4 samples from words such as "x:f4:4,3", which are name, type and shape.
func list(words ...string) (all []arrays.Array) {
	for _, word := range words {
		parts := strings.Split(word, ":")
		a := arrays.Array{Name: parts[0], Kind: parts[1][0], DType: parts[1]}
		for n := range strings.SplitSeq(parts[2], ",") {
			a.Shape = append(a.Shape, int(n[0]-'0'))
		}
		all = append(all, a)
	}
	return all
}

// TestFind checks which arrays are taken, or which error names them.
func TestFind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		arrays                          []arrays.Array
		want                            arrays.Want
		samples, labels, classes, wrong string
	}{
		{arrays: list("x:f4:4,3", "y:i8:4", "other:f4:4,3"), samples: "x", labels: "y"},
		{arrays: list("X:f4:4,3", "y:i8:4"), samples: "X", labels: "y"},
		{arrays: list("points:f4:4,3", "normals:f4:4,3", "label:i8:4"), samples: "points", labels: "label"},
		{arrays: list("data:f4:4,3", "label:i8:4", "classes:U5:3"), samples: "data", labels: "label", classes: "classes"},
		{arrays: list("data:f4:4,3", "label:i8:4", "classes:U5:4"), samples: "data", labels: "label", classes: "classes"},
		{arrays: list("data:f4:4,3", "classes:i8:4"), samples: "data", labels: "classes"},
		{arrays: list("codes:f4:4,3", "ids:i8:4"), samples: "codes", labels: "ids"},
		{arrays: list("codes:f4:4,3", "weight:f4:4"), samples: "codes"},
		{arrays: list("codes:f4:4,3", "ids:i8:3"), samples: "codes"},
		{arrays: list("data:f4:4,3", "label:f4:4,5"), samples: "data", labels: "label"},
		{arrays: list("x:f4:4,3", "train_idx:i8:2", "test_idx:i8:2", "y:i8:4"), samples: "x", labels: "y"},
		{arrays: list("a:f4:4,3", "b:f4:4,3", "y:i8:4"), wrong: "does not say whether a or b are the samples"},
		{arrays: list("a:f4:4,3", "b:f4:4,3", "y:i8:4"), want: arrays.Want{Samples: "b"}, samples: "b", labels: "y"},
		{arrays: list("data:f4:4,3", "points:f4:4,3", "y:i8:4"), wrong: "does not say whether data or points are the samples"},
		{arrays: list("data:f4:4,3", "label:i8:4", "target:i8:4"), wrong: "does not say whether label or target are the labels"},
		{arrays: list("data:f4:4,3", "label:i8:4", "target:i8:4"), want: arrays.Want{Labels: "target"}, samples: "data",
			labels: "target"},
		{arrays: list("data:f4:4,3", "label:i8:4"), want: arrays.Want{OwnLabels: true}, samples: "data"},
		{arrays: list("x:f4:4,3", "signal:f4:4,3", "y:i8:4"), want: inputs("signal"), samples: "signal", labels: "y"},
		{arrays: list("x:f4:4,3", "y:i8:4"), want: inputs("signal"), samples: "x", labels: "y"},
		{arrays: list("x:f4:4,3", "y:i8:4"), want: inputs("y"), samples: "x", labels: "y"},
		{arrays: list("y:i8:4"), wrong: "has no array of samples"},
		{arrays: list("text:U5:4,3"), wrong: "has no array of samples"},
		{arrays: nil, wrong: "has no arrays"},
		{arrays: list("X_train:f4:4,3", "y_train:i8:4", "X_val:f4:2,3", "y_val:i8:2"), wrong: "has the splits train, val"},
		{arrays: list("X_train:f4:4,3", "y_train:i8:4", "X_val:f4:2,3", "y_val:i8:2"),
			want: arrays.Want{Split: "validation"}, samples: "X_val", labels: "y_val"},
		{arrays: list("X_train:f4:4,3", "y_train:i8:4", "X_test:f4:2,3", "y_test:i8:2"),
			want: arrays.Want{Samples: "X_test"}, samples: "X_test", labels: "y_test"},
		{arrays: list("testdata:f4:4,3", "testlabel:i8:4"), samples: "testdata", labels: "testlabel"},
	} {
		got, err := arrays.Find(test.arrays, test.want)
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%v: %v, want %q", test.arrays, err, test.wrong)
			}
			continue
		}
		if err != nil || got.Samples != test.samples || got.Labels != test.labels || got.Classes != test.classes {
			t.Errorf("%v: %+v (%v), want %q, %q and %q", test.arrays, got, err, test.samples, test.labels, test.classes)
		}
	}
}

// inputs are those of a model: names with ? are optional, with # int64, with - left out, and name=array names an array.
func inputs(words ...string) (want arrays.Want) {
	for _, word := range words {
		name, array, _ := strings.Cut(word, "=")
		in := arrays.Input{Name: strings.Trim(name, "?#-"), Array: array, Optional: strings.Contains(name, "?"),
			LeftOut: strings.Contains(name, "-")}
		if strings.Contains(name, "#") {
			in.Type = typed.Int64
		}
		want.Inputs = append(want.Inputs, in)
	}
	return want
}

// TestFindInputs checks which arrays the inputs of a model get: "input=array", and what is said about them.
func TestFindInputs(t *testing.T) {
	t.Parallel()
	both := list("mask:i8:4,3", "ids:i8:4,3", "y:i8:4")
	split := list("ids_train:i8:4,3", "mask_train:i8:4,3", "y_train:i8:4", "ids_test:i8:2,3", "mask_test:i8:2,3", "y_test:i8:2")
	for _, test := range []struct {
		arrays              []arrays.Array
		want                arrays.Want
		taken, labels, note string
		wrong               string
	}{
		{arrays: both, want: inputs("ids#", "mask#"), taken: "ids=ids mask=mask", labels: "y"},
		{arrays: both, want: inputs("ids#", "m#"), wrong: "has no array for the input m; it has mask i8 (4,3)"},
		{arrays: both, want: inputs("ids#", "m#=mask"), taken: "ids=ids m=mask", labels: "y",
			note: "inputs are the arrays ids, m=mask, labels y"},
		{arrays: both, want: inputs("ids#", "m#=none"), wrong: `has no array "none"`},
		{arrays: both, want: inputs("a", "b"), wrong: "has no array for the inputs a, b"},
		{arrays: both, want: arrays.Want{Samples: "ids", Inputs: inputs("a", "b").Inputs}, wrong: "has to feed 2 inputs"},
		{arrays: both, want: inputs("ids#", "y#"), taken: "ids=ids y=y", note: "inputs are the arrays ids, y, no labels; not used: mask"},
		{arrays: both, want: inputs("ids#", "mask#?"), taken: "ids=ids mask=mask", labels: "y"},
		{arrays: both, want: inputs("ids#", "mask#?-"), taken: "ids=ids", labels: "y",
			note: "samples are the array ids, labels y; mask has its default; not used: mask"},
		{arrays: both, want: inputs("ids#", "mask#", "types#?"), taken: "ids=ids mask=mask", labels: "y",
			note: "inputs are the arrays ids, mask, labels y; types has its default"},
		{arrays: list("x:f4:4,3", "t:f4:1", "y:i8:4"), want: inputs("signal", "t?"), taken: "signal=x t=t", labels: "y",
			note: "inputs are the arrays signal=x, t, labels y"},
		{arrays: list("x:f4:4,3", "t:f4:1"), want: arrays.Want{Samples: "x", Inputs: inputs("x", "t?-").Inputs},
			note: "samples are the array x, which has no labels; t has its default; not used: t"},
		{arrays: list("x:i8:4,3", "y:i8:4"), want: inputs("ids#"), taken: "ids=x", labels: "y"},
		{arrays: list("text:U5:4", "y:i8:4"), want: inputs("text#"), taken: "text=text", labels: "y",
			note: "samples are the array text, labels y"},
		{arrays: list("v:f4:4", "y:i8:4"), want: arrays.Want{Inputs: []arrays.Input{{Name: "v", Flat: true}}}, taken: "v=v",
			labels: "y", note: "samples are the array v, labels y"},
		{arrays: split, want: inputs("ids#", "mask#"), wrong: "has the splits test, train; choose one"},
		{arrays: split, want: arrays.Want{Split: "test", Inputs: inputs("ids#", "mask#").Inputs},
			taken: "ids=ids_test mask=mask_test", labels: "y_test", note: "inputs are the arrays ids=ids_test, mask=mask_test, labels y_test"},
	} {
		got, err := arrays.Find(test.arrays, test.want)
		if test.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), test.wrong) {
				t.Errorf("%v: %v, want %q", test.arrays, err, test.wrong)
			}
			continue
		}
		var taken []string
		for _, in := range got.Inputs {
			taken = append(taken, in.Input+"="+in.Array)
		}
		if err != nil || strings.Join(taken, " ") != test.taken || got.Labels != test.labels || got.Note != test.note {
			t.Errorf("%v: %v %q %q (%v), want %q %q %q", test.arrays, taken, got.Labels, got.Note, err, test.taken, test.labels,
				test.note)
		}
	}
}

func TestLabelFile(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ file, beside, want string }{
		{"d/X_train.npy", "d/y_train.npy", "d/y_train.npy"},
		{"d/train_data.npy", "d/train_label.npy", "d/train_label.npy"},
		{"d/test_Features.npy", "d/test_Labels.npy", "d/test_Labels.npy"},
		{"d/X_train.npy", "d/y_test.npy", ""},
		{"X_train.npy", "labels.npy", "labels.npy"},
		{"d/data.npy", "d/label.npy", "d/label.npy"},
		{"d/data.npy", "label.npy", ""},
	} {
		if got := arrays.LabelFile(test.file, func(path string) bool { return path == test.beside }); got != test.want {
			t.Errorf("%s beside %s: %q, want %q", test.file, test.beside, got, test.want)
		}
	}
}

func TestLabelsRefused(t *testing.T) {
	t.Parallel()
	if _, err := arrays.FromNumbers([]int64{0, -2}, nil); err == nil || !strings.Contains(err.Error(), "sample 1 has label -2") {
		t.Errorf("label -2: %v", err)
	}
	if l, err := arrays.FromNumbers([]int64{0, -1, 1}, nil); err != nil || l.Classes != nil || l.Y[1] != -1 {
		t.Errorf("a sample without a label: %+v (%v)", l, err)
	}
	if _, err := arrays.FromText([]string{"a", ""}, nil); err == nil || !strings.Contains(err.Error(), "sample 1 has an empty label") {
		t.Errorf("an empty label: %v", err)
	}
	if l, err := arrays.FromWords([]string{"1.0", "0"}); err != nil || !slices.Equal(l.Y, []int64{1, 0}) {
		t.Errorf("words of numbers: %+v (%v)", l, err)
	}
	if _, err := arrays.FromWords([]string{"0", "1.5"}); err == nil || !strings.Contains(err.Error(), "sample 1 has label 1.5") {
		t.Errorf("a number that is not whole: %v", err)
	}
	if l, err := arrays.FromWords([]string{"b", "1.5"}); err != nil || !slices.Equal(l.Classes, []string{"1.5", "b"}) {
		t.Errorf("words and a number: %+v (%v)", l, err)
	}
}

// labelFiles are files of labels: text, and an array.
var labelFiles = [][]byte{
	[]byte("chair\ndesk\n"),
	[]byte("\xef\xbb\xbf1\r\n2"),
	[]byte("\x93NUMPY\x01\x00F\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }            \n\x00\x00\x80\x3f\x00\x00\x00\x00"),
}

// FuzzLabelFile reads arbitrary files as labels: none may panic, and what is read has one label a sample.
func FuzzLabelFile(f *testing.F) {
	for _, file := range labelFiles {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		l, err := arrays.ReadFile(bytes.NewReader(file), int64(len(file)), 2)
		if err == nil && len(l.Y) != 2 {
			t.Errorf("%d labels for 2 samples", len(l.Y))
		}
	})
}

// FuzzMemoryLabelFile reads arbitrary files as labels: memory follows the file, whatever numbers of samples and
// characters are claimed.
func FuzzMemoryLabelFile(f *testing.F) {
	// A line of one letter takes a string, its place in the list of classes and an entry of a map.
	limit := memorytest.Limit{Fixed: 1 << 20, PerByte: 256}
	memorytest.Fuzz(f, labelFiles, limit.Of, func(_ *testing.T, file []byte) {
		n := bytes.Count(bytes.TrimRight(file, "\r\n"), []byte("\n")) + 1
		if rows, err := npy.OpenArray(bytes.NewReader(file), int64(len(file))); err == nil && len(rows.Shape) > 0 {
			n = rows.Shape[0] // samples as many as labels are claimed
		}
		_, _ = arrays.ReadFile(bytes.NewReader(file), int64(len(file)), n)
	})
}
