package pair

import (
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// scaledBy multiplies the rows of a matrix by numbers.
func scaledBy(w []float64, s []float64) []float64 {
	out := make([]float64, len(w))
	for i, x := range w {
		out[i] = x * s[i*len(s)/len(w)]
	}
	return out
}

// What is behind a scale by channel pairs by structure with what is behind the layer that has it folded in, also short weights,
// which values do not identify.
func TestBehindFoldedScale(t *testing.T) {
	t.Parallel()
	scale, w1, w2 := []float64{.1, 3, .5, 7}, onnxtest.Random(1, 4*32), onnxtest.Random(2, 2*4)
	network := func(isFolded bool) *onnx.Model {
		var b onnxtest.Builder
		if isFolded {
			b.Tensor("a1", scaledBy(w1, scale), 4, 32, 1, 1)
			b.Tensor("a2", onnxtest.Random(3, 4), 4)
			b.Node("h", "Conv", "x", "a1", "a2")
		} else {
			b.Tensor("w1", w1, 4, 32, 1, 1)
			b.Tensor("scale", scale, 1, 4, 1, 1)
			b.Tensor("shift", onnxtest.Random(3, 4), 1, 4, 1, 1)
			b.Node("c", "Conv", "x", "w1")
			b.Node("s", "Mul", "c", "scale")
			b.Node("h", "Add", "s", "shift")
		}
		b.Node("r", "Relu", "h")
		name := map[bool]string{true: "a3", false: "w2"}[isFolded]
		b.Tensor(name, w2, 2, 4, 1, 1)
		b.Node("y", "Conv", "r", name)
		return b.Open(t)
	}
	if got := foundPairs(t, network(false), network(true)); got != "a3=w2" {
		t.Errorf("pairs %q, want the second layer's weight", got)
	}
}

// A depthwise weight whose axis of length 1 is moved by a Reshape, as JAX exports it, has its channels where the Reshape
// puts them.
func TestFoldOfReshapedWeight(t *testing.T) {
	t.Parallel()
	w := onnxtest.Random(4, 9*16) // 3 x 3 x 16 x 1
	group := onnxtest.Attr{Name: "group", Value: int64(16)}
	var a, b onnxtest.Builder
	a.Tensor("w", w, 3, 3, 16, 1)
	a.Int64("shape", []int64{3, 3, 1, 16}, 4)
	a.Tensor("scale", onnxtest.Random(5, 16), 1, 16, 1, 1)
	a.Node("moved", "Reshape", "w", "shape")
	a.Call([]string{"kernel"}, "", "Transpose", []string{"moved"}, onnxtest.Attr{Name: "perm", Value: []int64{3, 2, 0, 1}})
	a.Call([]string{"c"}, "", "Conv", []string{"x", "kernel"}, group)
	a.Node("y", "Mul", "c", "scale")
	folded := make([]float64, len(w))
	for i, x := range w {
		folded[i%16*9+i/16] = x
	}
	b.Tensor("k", folded, 16, 1, 3, 3)
	b.Call([]string{"y"}, "", "Conv", []string{"x", "k"}, group)
	for _, c := range []struct {
		name  string
		a, b  *onnx.Model
		axis  int
		moved bool
	}{{"into the model that has it folded", a.Open(t), b.Open(t), 0, true}, {"out of it", b.Open(t), a.Open(t), 2, false}} {
		al, err := Find(t.Context(), c.a, c.b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(al.Conflicts) != 1 || al.Conflicts[0].Fold == nil {
			t.Errorf("%s: no fold: %+v", c.name, al.Conflicts)
			continue
		}
		f := al.Conflicts[0].Fold
		if f.Axis != c.axis || f.InA != c.moved || f.Affine.Channels != 16 {
			t.Errorf("%s: axis %d of %d channels (in A: %v), want axis %d", c.name, f.Axis, f.Affine.Channels, f.InA, c.axis)
		}
	}
}
