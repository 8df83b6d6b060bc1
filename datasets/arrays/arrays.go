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

// Of returns the arrays of an archive. One whose header cannot be read has the kind 0 and no shape.
func Of(a *npy.Archive) []Array {
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
	// Inputs are the names of a model's inputs, the one that takes the samples first. An array of its name is taken before x;
	// arrays of other inputs' names are an error, since the model would run without them, unless Samples is set.
	Inputs []string
}

// Roles are the arrays that were taken.
type Roles struct {
	Samples string
	Labels  string // "" = there are none
	Classes string // class names; "" = there are none
	Split   string // "" = the file has no splits
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
	samples, err := f.samples()
	if err != nil {
		return Roles{}, err
	}
	labels, err := f.labels(samples)
	if err != nil {
		return Roles{}, err
	}
	r := Roles{Samples: samples.Name, Labels: labels, Classes: f.classes(samples.Name, labels), Split: f.split}
	if err := f.checkInputs(r); err != nil {
		return Roles{}, err
	}
	r.Note = f.note(r)
	return r, nil
}

type finder struct {
	all   []Array
	want  Want
	split string
	open  []Array // arrays of the split, from which is chosen
}

// chooseSplit sets the split, and the arrays that are in it.
func (f *finder) chooseSplit() error {
	splits := map[string]bool{}
	for _, a := range f.all {
		if _, split := parse(a.Name); split != "" {
			splits[split] = true
		}
	}
	if _, plain := find(f.all, "x"); plain || f.want.Samples != "" {
		splits = nil
		_, f.split = parse(f.want.Samples)
	}
	if len(splits) > 0 {
		names := sortedKeys(splits)
		f.split = canonical(f.want.Split)
		switch {
		case f.split == "" && len(names) == 1:
			f.split = names[0]
		case f.split == "":
			return fmt.Errorf("has the splits %s; choose one", strings.Join(names, ", "))
		case !splits[f.split]:
			return fmt.Errorf("has no split %q; it has %s", f.want.Split, strings.Join(names, ", "))
		}
	}
	for _, a := range f.all {
		if _, split := parse(a.Name); split == "" || split == f.split {
			f.open = append(f.open, a)
		}
	}
	return nil
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
	if len(f.want.Inputs) > 0 {
		if a, ok := find(f.open, f.want.Inputs[0]); ok && a.fitsSamples() && a.Name != f.want.Labels {
			return a, nil
		}
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

// checkInputs refuses arrays that have the name of an input of the model and are not used.
func (f *finder) checkInputs(r Roles) error {
	if f.want.Samples != "" {
		return nil
	}
	for _, a := range f.open {
		if slices.Contains(f.want.Inputs, a.Name) && a.Name != r.Samples && a.Name != r.Labels && a.Name != r.Classes {
			return fmt.Errorf("has the array %s, which has the name of another input of the model, and the model is run with its "+
				"input %q alone; --input %s=%s runs it without %s", a, f.want.Inputs[0], f.want.Inputs[0], r.Samples, a.Name)
		}
	}
	return nil
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
	if _, ok := find(f.open, "y"); ok {
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
		case a.Name == samples.Name:
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

// note describes what was taken and what was left. Arrays of other splits, and meta, are not samples' and go without
// saying.
func (f *finder) note(r Roles) string {
	var left []string
	for _, a := range f.open {
		if a.Name != r.Samples && a.Name != r.Labels && a.Name != r.Classes && a.Name != "meta" {
			left = append(left, a.Name)
		}
	}
	if r.Samples == "x" && (r.Labels == "y" || f.want.OwnLabels) && len(left) == 0 {
		return ""
	}
	note := "samples are the array " + r.Samples
	switch {
	case r.Labels != "":
		note += ", labels " + r.Labels
	case !f.want.OwnLabels:
		note += ", which has no labels"
	}
	if len(left) > 0 {
		note += "; not used: " + strings.Join(left, ", ")
	}
	return note
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
