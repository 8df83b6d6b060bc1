package mapping

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// weights are the tensors of a checkpoint, as rows.
var weights = map[string]struct {
	rows   int64
	values []float32
}{
	"emb.weight": {8, sequence(48, 1)}, "fc.weight": {4, sequence(24, 2)}, "fc.bias": {0, sequence(4, 3)},
	"in_proj": {6, sequence(36, 4)}, "q": {2, sequence(12, 5)}, "k": {2, sequence(12, 6)},
	"norm1.weight": {0, []float32{1, 1, 1, 1, 1}}, "norm2.weight": {0, []float32{1, 1, 1, 1, 1}},
	"eye": {3, []float32{1, 2, 3, 2, 5, 7, 3, 7, 9}}, "gates": {0, sequence(5, 9)}, "scale": {0, []float32{0.25}},
}

// withWeights returns the checkpoint of weights, with some others.
func withWeights(t testing.TB, changed map[string][]float32) *checkpoint.Checkpoint {
	t.Helper()
	values, rows := map[string][]float32{}, map[string]int64{}
	for name, w := range weights {
		values[name], rows[name] = w.values, w.rows
		if v := changed[name]; v != nil {
			values[name] = v
		}
	}
	return tensors(t, values, rows)
}

// TestFind explains one tensor of a model, whose name says nothing.
func TestFind(t *testing.T) {
	t.Parallel()
	emb, fc, gates := weights["emb.weight"].values, weights["fc.weight"].values, weights["gates"].values
	for name, test := range map[string]struct {
		values []float64
		dims   []int
		want   string // the expression; "" if refused; "kept"
	}{
		"itself":         {widened(fc), []int{4, 6}, "fc.weight"},
		"transposed":     {widened(columns(fc, 4, 6)), []int{6, 4}, "transpose(fc.weight, [1 0])"},
		"a convolution":  {widened(fc), []int{4, 6, 1}, "reshape(fc.weight, [4 6 1])"},
		"a row":          {widened(emb[12:18]), []int{6}, "reshape(slice(emb.weight, axis 0, 2:3), [6])"},
		"rows":           {widened(emb[18:36]), []int{1, 3, 6}, "reshape(slice(emb.weight, axis 0, 3:6), [1 3 6])"},
		"a third":        {widened(weights["in_proj"].values[12:24]), []int{2, 6}, "slice(in_proj, axis 0, 2:4)"},
		"joined":         {widened(append(slices.Clone(weights["k"].values), weights["q"].values...)), []int{4, 6}, "concat(axis 0, k, q)"},
		"repeated":       {widened(append(slices.Clone(emb[:6]), emb[:6]...)), []int{2, 1, 6}, "repeat(reshape(slice(emb.weight, axis 0, 0:1), [1 1 6]), 2)"},
		"a root":         {times(fc, 1/math.Sqrt(6)), []int{4, 6}, "fc.weight * 0.40824829"},
		"another factor": {times(fc, 0.83217), []int{4, 6}, ""},
		"a gate":         {widened(gates[2:3]), nil, "reshape(slice(gates, axis 0, 2:3), [])"},
		"changed":        {append(widened(fc[:23]), 0.123), []int{4, 6}, ""},
		"a mean":         {[]float64{0.485, 0.456, 0.406}, []int{3}, "kept"},
		"epsilon":        {[]float64{1e-5}, nil, "kept"},
		"half":           {[]float64{0.5}, nil, "kept"},
		"odd number":     {[]float64{0.8134567}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := modelOf(t, test.values, test.dims)
			base := withWeights(t, nil)
			for _, limits := range []Limits{{}, {MemoryBytes: 1, Workers: 3}} {
				found, err := Find(context.Background(), m, base, limits)
				if err != nil {
					t.Fatal(err)
				}
				if got := verdict(found); got != test.want {
					t.Errorf("%q, want %q, with %d bytes", got, test.want, limits.memory())
				}
			}
		})
	}
}

// modelOf returns a model with one stored tensor.
func modelOf(t testing.TB, values []float64, dims []int) *onnx.Model {
	t.Helper()
	b := &onnxtest.Builder{}
	b.Input("x", 1)
	b.Tensor("c7", values, dims...)
	b.Node("y", "Mul", "x", "c7")
	b.Output("y")
	return b.Open(t)
}

// verdict returns what a model's only tensor is made from.
func verdict(m *Mapping) string {
	switch {
	case len(m.Kept) == 1:
		return "kept"
	case len(m.Mapped) == 1 && len(m.Mapped[0].open) > 0:
		return "open: " + m.Mapped[0].Expression.String()
	case len(m.Mapped) == 1:
		return m.Mapped[0].Expression.String()
	}
	return ""
}

// columns returns the transpose of a matrix.
func columns(v []float32, rows, n int) []float32 {
	var out []float32
	for c := range n {
		for r := range rows {
			out = append(out, v[r*n+c])
		}
	}
	return out
}

