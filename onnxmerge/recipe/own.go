package recipe

import (
	"fmt"
	"maps"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"go.yaml.in/yaml/v3"
)

// readOwn reads wiseft's own form.
func readOwn(top *object) (*Recipe, error) {
	err := top.only("a recipe", "method", "models", "params", "set", "include", "exclude", "fold_bn", "backbone_output",
		"extrapolate", "fisher", "pairs", "norm_statistics", "allow_nonfinite", "repair", "align", "base_weights")
	if err != nil {
		return nil, err
	}
	r := &Recipe{}
	if r.Options.Method, err = top.text("method"); err != nil {
		return nil, err
	}
	if r.Options.Method == "" {
		return nil, &Error{top.line, "the recipe has no method; add a line such as method: linear"}
	}
	m, err := method.Lookup(r.Options.Method)
	if err != nil {
		return nil, top.fail("method", err)
	}
	if r.Options.Params, err = ownParams(top.nodes["params"]); err != nil {
		return nil, err
	}
	if err := r.readModels(top, m); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		key string
		dst *[]string
	}{{"include", &r.Options.Include}, {"exclude", &r.Options.Exclude}, {"fisher", &r.Fisher}} {
		if *f.dst, err = top.texts(f.key); err != nil {
			return nil, err
		}
	}
	if r.Options.Extrapolate, err = top.bool("extrapolate"); err != nil {
		return nil, err
	}
	if r.Options.FoldNorms, err = top.bool("fold_bn"); err != nil {
		return nil, err
	}
	if r.Options.BackboneOutput, err = top.text("backbone_output"); err != nil {
		return nil, err
	}
	if r.BaseWeights, err = top.text("base_weights"); err != nil {
		return nil, err
	}
	if r.Options.AllowNonfinite, err = top.bool("allow_nonfinite"); err != nil {
		return nil, err
	}
	statistics, err := top.text("norm_statistics")
	if err != nil {
		return nil, err
	}
	r.Options.Statistics = onnxmerge.Statistics(statistics)
	if err = r.readActivations(top); err != nil {
		return nil, err
	}
	if r.Options.Pairs, err = readPairs(top); err != nil {
		return nil, err
	}
	sets, err := top.list("set")
	if err != nil {
		return nil, err
	}
	for _, n := range sets {
		o, err := override(n)
		if err != nil {
			return nil, err
		}
		r.Options.Set = append(r.Options.Set, o)
	}
	return r, nil
}

// readPairs reads the pairs that are stated.
func readPairs(top *object) (pairs []onnxmerge.GivenPair, err error) {
	nodes, err := top.list("pairs")
	if err != nil {
		return nil, err
	}
	for _, n := range nodes {
		o, err := mapping(n)
		if err != nil {
			return nil, err
		}
		if err := o.only("an entry of pairs", "pretrained", "finetuned", "transposed"); err != nil {
			return nil, err
		}
		var p onnxmerge.GivenPair
		if p.A, err = o.text("pretrained"); err != nil {
			return nil, err
		}
		if p.B, err = o.text("finetuned"); err != nil {
			return nil, err
		}
		if p.Transposed, err = o.bool("transposed"); err != nil {
			return nil, err
		}
		if p.A == "" || p.B == "" {
			return nil, errAt(n, "an entry of pairs needs pretrained and finetuned")
		}
		pairs = append(pairs, p)
	}
	return pairs, nil
}

func ownParams(n *yaml.Node) (method.Params, error) {
	params := method.Params{}
	if n == nil || n.Tag == "!!null" {
		return params, nil
	}
	o, err := mapping(n)
	if err != nil {
		return nil, err
	}
	for _, k := range o.keys {
		if params[k], err = value(o.nodes[k]); err != nil {
			return nil, err
		}
	}
	return params, nil
}

func override(n *yaml.Node) (onnxmerge.Override, error) {
	var out onnxmerge.Override
	o, err := mapping(n)
	if err != nil {
		return out, err
	}
	if err := o.only("an entry of set", "match", "params"); err != nil {
		return out, err
	}
	if out.Match, err = o.text("match"); err != nil {
		return out, err
	}
	if out.Match == "" || !o.has("params") {
		return out, errAt(n, "an entry of set needs match and params")
	}
	out.Params, err = ownParams(o.nodes["params"])
	return out, err
}

// readModels reads a list of files, or of mappings with a file and its parameters.
func (r *Recipe) readModels(top *object, m method.Method) error {
	nodes, err := top.list("models")
	if err != nil {
		return err
	}
	values := map[string][]any{}
	lines := map[string]int{}
	for i, n := range nodes {
		if isNothing(n) {
			return errAt(n, "a model needs a file")
		}
		if n.Kind == yaml.ScalarNode {
			r.Models = append(r.Models, n.Value)
			continue
		}
		o, err := mapping(n)
		if err != nil {
			return err
		}
		file, err := o.text("file")
		if err != nil {
			return err
		}
		if file == "" {
			return errAt(n, "a model needs a file")
		}
		r.Models = append(r.Models, file)
		if o.has("adapter") {
			list, err := o.adapters("adapter")
			if err != nil {
				return err
			}
			r.setAdapters(i, list)
		}
		for _, k := range o.keys {
			if k == "file" || k == "adapter" {
				continue
			}
			if values[k] == nil {
				values[k], lines[k] = make([]any, len(nodes)), o.lines[k]
			}
			if values[k][i], err = value(o.nodes[k]); err != nil {
				return err
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		if _, twice := r.Options.Params[k]; twice {
			return &Error{lines[k], fmt.Sprintf("%s is given for all models and for one", k)}
		}
		if r.Options.Params[k], err = perModel(m, k, values[k], lines[k]); err != nil {
			return err
		}
	}
	return nil
}
