package recipe

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/memorytest"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

func read(t *testing.T, text string) *Recipe {
	t.Helper()
	r, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The example of every method is a valid recipe with the method's defaults.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, name := range method.Names() {
		m, err := method.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		var text bytes.Buffer
		if err := Example(&text, m); err != nil {
			t.Fatal(err)
		}
		r := read(t, text.String())
		if r.Options.Method != name || len(r.Models) < 2 {
			t.Errorf("%s: the example is of %s, with %d models", name, r.Options.Method, len(r.Models))
		}
		for _, p := range m.Params {
			if p.Default != nil && !reflect.DeepEqual(r.Options.Params[p.Name], p.Default) {
				t.Errorf("%s: the example has %s=%v, the default is %v", name, p.Name, r.Options.Params[p.Name], p.Default)
			}
		}
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	const text = `method: ties_per_tensor
models:
  - base.onnx
  - file: a.onnx
    density: [0.2, 0.8]
    weight: 0.5
  - file: b.onnx
    density: 0.5
    weight: -1
params:
  lambda: 0.4
  normalize: true
  rescale: none
set:
  - match: re:blocks\.[0-3]
    params:
      lambda: [0, 1]
      weight:
        each:
          - 0.5
          - 1
include:
  - enc*
exclude:
  - head*
pairs:
  - pretrained: old.weight
    finetuned: new.weight
  - pretrained: old.square
    finetuned: new.square
    transposed: true
allow_nonfinite: true
norm_statistics: linear
extrapolate: true
align:
  by: activations
  data: mix.npz
  draws: 5
  samples: 640
repair:
  data: clouds.npz
  mode: scale
  sample: fps
  samples: 32
  points: 1024
  drop_nan: true
  seed: 18446744073709551615
`
	r := read(t, text)
	var out bytes.Buffer
	if err := r.Write(&out); err != nil {
		t.Fatal(err)
	}
	if out.String() != text {
		t.Errorf("written again it is\n%s", out.String())
	}
	want := method.Params{"density": []any{method.Gradient{0.2, 0.8}, 0.5}, "weight": []any{0.5, -1.0}, "lambda": 0.4,
		"normalize": true, "rescale": "none"}
	if !reflect.DeepEqual(r.Options.Params, want) {
		t.Errorf("parameters %v, want %v", r.Options.Params, want)
	}
}

