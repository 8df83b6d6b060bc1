package wiseft

import (
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// samples returns the array that has the samples; "" is to be found.
func (d Data) samples() (string, error) {
	if d.inputs != nil {
		return d.Inputs[""], nil
	}
	if len(d.Inputs) > 1 {
		return "", fault.Usagef("--input names arrays of %d inputs of a model, and without a model one array is read",
			len(d.Inputs))
	}
	for _, array := range d.Inputs {
		return array, nil
	}
	return "", nil
}

// constants reads what inputs get with every sample, in the order of their names, without those that need nothing.
func (d Data) constants() (list []datasets.Constant, err error) {
	for _, input := range slices.Sorted(maps.Keys(d.Constants)) {
		if slices.Contains(d.idle, input) {
			continue
		}
		if input == "" {
			return nil, fault.Usagef("--constant %s is not NAME=VALUE", d.Constants[input])
		}
		c, err := datasets.ParseConstant(input, d.Constants[input])
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// checkInputs refuses an array or a constant for an input that a model does not have.
func (d Data) checkInputs(m *Model) error {
	declared, err := modelInputs(m.Model)
	if err != nil {
		return withPath(m.path, err)
	}
	var names []string
	for _, in := range declared {
		names = append(names, in.Name)
	}
	for _, input := range slices.Concat(slices.Sorted(maps.Keys(d.Inputs)), slices.Sorted(maps.Keys(d.Constants))) {
		if input != "" && !slices.Contains(names, input) {
			return fault.Mismatchf("%s has no input %q; it has %s", m.path, input, strings.Join(names, ", "))
		}
	}
	return nil
}

// firstOptional is the IR version from which on inputs with an initializer may be set; see onnx.Graph.Optional.
const firstOptional = 4

// modelInputs returns the inputs of a model that some values depend on, or all without any values, optional ones last.
func modelInputs(m *onnx.Model, values ...string) (list []probe.Input, err error) {
	needed := func(string) bool { return true }
	if len(values) > 0 && len(m.Graph.Inputs) > 1 {
		g, err := flow.New(m)
		if err != nil {
			return nil, err
		}
		upstream := g.Upstream(values...)
		needed = func(name string) bool { return upstream[name] }
	}
	for _, v := range m.Graph.Inputs {
		if needed(v.Name) {
			list = append(list, declaredInput(v))
		}
	}
	for _, v := range m.Graph.Optional {
		if m.IRVersion >= firstOptional && needed(v.Name) {
			in := declaredInput(v)
			in.Optional = true
			list = append(list, in)
		}
	}
	return list, nil
}

// hasInput reports whether a model has an input of a name, which no value may depend on.
func hasInput(m *onnx.Model, name string) bool {
	isNamed := func(v onnx.Value) bool { return v.Name == name }
	return slices.ContainsFunc(m.Graph.Inputs, isNamed) || slices.ContainsFunc(m.Graph.Optional, isNamed)
}

// declaredInput returns a model's input as package probe takes it.
func declaredInput(v onnx.Value) probe.Input {
	in := probe.Input{Name: v.Name, Type: ort.ElementType(v.DType), Axes: axisNames(v)}
	for _, d := range v.Shape {
		in.Shape = append(in.Shape, d.Len)
	}
	return in
}

// forModel returns data that feed the inputs of a model on which some values depend, or all inputs without any values.
func (d Data) forModel(m *onnx.Model, values ...string) Data {
	d.inputs, d.idle = nil, nil
	declared, err := modelInputs(m, values...)
	if err != nil { // who runs the model reports it
		return d
	}
	for input := range d.Constants {
		if !slices.ContainsFunc(declared, func(in probe.Input) bool { return in.Name == input }) && hasInput(m, input) {
			d.idle = append(d.idle, input)
		}
	}
	d.inputs = []arrays.Input{}
	for _, in := range declared {
		if _, isConstant := d.Constants[in.Name]; isConstant {
			continue
		}
		array, named := d.Inputs[in.Name]
		d.inputs = append(d.inputs, arrays.Input{Name: in.Name, Type: in.Type, Flat: len(in.Shape) == 1, Optional: in.Optional,
			Array: array, LeftOut: named && array == ""})
	}
	if p, ok := d.padding(); ok {
		mask, _ := p.MaskInput()
		if i := slices.IndexFunc(d.inputs, func(in arrays.Input) bool { return in.Name == mask }); i >= 0 {
			d.inputs[i].Optional = true // it is made where the data has none
		}
	}
	return d
}

// padding returns how sequences are filled up, and whether they are. The mask is the one that is named, or the one of
// the default name if the model has it.
func (d Data) padding() (p datasets.Padding, fills bool) {
	if p, fills = datasets.ParsePadding(d.Pad); !fills || p.Mask != "" {
		return p, fills
	}
	if slices.ContainsFunc(d.inputs, func(in arrays.Input) bool { return in.Name == probe.AttentionMask }) {
		p.Mask = probe.AttentionMask
	}
	return p, true
}

// named returns a tensor as a list of the values that are computed; nil if it is to be found.
func named(tensor string) []string {
	if tensor == "" {
		return nil
	}
	return []string{tensor}
}

// forModel makes all data feed the inputs of a model on which some values depend, or all inputs without any values.
func (o *MeasureOptions) forModel(m *onnx.Model, values ...string) {
	o.Tests, o.Val.Sets, o.Transfers = slices.Clone(o.Tests), slices.Clone(o.Val.Sets), slices.Clone(o.Transfers)
	o.Train, o.Corrupted = o.Train.forModel(m, values...), o.Corrupted.forModel(m, values...)
	for i, d := range o.Tests {
		o.Tests[i] = d.forModel(m, values...)
	}
	for i, v := range o.Val.Sets {
		o.Val.Sets[i].Data = v.Data.forModel(m, values...)
	}
	for i, t := range o.Transfers {
		o.Transfers[i].Data, o.Transfers[i].Test = t.Data.forModel(m, values...), t.Test.forModel(m, values...)
	}
}
