package arrays

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/typed"
)

// Input is an input of a model that the data may feed.
type Input struct {
	Name     string
	Type     typed.Type // Undefined stands for float32
	Flat     bool       // it takes one value a sample: the model declares no axis behind the batch
	Optional bool       // it has a default, and is left out where the data has no array of its name
	// Array is the array that was named for it; "" is found: the one of its name.
	Array string
	// LeftOut leaves out an optional input although the data may have an array of its name.
	LeftOut bool
}

// Taken is an array, and the input that takes it; "" without a model.
type Taken struct{ Input, Array string }

// parse is the function parse, which knows names of inputs with the word of a split, too.
func (f *finder) parse(name string) (base, split string) {
	if base, split = parse(name); split != "" {
		return base, split
	}
	for _, in := range f.want.Inputs {
		for word, split := range splits {
			input, lower := strings.ToLower(in.Name), strings.ToLower(name)
			if lower == input+"_"+word || lower == word+"_"+input {
				return input, split
			}
		}
	}
	return base, ""
}

// inputs returns the arrays of all inputs that get one, in their order; without a model the samples alone.
func (f *finder) inputs() (list []Taken, err error) {
	var required []Input
	for _, in := range f.want.Inputs {
		if !in.Optional {
			required = append(required, in)
		}
	}
	if len(required) <= 1 {
		only := Input{Name: ""}
		if len(required) == 1 {
			only = required[0]
		}
		a, err := f.onlyInput(only)
		if err != nil {
			return nil, err
		}
		list = append(list, Taken{only.Name, a.Name})
		required = nil
	} else if f.want.Samples != "" {
		return nil, f.noArray(required, "has to feed %d inputs, and the array %s is named for none of them", len(required),
			f.want.Samples)
	}
	var missing []Input
	for _, in := range f.want.Inputs {
		if len(list) == 1 && list[0].Input == in.Name && required == nil && !in.Optional || in.LeftOut {
			continue
		}
		name, err := f.arrayOf(in)
		switch {
		case err != nil:
			return nil, err
		case name != "":
			list = append(list, Taken{in.Name, name})
		case !in.Optional:
			missing = append(missing, in)
		}
	}
	if len(missing) > 0 {
		return nil, f.noArray(missing, "has no array for %s", inputNames(missing))
	}
	order := func(t Taken) int {
		return slices.IndexFunc(f.want.Inputs, func(in Input) bool { return in.Name == t.Input })
	}
	slices.SortFunc(list, func(a, b Taken) int { return order(a) - order(b) })
	return list, nil
}

// onlyInput returns the array of the only input that needs one: named, of its name, or as samples are found.
func (f *finder) onlyInput(in Input) (Array, error) {
	if in.Array != "" {
		f.want.Samples = in.Array
	}
	if a, ok := f.named(in.Name); ok && f.want.Samples == "" && (a.fitsSamples() || f.isPlainList(a, in)) {
		return a, nil
	}
	return f.samples()
}

// isPlainList reports whether an array of one value a sample is what an input takes: one without further axes, or of
// another type than float32, such as text.
func (f *finder) isPlainList(a Array, in Input) bool {
	return (in.Flat || in.Type != typed.Undefined && in.Type != typed.Float32) && len(a.Shape) >= 1 && a.Shape[0] > 0
}

// named returns the array of an input's name in the split that is read, unless it has the labels.
func (f *finder) named(input string) (Array, bool) {
	if input == "" || input == f.want.Labels {
		return Array{}, false
	}
	if a, ok := find(f.open, input); ok {
		return a, true
	}
	for _, a := range f.open {
		if base, split := f.parse(a.Name); split != "" && base == strings.ToLower(input) && a.Name != f.want.Labels {
			return a, true
		}
	}
	return Array{}, false
}

// arrayOf returns the array of an input, named or of its name; "" if there is none.
func (f *finder) arrayOf(in Input) (string, error) {
	if in.Array != "" {
		if _, ok := find(f.all, in.Array); !ok {
			return "", f.unclear("has no array %q", in.Array)
		}
		return in.Array, nil
	}
	a, _ := f.named(in.Name)
	return a.Name, nil
}

// noArray returns an error about inputs that get no array.
func (f *finder) noArray(inputs []Input, format string, args ...any) error {
	list := make([]string, len(f.all))
	for i, a := range f.all {
		list[i] = a.String()
	}
	return fmt.Errorf("%s; it has %s; --input %s=ARRAY names its array, and --constant %[3]s=VALUE gives what does not vary",
		fmt.Sprintf(format, args...), strings.Join(list, ", "), inputs[0].Name)
}

// inputNames lists inputs.
func inputNames(list []Input) string {
	names := make([]string, len(list))
	for i, in := range list {
		names[i] = in.Name
	}
	if len(names) == 1 {
		return "the input " + names[0]
	}
	return "the inputs " + strings.Join(names, ", ")
}

// plain reports whether samples are read as float32: those of an input of that type with further axes, or of no model.
func (f *finder) plain(t Taken) bool {
	return !slices.ContainsFunc(f.want.Inputs, func(in Input) bool {
		return in.Name == t.Input && (in.Flat || in.Type != typed.Undefined && in.Type != typed.Float32)
	})
}

// note describes what was taken and what was left; "" where names say it: x and y, or arrays of all inputs and y.
// Arrays of other splits, and meta, are not samples' and go without saying.
func (f *finder) note(r Roles, taken []Taken) string {
	var left []string
	for _, a := range f.open {
		if !slices.Contains(f.taken, a.Name) && a.Name != r.Labels && a.Name != r.Classes && a.Name != "meta" {
			left = append(left, a.Name)
		}
	}
	note, obvious := "samples are the array "+r.Samples, r.Samples == "x"
	if len(taken) > 1 {
		note, obvious = inputNote(taken)
	}
	defaults := Defaults(f.want.Inputs, taken)
	obvious = obvious && defaults == ""
	if obvious && (r.Labels == "y" || f.want.OwnLabels) && len(left) == 0 {
		return ""
	}
	switch {
	case r.Labels != "":
		note += ", labels " + r.Labels
	case !f.want.OwnLabels && len(taken) > 1:
		note += ", no labels"
	case !f.want.OwnLabels:
		note += ", which has no labels"
	}
	note += defaults
	if len(left) > 0 {
		note += "; not used: " + strings.Join(left, ", ")
	}
	return note
}

// maxDefaults is the number of optional inputs from which on they are taken for weights, which some exporters declare
// as inputs, and are not mentioned.
const maxDefaults = 8

// Defaults lists the optional inputs that get no array: "; gain has its default". It is "" without any, and for so many
// that they are weights.
func Defaults(inputs []Input, taken []Taken) string {
	var list []string
	for _, in := range inputs {
		if !slices.ContainsFunc(taken, func(t Taken) bool { return t.Input == in.Name }) {
			list = append(list, "; "+in.Name+" has its default")
		}
	}
	if len(list) > maxDefaults {
		return ""
	}
	return strings.Join(list, "")
}

// inputNote lists the arrays of several inputs. It is obvious if all have the names of their inputs.
func inputNote(taken []Taken) (note string, obvious bool) {
	obvious = true
	var list []string
	for _, t := range taken {
		text := t.Array
		if t.Input != t.Array {
			text, obvious = t.Input+"="+t.Array, false
		}
		list = append(list, text)
	}
	return "inputs are the arrays " + strings.Join(list, ", "), obvious
}