func TestMergekit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       Recipe
	}{
		{"linear", "merge_method: linear\nmodels:\n- {model: a, parameters: {weight: 1}}\n- {model: b, parameters: " +
			"{weight: [0, 1]}}\nout_dtype: float16\n",
			Recipe{Models: []string{"a", "b"}, DType: "float16",
				Options: onnxmerge.Options{Method: "linear", Params: method.Params{"weight": []any{1.0, method.Gradient{0, 1}}}}}},
		{"slerp", "merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\n" +
			"parameters:\n  t:\n  - {filter: attn, value: [0, 0.5]}\n  - {filter: mlp.x, value: 0.2}\n  - value: 0.3\n",
			Recipe{Models: []string{"a", "b"}, Options: onnxmerge.Options{Method: "slerp", Params: method.Params{"t": 0.3},
				Set: []onnxmerge.Override{
					{Match: `re:mlp\.x`, Params: method.Params{"t": 0.2}}, {Match: "re:attn",
						Params: method.Params{"t": method.Gradient{0, 0.5}}}}}}},
		{"dare_ties", "merge_method: dare_ties\nbase_model: a\nmodels: [{model: b, parameters: {weight: 0.5, density: " +
			"0.4}}, {model: c, parameters: {weight: 1, density: 0.6}}]\n",
			Recipe{Models: []string{"a", "b", "c"}, Options: onnxmerge.Options{Method: "dare_ties",
				Params: method.Params{"density": []any{0.4, 0.6}, "weight": []any{0.5, 1.0}, "rescale": "l1"}}}},
		{"nuslerp", "merge_method: nuslerp\nbase_model: a\nmodels: [{model: b, parameters: {weight: 1}}, {model: c, " +
			"parameters: {weight: 3}}]\nparameters: {nuslerp_flatten: false, nuslerp_row_wise: true}\n",
			Recipe{Models: []string{"a", "b", "c"}, Options: onnxmerge.Options{Method: "nuslerp",
				Params: method.Params{"weight": []any{0.0, 1.0, 3.0}, "axis": "columns", "base": true}}}},
		{"breadcrumbs", "merge_method: breadcrumbs\nbase_model: a\nmodels: [{model: b, parameters: {gamma: " +
			"0.1}}]\nparameters: {density: 0.9, rescale: true}\n",
			Recipe{Models: []string{"a", "b"}, Options: onnxmerge.Options{Method: "breadcrumbs",
				Params: method.Params{"density": 0.9, "gamma": 0.1, "rescale": "l1"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := read(t, c.text)
			c.want.Options.Extrapolate = true
			got.Notes = nil
			if !reflect.DeepEqual(*got, c.want) {
				t.Errorf("%+v, want %+v", *got, c.want)
			}
		})
	}
}

// Every error states its line.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		line int
		msg  string
	}{
		{"", 0, "is empty"},
		{"method: [", 0, "line 1"},
		{"- a\n- b", 1, "a mapping"},
		{"models: [a]", 1, "has no method"},
		{"method: linear\nmethod: slerp", 2, "occurs twice; first in line 1"},
		{"method: lienar", 1, "no merge method"},
		{"method: linear\nmodles: []", 2, `no "modles"`},
		{"method: linear\n\nparams:\n  alpha: much", 3, "alpha=much"},
		{"method: linear\nparams:\n  alpha: [1, x]", 3, "in a gradient"},
		{"method: linear\nparams:\n  alpha: []", 3, "an empty list"},
		{"method: linear\nparams: {alpha: null}", 2, "without a value"},
		{"method: linear\nparams: {beta: 1}", 2, `no parameter "beta"`},
		{"method: linear\nmodels:\n- {weight: 1}", 3, "needs a file"},
		{"method: linear\nmodels:\n- a\n-", 4, "needs a file"},
		{"method: linear\nmodels: [a, '']", 2, "needs a file"},
		{"method: fisher\nfisher:\n- a\n- ~", 4, "fisher holds nothing"},
		{"method: linear\nmodels:\n- a\n- {file: b, weight: 1}", 4, "for some models only"},
		{"method: linear\nmodels:\n- a\n- {file: b, alpha: 1}", 4, "one value for all models"},
		{"method: ties\nmodels:\n- {file: a, density: 1}\n- b", 3, "the base has none"},
		{"method: model_stock\nmodels: [a, b]", 2, "takes 3 or more models"},
		{"method: linear\nset:\n- {match: '['}", 3, "needs match and params"},
		{"method: linear\nset:\n- {match: '[', params: {alpha: 1}}", 2, "malformed"},
		{"method: linear\nextrapolate: perhaps", 2, "true or false"},
		{"method: &x linear\ninclude: *x", 1, "anchors"},
		{"method: linear\n---\nmethod: slerp", 2, "a second document"},
		{"merge_method: linear\nslices: []", 2, "no numbered layers"},
		{"merge_method: linear\nmodels: []\ntokenizer: {}", 3, "has no tokenizer"},
		{"merge_method: ties\nmodels: [{model: a}]", 1, "needs a base_model"},
		{"merge_method: passthrough\nmodels: [{model: a}]", 1, "no merge method"},
		{"merge_method: linear\nmodels: [{model: a, sources: 1}]", 2, `no "sources"`},
		{"merge_method: slerp\nbase_model: a\nmodels: [{model: b}]\nparameters: {t: [{filter: x}]}", 4, "needs a value"},
		{"merge_method: slerp\nbase_model: a\nmodels: [{model: b}]\nparameters:\n  t: [{value: 1}, {filter: x, value: 0}]", 5,
			"only the last"},
	} {
		_, err := Read(strings.NewReader(c.text))
		e, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(err.Error(), c.msg) || e.Line != c.line {
			t.Errorf("%q gives %v, want line %d: …%s…", c.text, err, c.line, c.msg)
		}
	}
	if _, err := Read(strings.NewReader("method: linear #" + strings.Repeat("x", maxBytes))); err == nil {
		t.Error("a recipe of more than the limit is read")
	}
}

// recipes are in this program's form and in mergekit's.
var recipes = []string{
	"method: linear\nmodels: [a, b]\nparams: {alpha: [0, 1]}\nset: [{match: 'x*', params: {alpha: 0}}]",
	"merge_method: ties\nbase_model: a\nmodels: [{model: b, parameters: {weight: [{filter: x, value: " +
		"1}]}}]\ndtype: float32",
	"method: fisher\nfisher: [a, b]\nmodels:\n- {file: a, weight: 1}\n- {file: b, weight: [1, 2]}",
}

func FuzzRead(f *testing.F) {
	for _, text := range recipes {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := r.Write(&out); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&out); err != nil {
			t.Fatalf("what is written of %q is not read: %v\n%s", text, err, out.String())
		}
	})
}

// FuzzMemory reads arbitrary recipes: memory follows the text, which aliases cannot multiply.
func FuzzMemory(f *testing.F) {
	var seeds [][]byte
	for _, text := range recipes {
		seeds = append(seeds, []byte(text))
	}
	limit := memorytest.Limit{Fixed: 4 << 20, PerByte: 2048} // a node of the document for a byte
	memorytest.Fuzz(f, seeds, limit.Of, func(_ *testing.T, text []byte) { _, _ = Read(bytes.NewReader(text)) })
}
