package recipe

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"go.yaml.in/yaml/v3"
)

// FromProvenance returns the recipe recorded in a merged model.
func FromProvenance(p *onnxmerge.Provenance) *Recipe {
	r := &Recipe{Options: p.Options()}
	for _, m := range p.Models {
		r.Models = append(r.Models, cmp.Or(m.Ref, m.File))
	}
	for i, m := range p.Models {
		from, err := onnxmerge.ParseWeights(m.From)
		if err != nil || len(from.Adapters) == 0 && strings.HasSuffix(m.File, ".onnx") {
			continue // an ONNX model as it is
		}
		if len(from.From) > 0 {
			r.BaseWeights = from.From[0].File
		}
		for _, a := range from.Adapters {
			r.setAdapters(i, append(r.adaptersOf(i), Adapter{a.Path, a.Scale}))
		}
	}
	for _, f := range p.Fisher {
		r.Fisher = append(r.Fisher, cmp.Or(f.Ref, f.File))
	}
	if len(p.Aligned) > 0 {
		a := p.Aligned[0] // all are aligned alike
		r.Align = &Align{By: a.By, Draws: len(a.Draws)}
		if a.Data != nil {
			r.Align.Data = *a.Data
		}
		r.Align.Data.Seed = a.Seed
		r.Align.Data.Batch, r.Align.Data.Runtime = 0, ""
	}
	if p.Repair != nil {
		r.Repair = &Repair{Mode: p.Repair.Mode, Data: p.Repair.Data}
		r.Repair.Data.Batch, r.Repair.Data.Runtime = 0, ""
	}
	return r
}

// Write writes the recipe in wiseft's own form. [Read] of the output gives an equal recipe.
func (r *Recipe) Write(w io.Writer) error {
	m, err := method.Lookup(r.Options.Method)
	if err != nil {
		return err
	}
	full, err := m.CompleteBeyond(r.Options.Params) // converts values to one form
	if err != nil {
		return err
	}
	var top yaml.Node
	top.Kind = yaml.MappingNode
	put(&top, "method", m.Name)
	shared, each := split(m, full, len(r.Models))
	var models []any
	for i, file := range r.Models {
		entry := &yaml.Node{Kind: yaml.MappingNode}
		put(entry, "file", file)
		putAdapters(entry, r.adaptersOf(i))
		for _, name := range slices.Sorted(maps.Keys(each)) {
			if v := each[name][i]; v != nil {
				put(entry, name, v)
			}
		}
		if len(entry.Content) > 2 {
			models = append(models, entry)
		} else {
			models = append(models, file)
		}
	}
	if models != nil {
		put(&top, "models", models)
	}
	if r.BaseWeights != "" {
		put(&top, "base_weights", r.BaseWeights)
	}
	if len(r.Fisher) > 0 {
		put(&top, "fisher", r.Fisher)
	}
	if len(shared) > 0 {
		put(&top, "params", paramsNode(shared))
	}
	putSet(&top, r.Options.Set)
	if len(r.Options.Include) > 0 {
		put(&top, "include", r.Options.Include)
	}
	if len(r.Options.Exclude) > 0 {
		put(&top, "exclude", r.Options.Exclude)
	}
	if r.Options.FoldNorms {
		put(&top, "fold_bn", true)
	}
	putPairs(&top, r.Options.Pairs)
	if r.Options.AllowNonfinite {
		put(&top, "allow_nonfinite", true)
	}
	if r.Options.Statistics != "" {
		put(&top, "norm_statistics", string(r.Options.Statistics))
	}
	if r.Options.BackboneOutput != "" {
		put(&top, "backbone_output", r.Options.BackboneOutput)
	}
	if r.Options.Extrapolate {
		put(&top, "extrapolate", true)
	}
	if r.Align != nil {
		r.Align.activations().put(&top)
	}
	if r.Repair != nil {
		r.Repair.activations().put(&top)
	}
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(&top); err != nil {
		return err
	}
	return e.Close()
}

// put adds a key. Lists of numbers are written on one line.
func put(n *yaml.Node, key string, v any) {
	var k, node yaml.Node
	k.SetString(key)
	switch v := v.(type) {
	case *yaml.Node:
		node = *v
	case []any:
		node.Kind = yaml.SequenceNode
		for _, x := range v {
			var item yaml.Node
			if given, ok := x.(*yaml.Node); ok {
				item = *given
			} else {
				_ = item.Encode(x) // strings and numbers can always be encoded
			}
			node.Content = append(node.Content, &item)
		}
	default:
		_ = node.Encode(v)
		if _, ok := v.(method.Gradient); ok {
			node.Style = yaml.FlowStyle
		}
	}
	n.Content = append(n.Content, &k, &node)
}

