// Package arrays finds the samples and the labels among the arrays of a file, or the columns of a table, and turns
// labels of every kind into classes.
//
// Arrays are x and y where they have these names. Else they are found by the names that numpy.savez is used with (data
// and label, points and labels, X and y, features and labels, embeddings and targets), also with the name of a split
// (X_train, test_labels), and else by their shapes: where one array fits as samples and one as labels, they are taken.
// What was taken is described in a note, unless the names are x and y; where several fit, the error lists the arrays.
package arrays

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/npy"
)

// Array is an array of a file, or a column of a table.
type Array struct {
	Name  string
	Kind  byte   // as of npy.Header; 0 for a type that is not supported
	DType string // how errors name the type
	Shape []int
}

// Source has arrays by name: an [npy.Archive], or a folder.
type Source interface {
	Names() []string // sorted
	Header(name string) (*npy.Header, error)
	Rows(name string) (*npy.Rows, error) // to be closed
}

var _ Source = (*npy.Archive)(nil)

// Of returns the arrays of an archive or folder. One whose header cannot be read has the kind 0 and no shape.
func Of(a Source) []Array {
	var list []Array
	for _, name := range a.Names() {
		item := Array{Name: name, DType: "an unknown type"}
		if h, err := a.Header(name); err == nil {
			item = Array{name, h.Kind, h.DType(), h.Shape}
		}
		list = append(list, item)
	}
	return list
}

// String returns name, type and shape.
func (a Array) String() string {
	shape := strings.Trim(strings.ReplaceAll(fmt.Sprint(a.Shape), " ", ","), "[]")
	return fmt.Sprintf("%s %s (%s)", a.Name, a.DType, shape)
}

// numeric reports whether the elements are numbers.
func (a Array) numeric() bool { return strings.IndexByte("fiub", a.Kind) >= 0 && a.Kind != 0 }

// fitsSamples reports whether the array can hold samples: numbers, of one axis or more a sample.
func (a Array) fitsSamples() bool {
	return a.numeric() && len(a.Shape) >= 2 && !slices.Contains(a.Shape, 0)
}

// fitsLabels reports whether the array can hold one label for each of n samples.
func (a Array) fitsLabels(n int) bool {
	oneEach := len(a.Shape) == 1 || len(a.Shape) == 2 && a.Shape[1] == 1
	return oneEach && a.Shape[0] == n && strings.IndexByte("iubUS", a.Kind) >= 0 && a.Kind != 0
}

// Want names arrays, and the split of a file that has several; "" finds them.
type Want struct {
	Samples, Labels string
	Split           string
	OwnLabels       bool // labels are elsewhere and not looked for
	// Inputs are those of a model that the data may feed; nil for data by themselves.
	Inputs []Input
}

// Roles are the arrays that were taken.
type Roles struct {
	Samples string
	Labels  string // "" = there are none
	Classes string // class names; "" = there are none
	Split   string // "" = the file has no splits
	// Inputs are the arrays of a model's inputs, in the order of the inputs; nil if Samples are those of the only one,
	// as float32.
	Inputs []Taken
	// Note says what was taken, and what was left; "" for x and y alone.
	Note string
}

// unclear returns an error that lists the arrays.
func (f *finder) unclear(format string, args ...any) error {
	list := make([]string, len(f.all))
	for i, a := range f.all {
		list[i] = a.String()
	}
	return fmt.Errorf("%s; it has %s; --input ARRAY names the samples and --target ARRAY the labels",
		fmt.Sprintf(format, args...), cmp.Or(strings.Join(list, ", "), "no arrays"))
}

// Find returns which arrays are the samples, the labels and the names of the classes.
func Find(list []Array, want Want) (Roles, error) {
	f := finder{all: list, want: want}
	if err := f.chooseSplit(); err != nil {
		return Roles{}, err
	}
	taken, err := f.inputs()
	if err != nil {
		return Roles{}, err
	}
	r := Roles{Samples: taken[0].Array, Split: f.split}
	for _, t := range taken {
		f.taken = append(f.taken, t.Array)
	}
	samples, _ := find(f.all, r.Samples)
	if r.Labels, err = f.labels(samples); err != nil {
		return Roles{}, err
	}
	r.Classes = f.classes(append(f.taken, r.Labels)...)
	if len(taken) > 1 || !f.plain(taken[0]) {
		r.Inputs = taken
	}
	r.Note = f.note(r, taken)
	return r, nil
}

type finder struct {
	all   []Array
	want  Want
	split string
	open  []Array // arrays of the split, from which is chosen
	taken []string
}

