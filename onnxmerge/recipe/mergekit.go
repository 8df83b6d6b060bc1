package recipe

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"go.yaml.in/yaml/v3"
)

// meaningless lists keys of mergekit's documents that do not apply to ONNX files, with the reason.
var meaningless = map[string]string{
	"slices":           "an ONNX graph has no numbered layers to cut and stack",
	"modules":          "an ONNX file is one graph",
	"tokenizer":        "an ONNX file has no tokenizer",
	"tokenizer_source": "an ONNX file has no tokenizer",
	"chat_template":    "an ONNX file has no chat template",
	"name":             "the output is named on the command line",
}

// mergekitDefaults are mergekit's defaults where they differ.
var mergekitDefaults = map[string]method.Params{
	"ties": {"density": 1.0}, "dare_linear": {"density": 1.0, "rescale": "l1"}, "dare_ties": {"density": 1.0,
		"rescale": "l1"},
	"breadcrumbs": {"density": 1.0}, "breadcrumbs_ties": {"density": 1.0},
	"della": {"density": 1.0, "rescale": "l1"}, "della_linear": {"density": 1.0, "rescale": "l1"},
}

// mergekit is the state of converting a mergekit document.
type mergekit struct {
	recipe  *Recipe
	theirs  string // merge_method
	m       method.Method
	hasBase bool
}

func readMergekit(top *object) (*Recipe, error) {
	for _, k := range top.keys {
		if why := meaningless[k]; why != "" {
			return nil, &Error{top.lines[k], fmt.Sprintf("%s is not supported: %s", k, why)}
		}
	}
	if err := top.only("a mergekit recipe", "merge_method", "models", "base_model", "parameters", "dtype",
		"out_dtype"); err != nil {
		return nil, err
	}
	k := &mergekit{recipe: &Recipe{Options: onnxmerge.Options{Params: method.Params{}}}}
	var err error
	if k.theirs, err = top.text("merge_method"); err != nil {
		return nil, err
	}
	name := k.theirs
	if name == "ties" {
		name = "ties_per_tensor"
	}
	if k.m, err = method.Lookup(name); err != nil {
		return nil, top.fail("method", err)
	}
	k.recipe.Options.Method, k.recipe.Options.Extrapolate = name, true
	for p, v := range mergekitDefaults[k.theirs] {
		k.recipe.Options.Params[p] = v
	}
	if err := k.dtype(top); err != nil {
		return nil, err
	}
	models, err := k.models(top)
	if err != nil {
		return nil, err
	}
	if top.has("parameters") {
		o, err := mapping(top.nodes["parameters"])
		if err != nil {
			return nil, err
		}
		for _, p := range o.keys {
			if err := k.shared(p, o.nodes[p], o.lines[p]); err != nil {
				return nil, err
			}
		}
	}
	return k.recipe, k.each(models)
}

// dtype reads the dtypes. Arithmetic is always float64 and the file keeps its dtypes, so another dtype is refused
// once the models are known.
func (k *mergekit) dtype(top *object) error {
	compute, err := top.text("dtype")
	if err != nil {
		return err
	}
	out, err := top.text("out_dtype")
	if err != nil {
		return err
	}
	if compute != "" {
		k.recipe.Notes = append(k.recipe.Notes, "dtype "+compute+" has no effect: arithmetic is float64")
	}
	if k.recipe.DType = out; out == "" {
		k.recipe.DType = compute
	}
	return nil
}

// mergekitModel is one entry of models.
type mergekitModel struct {
	file   string
	params *object // nil if the entry has none
}

// models reads the models, the base first.
func (k *mergekit) models(top *object) ([]mergekitModel, error) {
	base, err := top.text("base_model")
	if err != nil {
		return nil, err
	}
	nodes, err := top.list("models")
	if err != nil {
		return nil, err
	}
	var list []mergekitModel
	if base != "" && (k.m.Base || k.theirs == "slerp" || k.theirs == "nuslerp" || k.theirs == "multislerp") {
		k.hasBase = true
		list = append(list, mergekitModel{file: base})
	}
	for _, n := range nodes {
		o, err := mapping(n)
		if err != nil {
			return nil, err
		}
		if err := o.only("a model", "model", "parameters"); err != nil {
			return nil, err
		}
		var x mergekitModel
		if x.file, err = o.text("model"); err != nil {
			return nil, err
		}
		if x.file == "" {
			return nil, errAt(n, "an entry of models needs model")
		}
		if k.hasBase && x.file == base {
			continue // mergekit ignores such an entry
		}
		if p := o.nodes["parameters"]; p != nil && p.Tag != "!!null" {
			if x.params, err = mapping(p); err != nil {
				return nil, err
			}
		}
		list = append(list, x)
	}
	if k.m.Base && !k.hasBase {
		return nil, &Error{top.line, fmt.Sprintf("merge_method %s needs a base_model", k.theirs)}
	}
	for _, x := range list {
		k.recipe.Models = append(k.recipe.Models, x.file)
	}
	if _, err := k.m.Param("base"); err == nil {
		k.recipe.Options.Params["base"] = k.hasBase
	}
	return list, nil
}