func times(v []float32, factor float64) []float64 {
	var out []float64
	for _, x := range v {
		out = append(out, float64(x*float32(factor)))
	}
	return out
}

// TestOpen binds tensors between whose candidates nothing decides.
func TestOpen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values  []float64
		dims    []int
		changed map[string][]float32
		reason  string // "" if it is written
	}{
		"twins that stay": {[]float64{1, 1, 1, 1, 1}, []int{5},
			map[string][]float32{"norm1.weight": {1, 1, 1, 1, 1}, "norm2.weight": {1, 1, 1, 1, 1}}, ""},
		"twins that both change": {[]float64{1, 1, 1, 1, 1}, []int{5}, // a constant is a third candidate
			map[string][]float32{"norm1.weight": {2, 2, 2, 2, 3}, "norm2.weight": {2, 2, 2, 2, 3}}, "nothing decides"},
		"one of twins changes": {[]float64{1, 1, 1, 1, 1}, []int{5},
			map[string][]float32{"norm1.weight": {2, 2, 2, 2, 3}}, "nothing decides"},
		"symmetric": {[]float64{1, 2, 3, 2, 5, 7, 3, 7, 9}, []int{3, 3}, map[string][]float32{"eye": {1, 2, 3, 4, 5, 6, 7, 8, 9}},
			"nothing decides"},
		"symmetric still": {[]float64{1, 2, 3, 2, 5, 7, 3, 7, 9}, []int{3, 3},
			map[string][]float32{"eye": {5, 2, 3, 2, 5, 8, 3, 8, 9}}, ""},
		"repeated ones": {[]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, []int{2, 5},
			map[string][]float32{"norm2.weight": {2, 1, 1, 1, 1}}, "may be a part or a repetition"},
		"a number of the checkpoint": {[]float64{0.25}, []int{1}, map[string][]float32{"scale": {0.5}}, "nothing decides"},
		"a number that stays":        {[]float64{0.25}, []int{1}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, tuned := withWeights(t, nil), withWeights(t, test.changed)
			b, _, _ := applyTo(t, modelOf(t, test.values, test.dims), base, tuned)
			if test.reason == "" {
				if len(b.Refused) > 0 {
					t.Errorf("refused: %s", b.Refused[0].Reason)
				}
				return
			}
			if len(b.Refused) != 1 || !strings.Contains(b.Refused[0].Reason, test.reason) {
				t.Errorf("refused %v, want a reason with %q", b.Refused, test.reason)
			}
		})
	}
}

// TestGuess identifies tensors by nearness, and refuses what is not near.
func TestGuess(t *testing.T) {
	t.Parallel()
	fc := weights["fc.weight"].values
	for name, test := range map[string]struct {
		values []float64
		dims   []int
		want   string
	}{
		"near":       {onnxtest.Near(widened(fc), 3), []int{4, 6}, "fc.weight"},
		"transposed": {onnxtest.Near(widened(columns(fc, 4, 6)), 4), []int{6, 4}, "transpose(fc.weight, [1 0])"},
		"scaled":     {times(fc, 0.2), []int{4, 6}, ""},
		"larger":     {times(fc, 5), []int{4, 6}, ""},
		"far":        {onnxtest.Random(5, 24), []int{4, 6}, ""},
	} {
		found, err := Guess(context.Background(), modelOf(t, test.values, test.dims), withWeights(t, nil), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := verdict(found); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		for _, e := range found.Mapped {
			if !strings.HasPrefix(e.Proof, "unproven") {
				t.Errorf("%s: the proof is %q", name, e.Proof)
			}
		}
	}
}

// Large tensors are guessed from a sample, and then from all elements.
func TestGuessLarge(t *testing.T) {
	t.Parallel()
	const rows, width = 300, 250
	w, other := float32s(onnxtest.Random(1, rows*width)), float32s(onnxtest.Random(2, rows*width))
	base := tensors(t, map[string][]float32{"w": w, "other": other}, map[string]int64{"w": rows, "other": rows})
	near := onnxtest.Near(widened(columns(w, rows, width)), 3)
	scattered := slices.Clone(near) // of which most elements are near, and a few are large
	for i := range 8 {
		scattered[9001*i+350] *= -1000
	}
	for want, values := range map[string][]float64{"transpose(w, [1 0])": near, "": scattered} {
		for _, limits := range []Limits{{}, {MemoryBytes: 1000}} {
			found, err := Guess(context.Background(), modelOf(t, values, []int{width, rows}), base, limits)
			if err != nil {
				t.Fatal(err)
			}
			if got := verdict(found); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
	}
}

func float32s(values []float64) []float32 {
	out := make([]float32, len(values))
	for i, v := range values {
		out[i] = float32(v)
	}
	return out
}
