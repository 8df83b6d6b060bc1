package wiseft

import (
	"math"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/ort/orttest"
	"github.com/wiseft/wiseft/probe/protocol"
)

// pooledModel has tokens [batch, points, 6] and "features" that a function makes from them.
func pooledModel(build func(b *onnxtest.Builder)) *onnxtest.Builder {
	b := &onnxtest.Builder{}
	b.Input("x", -1, -1, 3)
	b.Tensor("w", onnxtest.Random(3, 18), 3, 6)
	b.Node("tokens", "MatMul", "x", "w")
	for name, i := range map[string]int64{"zero": 0, "one": 1, "three": 3, "end": math.MaxInt64} {
		b.Int64(name, []int64{i}, 1)
	}
	b.Output("features")
	build(b)
	return b
}

func reduce(b *onnxtest.Builder, out, op, in string) {
	b.Call([]string{out}, "", op, []string{in}, onnxtest.Attr{Name: "axes", Value: []int64{1}},
		onnxtest.Attr{Name: "keepdims", Value: int64(0)})
}

func concat(b *onnxtest.Builder, ins ...string) {
	b.Call([]string{"features"}, "", "Concat", ins, onnxtest.Attr{Name: "axis", Value: int64(1)})
}

// meanMax adds mean and maximum.
func meanMax(b *onnxtest.Builder, out, in string) {
	reduce(b, out+".mean", "ReduceMean", in)
	reduce(b, out+".max", "ReduceMax", in)
	b.Node(out, "Add", out+".max", out+".mean")
}

var conventionModels = map[string]func(b *onnxtest.Builder){
	"point-m2ae": func(b *onnxtest.Builder) { meanMax(b, "features", "tokens") },
	"recon": func(b *onnxtest.Builder) {
		b.Node("special", "Slice", "tokens", "zero", "three", "one", "one")
		b.Node("patches", "Slice", "tokens", "three", "end", "one", "one")
		reduce(b, "a", "ReduceMax", "special")
		meanMax(b, "b", "patches")
		concat(b, "a", "b")
	},
	"point-mae": func(b *onnxtest.Builder) {
		b.Node("class", "Slice", "tokens", "zero", "one", "one", "one")
		b.Node("patches", "Slice", "tokens", "one", "end", "one", "one")
		b.Node("a", "Flatten", "class")
		reduce(b, "b", "ReduceMax", "patches")
		concat(b, "a", "b")
	},
}

// A graph that pools as a convention does is recognised, and computes what the convention's own pooling of the tokens
// gives. Rounding of a mean of seven float32 is below 1e-6.
func TestConventionsInGraphs(t *testing.T) {
	orttest.Load(t)
	const clouds, points = 3, 7
	batch := probe.Batch{Shape: []int64{clouds, points, 3}}
	for i := range clouds * points * 3 {
		batch.X = append(batch.X, float32(i*i%17)/8-1)
	}
	for _, c := range feature.Conventions() {
		m := pooledModel(conventionModels[c.Name]).Open(t)
		if got := surgery.Positions(m, "features"); got != c.Form {
			t.Errorf("%s: the graph takes %q, want %q", c.Name, got, c.Form)
		}
		got := runModel(t, cutTo(t, m, "features"), "features", batch)
		tokens := &feature.Set{X: runModel(t, cutTo(t, m, "tokens"), "tokens", batch), Dim: points * 6, Y: make([]int64, clouds)}
		want, err := c.Pool(tokens, points)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want.X) {
			t.Fatalf("%s: %d values, want %d", c.Name, len(got), len(want.X))
		}
		for i := range got {
			if math.Abs(float64(got[i]-want.X[i])) > 1e-6 {
				t.Errorf("%s: value %d is %g, want %g", c.Name, i, got[i], want.X[i])
			}
		}
		task, err := protocol.LookupTask("svm", c.Name)
		if err != nil {
			t.Fatal(err)
		}
		if limit := task.LimitFor(c.Form); limit != "" {
			t.Errorf("%s: limit %q", c.Name, limit)
		}
		if task.LimitFor("") == "" || task.LimitFor("maximum of all positions") == "" {
			t.Errorf("%s: another pooling has no limit", c.Name)
		}
	}
}

// What is nearly a convention's pooling is described as what it is, or not at all.
func TestOtherPositions(t *testing.T) {
	t.Parallel()
	for want, build := range map[string]func(b *onnxtest.Builder){
		"maximum of all positions": func(b *onnxtest.Builder) { reduce(b, "features", "ReduceMax", "tokens") },
		"mean of all positions, maximum of positions 1 and up": func(b *onnxtest.Builder) {
			b.Node("patches", "Slice", "tokens", "one", "end", "one", "one")
			reduce(b, "a", "ReduceMean", "tokens")
			reduce(b, "b", "ReduceMax", "patches")
			concat(b, "a", "b")
		},
		"positions 0 to 2": func(b *onnxtest.Builder) {
			b.Node("special", "Slice", "tokens", "zero", "three", "one", "one")
			b.Node("features", "Flatten", "special")
		},
	} {
		if got := surgery.Positions(pooledModel(build).Open(t), "features"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for name, build := range map[string]func(b *onnxtest.Builder){
		"another tensor": func(b *onnxtest.Builder) {
			b.Node("twice", "Add", "tokens", "tokens")
			reduce(b, "a", "ReduceMean", "tokens")
			reduce(b, "b", "ReduceMax", "twice")
			b.Node("features", "Add", "a", "b")
		},
		"mean and mean": func(b *onnxtest.Builder) {
			reduce(b, "a", "ReduceMean", "tokens")
			b.Node("features", "Add", "a", "a")
		},
		"every third": func(b *onnxtest.Builder) {
			b.Node("some", "Slice", "tokens", "zero", "end", "one", "three")
			reduce(b, "features", "ReduceMax", "some")
		},
		"other axis": func(b *onnxtest.Builder) {
			b.Call([]string{"features"}, "", "ReduceMax", []string{"tokens"}, onnxtest.Attr{Name: "axes", Value: []int64{2}})
		},
		"nothing": func(b *onnxtest.Builder) { b.Node("features", "Relu", "tokens") },
	} {
		if got := surgery.Positions(pooledModel(build).Open(t), "features"); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