// shared reads a parameter of all models.
func (k *mergekit) shared(name string, n *yaml.Node, line int) error {
	conditions, err := conditional(n)
	if err != nil {
		return err
	}
	set := k.recipe.Options.Params
	for i, c := range slices.Backward(conditions) {
		ours, v, err := k.translate(name, c.value, line)
		if err != nil || ours == "" {
			return err
		}
		if c.filter == "" || c.filter == "*" {
			if i != len(conditions)-1 {
				return &Error{line, fmt.Sprintf("%s: only the last entry may be without filter, because the first that matches "+
					"counts", name)}
			}
			set[ours] = v
			continue
		}
		k.filter(c.filter, ours, v)
	}
	return nil
}

// filter adds an override for tensors whose name contains text.
func (k *mergekit) filter(text, name string, v any) {
	k.recipe.Options.Set = append(k.recipe.Options.Set, onnxmerge.Override{Match: "re:" + regexp.QuoteMeta(text),
		Params: method.Params{name: v}})
}

// condition is a value for the tensors that match a filter.
type condition struct {
	filter string // "" for all tensors
	value  any
}

// conditional reads a value or a list of {filter, value}.
func conditional(n *yaml.Node) ([]condition, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 || n.Content[0].Kind != yaml.MappingNode {
		v, err := value(n)
		return []condition{{"", v}}, err
	}
	var list []condition
	for _, x := range n.Content {
		o, err := mapping(x)
		if err != nil {
			return nil, err
		}
		if err := o.only("a conditional value", "filter", "value"); err != nil {
			return nil, err
		}
		if !o.has("value") {
			return nil, errAt(x, "a conditional value needs a value")
		}
		var c condition
		if c.filter, err = o.text("filter"); err != nil {
			return nil, err
		}
		if c.value, err = value(o.nodes["value"]); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// translate converts a parameter to wiseft's name and value. The name is "" if the parameter has no effect.
func (k *mergekit) translate(name string, v any, line int) (string, any, error) {
	b, isBool := v.(bool)
	switch {
	case name == "int8_mask":
		k.recipe.Notes = append(k.recipe.Notes, "int8_mask has no effect: masks are not stored")
		return "", nil, nil
	case name == "rescale" && isBool:
		if b {
			return name, "l1", nil
		}
		return name, "none", nil
	case name == "normalize_weights":
		return "normalize", v, nil
	case name == "nuslerp_flatten" && isBool:
		if !b && k.recipe.Options.Params["axis"] == nil {
			return "axis", "rows", nil
		}
		return "", nil, nil
	case name == "nuslerp_row_wise" && isBool:
		if b {
			return "axis", "columns", nil
		}
		return "", nil, nil
	}
	if _, err := k.m.Param(name); err != nil {
		return "", nil, &Error{line, err.Error()}
	}
	return name, v, nil
}

// each reads the parameters of single models.
func (k *mergekit) each(models []mergekitModel) error {
	values := map[string]map[string][]any{} // by parameter and filter: one value per model
	var order [][2]string
	lines := map[string]int{}
	for i, x := range models {
		if x.params == nil {
			continue
		}
		for _, p := range x.params.keys {
			conditions, err := conditional(x.params.nodes[p])
			if err != nil {
				return err
			}
			for _, c := range conditions {
				ours, v, err := k.translate(p, c.value, x.params.lines[p])
				if err != nil {
					return err
				}
				if c.filter == "*" {
					c.filter = ""
				}
				if values[ours] == nil {
					values[ours] = map[string][]any{}
				}
				if values[ours][c.filter] == nil {
					values[ours][c.filter] = make([]any, len(models))
					order = append(order, [2]string{ours, c.filter})
				}
				values[ours][c.filter][i], lines[ours] = v, x.params.lines[p]
			}
		}
	}
	for _, at := range slices.Backward(order) {
		if err := k.one(at[0], at[1], values[at[0]], lines[at[0]]); err != nil {
			return err
		}
	}
	return nil
}

// one sets a parameter that differs between models, for a filter.
func (k *mergekit) one(name, filter string, values map[string][]any, line int) error {
	list := values[filter]
	for i, v := range list {
		if filter == "" || v != nil {
			continue
		}
		for other, theirs := range values {
			if other != "" && theirs[i] != nil {
				return &Error{line, fmt.Sprintf("%s has the filter %q for some models and %q for others; write both for all", name,
					filter, other)}
			}
		}
		if all := values[""]; all != nil {
			list[i] = all[i]
		}
	}
	if param, err := k.m.Param(name); err == nil && !param.PerModel && !param.PerTask {
		return k.same(name, filter, list, line)
	}
	if k.hasBase && list[0] == nil {
		if param, err := k.m.Param(name); err == nil && param.PerModel {
			list[0] = 0.0 // the base's, which is ignored
		}
	}
	v, err := perModel(k.m, name, list, line)
	if err != nil {
		return err
	}
	if filter != "" {
		k.filter(filter, name, v)
		return nil
	}
	k.recipe.Options.Params[name] = v
	return nil
}

// same sets a parameter that mergekit accepts per model and that has one value here.
func (k *mergekit) same(name, filter string, list []any, line int) error {
	var v any
	for _, x := range list {
		if x == nil {
			continue
		}
		if v != nil && fmt.Sprint(v) != fmt.Sprint(x) {
			return &Error{line, fmt.Sprintf("%s must be the same for all models", name)}
		}
		v = x
	}
	if filter != "" {
		k.filter(filter, name, v)
		return nil
	}
	k.recipe.Options.Params[name] = v
	return nil
}