// chooseSplit sets the split, and the arrays that are in it.
func (f *finder) chooseSplit() error {
	splits := map[string]bool{}
	for _, a := range f.all {
		if _, split := f.parse(a.Name); split != "" {
			splits[split] = true
		}
	}
	named := f.want.Samples
	for _, in := range f.want.Inputs {
		named = cmp.Or(named, in.Array)
	}
	if _, plain := find(f.all, "x"); plain || named != "" {
		splits = nil
		_, f.split = f.parse(named)
	}
	if len(splits) > 0 {
		var err error
		if f.split, err = ChooseSplit(sortedKeys(splits), f.want.Split); err != nil {
			return err
		}
	}
	for _, a := range f.all {
		if _, split := f.parse(a.Name); split == "" || split == f.split {
			f.open = append(f.open, a)
		}
	}
	return nil
}

// ChooseSplit returns the split of several that is wanted, by any of its names (val, validation); "" wants the only
// one.
func ChooseSplit(names []string, want string) (string, error) {
	if want == "" && len(names) == 1 {
		return names[0], nil
	}
	if want == "" {
		return "", fmt.Errorf("has the splits %s; choose one", strings.Join(names, ", "))
	}
	for _, name := range names {
		if canonical(name) == canonical(want) {
			return name, nil
		}
	}
	return "", fmt.Errorf("has no split %q; it has %s", want, strings.Join(names, ", "))
}

// samples returns the array of the samples.
func (f *finder) samples() (Array, error) {
	if name := f.want.Samples; name != "" {
		a, ok := find(f.all, name)
		if !ok {
			return a, f.unclear("has no array %q", name)
		}
		return a, nil
	}
	if a, ok := find(f.open, "x"); ok {
		return a, nil
	}
	var named, fitting []Array
	for _, a := range f.open {
		base, _ := parse(a.Name)
		switch {
		case !a.fitsSamples():
		case slices.Contains(sampleNames, base):
			named = append(named, a)
		case !slices.Contains(labelNames, base) && a.Name != f.want.Labels:
			fitting = append(fitting, a)
		}
	}
	for _, candidates := range [][]Array{named, fitting} {
		switch len(candidates) {
		case 0:
		case 1:
			return candidates[0], nil
		default:
			return Array{}, f.unclear("does not say whether %s are the samples", alternatives(candidates))
		}
	}
	return Array{}, f.unclear("has no array of samples, numbers of shape (samples, ...)")
}

// labels returns the name of the array of the labels; "" if there is none.
func (f *finder) labels(samples Array) (string, error) {
	if f.want.OwnLabels {
		return "", nil
	}
	if name := f.want.Labels; name != "" {
		if _, ok := find(f.all, name); !ok {
			return "", f.unclear("has no array %q", name)
		}
		return name, nil
	}
	if _, ok := find(f.open, "y"); ok && !slices.Contains(f.taken, "y") {
		return "y", nil
	}
	n := 0
	if len(samples.Shape) > 0 {
		n = samples.Shape[0]
	}
	var named, fitting []Array
	for _, a := range f.open {
		base, _ := parse(a.Name)
		isList := slices.Contains(classNames, base) && (a.Kind == 'U' || a.Kind == 'S') // of class names
		switch {
		case slices.Contains(f.taken, a.Name):
		case slices.Contains(labelNames, base) && !isList:
			named = append(named, a)
		case a.fitsLabels(n):
			fitting = append(fitting, a)
		}
	}
	for _, candidates := range [][]Array{named, fitting} {
		switch len(candidates) {
		case 0:
		case 1:
			return candidates[0].Name, nil
		default:
			return "", f.unclear("does not say whether %s are the labels", alternatives(candidates))
		}
	}
	return "", nil
}

// classes returns the name of the array of class names.
func (f *finder) classes(taken ...string) string {
	for _, name := range classNames {
		for _, a := range f.open {
			if base, _ := parse(a.Name); base == name && !slices.Contains(taken, a.Name) && (a.Kind == 'U' || a.Kind == 'S') {
				return a.Name
			}
		}
	}
	return ""
}

func find(list []Array, name string) (Array, bool) {
	at := slices.IndexFunc(list, func(a Array) bool { return a.Name == name })
	if at < 0 {
		return Array{}, false
	}
	return list[at], true
}

// alternatives returns "a, b or c".
func alternatives(list []Array) string {
	names := make([]string, len(list))
	for i, a := range list {
		names[i] = a.Name
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