func paramsNode(p method.Params) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		put(n, name, p[name])
	}
	return n
}

// putSet adds the overrides.
func putPairs(top *yaml.Node, pairs []onnxmerge.GivenPair) {
	var list []any
	for _, p := range pairs {
		entry := &yaml.Node{Kind: yaml.MappingNode}
		put(entry, "pretrained", p.A)
		put(entry, "finetuned", p.B)
		if p.Transposed {
			put(entry, "transposed", true)
		}
		list = append(list, entry)
	}
	if list != nil {
		put(top, "pairs", list)
	}
}

func putSet(top *yaml.Node, set []onnxmerge.Override) {
	var list []any
	for _, o := range set {
		params := method.Params{}
		for name, v := range o.Params {
			params[name] = v
			switch v.(type) {
			case []any, []float64:
				each := &yaml.Node{Kind: yaml.MappingNode}
				put(each, "each", v)
				params[name] = each
			}
		}
		entry := &yaml.Node{Kind: yaml.MappingNode}
		put(entry, "match", o.Match)
		put(entry, "params", paramsNode(params))
		list = append(list, entry)
	}
	if list != nil {
		put(top, "set", list)
	}
}

// split separates parameters with one value per model from those with one value for all models.
func split(m method.Method, full method.Params, models int) (shared method.Params, each map[string][]any) {
	shared, each = method.Params{}, map[string][]any{}
	for name, v := range full {
		var list []any
		switch v := v.(type) {
		case []float64:
			for _, x := range v {
				list = append(list, x)
			}
		case []any:
			list = slices.Clone(v)
		default:
			shared[name] = v
			continue
		}
		if param, err := m.Param(name); err == nil && param.PerTask {
			list = append([]any{nil}, list...)
		}
		if len(list) == models {
			each[name] = list
		}
	}
	return shared, each
}

// Example writes a commented recipe of a method with its defaults.
func Example(w io.Writer, m method.Method) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s: %s\n# %s\nmethod: %s\n\n", m.Name, m.Doc, m.Formula, m.Name)
	fmt.Fprintf(&b, "# %s models. The file of the last one is written.\nmodels:\n", m.Takes())
	n := max(m.MinModels, 2)
	if m.MaxModels == 0 {
		n = max(n, 3)
	}
	for i := range n {
		name := fmt.Sprintf("finetuned%d.onnx", i)
		if i == 0 {
			name = "pretrained.onnx"
		}
		if i == 1 && len(eachExample(m)) > 0 {
			fmt.Fprintf(&b, "  - file: %s # or with parameters of this model:\n", name)
			for _, line := range eachExample(m) {
				fmt.Fprintf(&b, "    # %s\n", line)
			}
			continue
		}
		fmt.Fprintf(&b, "  - %s\n", name)
	}
	if m.Fisher {
		b.WriteString("\n# The diagonal Fisher information of each model, in their order.\nfisher:\n")
		for i := range n {
			fmt.Fprintf(&b, "  - fisher%d.onnx\n", i)
		}
	}
	exampleParams(&b, m)
	b.WriteString("\n# Tensors that match exclude are copied from the last model; with include, only tensors that match " +
		"it are merged.\n# include: ['encoder/*']\n# exclude: ['head/*']\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func eachExample(m method.Method) (lines []string) {
	for _, p := range m.Params {
		if (p.PerModel || p.PerTask) && !p.Global {
			lines = append(lines, fmt.Sprintf("%s: %s", p.Name, exampleValue(p)))
		}
	}
	return lines
}

func exampleValue(p method.Param) string {
	if p.Default == nil {
		return "1"
	}
	return fmt.Sprint(p.Default)
}

func exampleParams(b *strings.Builder, m method.Method) {
	if len(m.Params) == 0 {
		return
	}
	b.WriteString("\nparams:\n")
	for _, p := range m.Params {
		comment := ""
		if p.Default == nil {
			comment = "# "
		}
		fmt.Fprintf(b, "  # %s (%s)\n  %s%s: %s\n", p.Doc, p.Range(), comment, p.Name, exampleValue(p))
	}
	for _, p := range m.Params {
		if p.Kind == method.Number && !p.Global {
			fmt.Fprintf(b, "\n# For single tensors: by glob, re:REGEX, op:Conv or depth:0-0.5. A list is a gradient over "+
				"depth.\n"+
				"# set:\n#   - match: 'encoder/*'\n#     params: {%s: %s}\n", p.Name, exampleValue(p))
			return
		}
	}
}
