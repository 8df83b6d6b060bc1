package probe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
)

// Input is an input that a model declares.
type Input struct {
	Name  string
	Type  typed.Type // Undefined stands for float32
	Shape []int64    // with the batch axis first; -1 stands for any length; nil if there is none, or for a single number
	Axes  []string   // the names of the axes, "" for those without; nil without any
	// Optional inputs have a default, and need no values.
	Optional bool
}

// dtype returns the type of the elements.
func (in Input) dtype() typed.Type { return cmp.Or(in.Type, typed.Float32) }

// axisName returns the name of an axis; "" if it has none.
func (in Input) axisName(axis int) string {
	if axis < len(in.Axes) {
		return in.Axes[axis]
	}
	return ""
}

// Fed returns those of a model's inputs that get values, in their order: inputs that the arrays and constants of a data
// set name, and for data whose samples are not named arrays the one that is left. Optional inputs may be left, others
// are an error, as are names that the model does not have.
func Fed(declared []Input, data datasets.Info) (fed []Input, err error) {
	given := map[string]bool{}
	for _, in := range data.Inputs {
		given[in.Input] = true
	}
	for _, c := range data.Constants {
		if given[c.Input] {
			return nil, fault.Usagef("the input %q is constant, and the data has an array for it", c.Input).
				WithHint("leave out --constant or --input for it")
		}
		given[c.Input] = true
	}
	for name := range given {
		if !slices.ContainsFunc(declared, func(in Input) bool { return in.Name == name }) {
			return nil, fault.Mismatchf("the model has no input %q; it has %s", name, inputNames(declared))
		}
	}
	var left []Input
	for _, in := range declared {
		if !given[in.Name] && !in.Optional {
			left = append(left, in)
		}
	}
	if data.Inputs == nil {
		switch {
		case len(left) == 1:
			given[left[0].Name] = true
		case len(left) == 0:
			return nil, fault.Mismatchf("every input of the model is constant or optional, and none is left for the samples of %s",
				data.Name)
		default:
			return nil, fault.Mismatchf("the model has %d inputs (%s), and the samples of %s feed one", len(left), inputNames(left),
				data.Name).WithHint("give what does not vary with --constant %s=VALUE, or data with an array for each input",
				left[1].Name)
		}
	} else if len(left) > 0 {
		return nil, fault.Mismatchf("the inputs %s get no values from %s", inputNames(left), data.Name).
			WithHint("name an array with --input %s=ARRAY, or what does not vary with --constant %[1]s=VALUE", left[0].Name)
	}
	for _, in := range declared {
		if given[in.Name] {
			fed = append(fed, in)
		}
	}
	return fed, nil
}

// Samples returns the input, of those that are fed, that takes samples without a name; the zero Input if there is none.
func Samples(fed []Input, data datasets.Info) Input {
	for _, in := range fed {
		named := slices.ContainsFunc(data.Inputs, func(x datasets.InputArray) bool { return x.Input == in.Name }) ||
			slices.ContainsFunc(data.Constants, func(c datasets.Constant) bool { return c.Input == in.Name })
		if !named {
			return in
		}
	}
	return Input{}
}

func inputNames(list []Input) string {
	var names []string
	for _, in := range list {
		names = append(names, in.Name)
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}

// source is where the values of an input come from.
type source struct {
	in       Input
	array    int       // of a sample; -1 is its X
	name     string    // of the array, for errors
	constant *constant // the same for all samples; nil if they vary
}

// newSources finds the values of every input that is fed.
func newSources(inputs []Input, data datasets.Info) (list []source, err error) {
	plain := ""
	for _, in := range inputs {
		s := source{in: in, array: -1}
		at := slices.IndexFunc(data.Inputs, func(x datasets.InputArray) bool { return x.Input == in.Name })
		k := slices.IndexFunc(data.Constants, func(c datasets.Constant) bool { return c.Input == in.Name })
		switch {
		case k >= 0:
			s.constant = &constant{in: in, given: data.Constants[k]}
		case at >= 0:
			s.array, s.name = at, data.Inputs[at].Array
		case data.Inputs != nil || plain != "":
			return nil, fault.Mismatchf("the input %q of the model gets no values from %s", in.Name, data.Name)
		default:
			plain = in.Name
		}
		list = append(list, s)
	}
	for _, s := range list {
		if s.constant != nil {
			s.constant.findBatchAxis(list)
		}
	}
	if len(inputs) == 0 {
		return nil, fault.Mismatchf("the model takes no samples of %s: it has no inputs", data.Name)
	}
	return list, nil
}

// batchOf returns the length of a batch that inputs require, which must be one; 0 if any will do.
func batchOf(sources []source) (int, error) {
	var by *source
	for i, s := range sources {
		if s.constant != nil || len(s.in.Shape) == 0 || s.in.Shape[0] <= 0 {
			continue
		}
		if s.in.Shape[0] > maxFixedBatch {
			return 0, fault.Inputf("model input %q has a fixed batch of %d; at most %d are run at once", s.in.Name, s.in.Shape[0],
				maxFixedBatch)
		}
		if by != nil && by.in.Shape[0] != s.in.Shape[0] {
			return 0, fault.Mismatchf("the model takes batches of %d at its input %q and of %d at %q: samples cannot feed both",
				by.in.Shape[0], by.in.Name, s.in.Shape[0], s.in.Name).
				WithHint("give one of them with --constant NAME=VALUE")
		}
		by = &sources[i]
	}
	if by == nil {
		return 0, nil
	}
	return int(by.in.Shape[0]), nil
}

// arrayShape returns the shape of an array of a sample for an input, behind the batch axis, or an error if the input
// does not take it.
func (s *source) arrayShape(a typed.Array) ([]int64, error) {
	shape := append([]int64{0}, a.Shape...)
	if len(s.in.Shape) == 0 { // nothing is declared, or a single number, which has no batch axis; the engine checks it
		return shape, nil
	}
	fits := len(shape) == len(s.in.Shape)
	for i := 1; fits && i < len(shape); i++ {
		fits = s.in.Shape[i] < 0 || s.in.Shape[i] == shape[i]
	}
	if !fits {
		return nil, fault.Inputf("has the array %q of shape %v, but model input %q takes %v after the batch axis", s.name, a.Shape,
			s.in.Name, strings.ReplaceAll(fmt.Sprint(s.in.Shape[1:]), "-1", "?"))
	}
	return shape, nil
}
