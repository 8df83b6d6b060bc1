package align_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// Each network is a convolution of 3 to 12 channels, some operators on its result c, and a layer on theirs. want are
// the sizes of the groups in ascending order; frozen is part of the reason of those that are frozen.
var ruleCases = []struct {
	name   string
	build  func(x *layers) (string, []int) // returns a value and its axes after the batch
	want   []int
	frozen string
}{
	{"none", func(*layers) (string, []int) { return "c", []int{12, 8, 8} }, []int{12}, ""},
	{"depthwise", func(x *layers) (string, []int) {
		return x.call("Conv", []string{"c", x.weight("w", 12, 1, 3, 3)}, attr("group", 12)), []int{12, 6, 6}
	}, []int{12}, ""},
	{"depthwise with a multiplier", func(x *layers) (string, []int) {
		return x.call("Conv", []string{"c", x.weight("w", 24, 1, 3, 3)}, attr("group", 12)), []int{24, 6, 6}
	}, []int{2, 12}, ""},
	{"groups", func(x *layers) (string, []int) {
		return x.call("Conv", []string{"c", x.weight("w", 6, 4, 1, 1), x.weight("b", 6)}, attr("group", 3)), []int{6, 8, 8}
	}, []int{2, 3, 4}, ""},
	{"transposed convolution", func(x *layers) (string, []int) {
		return x.call("ConvTranspose", []string{"c", x.weight("w", 12, 5, 2, 2), x.weight("b", 5)},
			onnxtest.Attr{Name: "strides", Value: []int64{2, 2}}), []int{5, 16, 16}
	}, []int{5, 12}, ""},
	{"transposed convolution in groups", func(x *layers) (string, []int) {
		return x.call("ConvTranspose", []string{"c", x.weight("w", 12, 5, 2, 2), x.weight("b", 10)}, attr("group", 2)),
			[]int{10, 9, 9}
	}, []int{2, 5, 6}, ""},
	{"batch normalisation", func(x *layers) (string, []int) {
		x.Tensor("var", slices.Repeat([]float64{1, 2, 3}, 4), 12)
		s, b, m := x.weight("s", 12), x.weight("b", 12), x.weight("m", 12)
		return x.op("BatchNormalization", "c", s, b, m, "var"), []int{12, 8, 8}
	}, []int{12}, ""},
	{"slopes", func(x *layers) (string, []int) { return x.op("PRelu", "c", x.weight("s", 12, 1, 1)), []int{12, 8, 8} },
		[]int{12}, ""},
	{"local response", func(x *layers) (string, []int) {
		return x.call("LRN", []string{"c"}, attr("size", 3)), []int{12, 8, 8}
	}, nil, "LRN"},
	{"residual sum", func(x *layers) (string, []int) {
		h := x.op("Relu", x.op("Conv", "c", x.weight("w1", 7, 12, 1, 1)))
		return x.op("Add", "c", x.op("Conv", h, x.weight("w2", 12, 7, 1, 1))), []int{12, 8, 8}
	}, []int{7, 12}, ""},
	{"concatenation", func(x *layers) (string, []int) {
		return x.call("Concat", []string{"c", x.op("Conv", "c", x.weight("w", 5, 12, 1, 1)), "c"}, attr("axis", 1)),
			[]int{29, 8, 8}
	}, []int{5, 12}, ""},
	{"slice", func(x *layers) (string, []int) {
		x.Int64("from", []int64{2}, 1)
		x.Int64("to", []int64{-4}, 1)
		x.Int64("axis", []int64{1}, 1)
		return x.op("Slice", "c", "from", "to", "axis"), []int{6, 8, 8}
	}, []int{2, 4, 6}, ""},
	{"reversed slice", func(x *layers) (string, []int) {
		x.Int64("from", []int64{-1}, 1)
		x.Int64("to", []int64{-100}, 1)
		x.Int64("axis", []int64{1}, 1)
		x.Int64("step", []int64{-1}, 1)
		return x.op("Slice", "c", "from", "to", "axis", "step"), []int{12, 8, 8}
	}, nil, ""},
	{"split and product", func(x *layers) (string, []int) {
		x.Call([]string{"left", "right"}, "", "Split", []string{"c"}, attr("axis", 1))
		return x.op("Mul", "left", x.op("Sigmoid", "right")), []int{6, 8, 8}
	}, []int{6}, ""},
	{"gather of a run", func(x *layers) (string, []int) {
		x.Int64("at", []int64{3, 4, 5}, 3)
		return x.call("Gather", []string{"c", "at"}, attr("axis", 1)), []int{3, 8, 8}
	}, []int{3, 3, 6}, ""},
	{"gather in another order", func(x *layers) (string, []int) {
		x.Int64("at", []int64{3, 1, 2}, 3)
		return x.call("Gather", []string{"c", "at"}, attr("axis", 1)), []int{3, 8, 8}
	}, nil, ""},
	{"padded channels", func(x *layers) (string, []int) {
		x.Int64("pads", []int64{0, 2, 0, 0, 0, 1, 0, 0}, 8)
		return x.op("Pad", "c", "pads"), []int{15, 8, 8}
	}, []int{2, 12}, ""},
	{"channel shuffle", func(x *layers) (string, []int) {
		x.Int64("apart", []int64{0, 3, 4, 8, 8}, 5)
		x.Int64("joined", []int64{0, 12, 8, 8}, 4)
		t := x.call("Transpose", []string{x.op("Reshape", "c", "apart")},
			onnxtest.Attr{Name: "perm", Value: []int64{0, 2, 1, 3, 4}})
		return x.op("Reshape", t, "joined"), []int{12, 8, 8}
	}, []int{3, 4}, ""},
	{"group normalisation in parts", func(x *layers) (string, []int) {
		x.Int64("apart", []int64{0, 3, -1}, 3)
		x.Tensor("ones", []float64{1, 1, 1}, 3)
		x.Tensor("zeros", []float64{0, 0, 0}, 3)
		n := x.op("InstanceNormalization", x.op("Reshape", "c", "apart"), "ones", "zeros")
		return x.op("Mul", x.op("Reshape", n, x.op("Shape", "c")), x.weight("s", 12, 1, 1)), []int{12, 8, 8}
	}, []int{3, 4}, ""},
	{"depth to space", func(x *layers) (string, []int) {
		return x.call("DepthToSpace", []string{"c"}, attr("blocksize", 2)), []int{3, 16, 16}
	}, []int{3}, ""},
	{"depth to space, columns first", func(x *layers) (string, []int) {
		return x.call("DepthToSpace", []string{"c"}, attr("blocksize", 2), onnxtest.Attr{Name: "mode", Value: "CRD"}),
			[]int{3, 16, 16}
	}, []int{3}, ""},
	{"space to depth", func(x *layers) (string, []int) {
		return x.call("SpaceToDepth", []string{"c"}, attr("blocksize", 2)), []int{48, 4, 4}
	}, []int{12}, ""},
	{"attention of channels", func(x *layers) (string, []int) {
		return x.call("Softmax", []string{"c"}, attr("axis", 1)), []int{12, 8, 8}
	}, []int{12}, ""},
	{"squeeze and excitation", func(x *layers) (string, []int) {
		h := x.op("Relu", x.op("Conv", x.op("GlobalAveragePool", "c"), x.weight("w1", 3, 12, 1, 1)))
		return x.op("Mul", "c", x.op("Sigmoid", x.op("Conv", h, x.weight("w2", 12, 3, 1, 1)))), []int{12, 8, 8}
	}, []int{3, 12}, ""},
	{"product of channels", func(x *layers) (string, []int) {
		return x.call("Einsum", []string{"c", x.weight("w", 12, 5)}, onnxtest.Attr{Name: "equation", Value: "bchw,cd->bdhw"}),
			[]int{5, 8, 8}
	}, []int{5, 12}, ""},
	{"best channel", func(x *layers) (string, []int) {
		i := x.call("ArgMax", []string{"c"}, attr("axis", 1))
		f := x.call("Cast", []string{i}, attr("to", 1))
		return x.op("Mul", f, x.weight("w", 2, 1, 1)), []int{2, 8, 8}
	}, []int{2}, ""},
	{"cumulative sum", func(x *layers) (string, []int) {
		x.Int64("axis", []int64{1}, 1)
		return x.op("CumSum", "c", "axis"), []int{12, 8, 8}
	}, nil, ""},
	{"enlarged", func(x *layers) (string, []int) {
		x.Tensor("scales", []float64{1, 1, 2, 2}, 4)
		return x.op("Resize", "c", "", "scales"), []int{12, 16, 16}
	}, []int{12}, ""},
	{"repeated channels", func(x *layers) (string, []int) {
		x.Int64("times", []int64{1, 2, 1, 1}, 4)
		return x.op("Tile", "c", "times"), []int{24, 8, 8}
	}, []int{2, 12}, ""},
	{"recurrent", func(x *layers) (string, []int) { return x.recurrent("LSTM", 4) }, []int{5, 12}, ""},
	{"gated recurrent", func(x *layers) (string, []int) { return x.recurrent("GRU", 3) }, []int{5, 12}, ""},
}

// Groups are those expected, and permuting them all changes nothing.
func TestRules(t *testing.T) {
	orttest.Load(t)
	for _, c := range ruleCases {
		t.Run(c.name, func(t *testing.T) {
			x := &layers{Builder: &onnxtest.Builder{}, seed: 5}
			x.Input("x", 2, 3, 8, 8)
			x.Node("c", "Conv", "x", x.weight("first", 12, 3, 1, 1), x.weight("first.bias", 12))
			out, axes := c.build(x)
			size := 1
			for _, n := range axes {
				size *= n
			}
			x.Node("y", "Gemm", x.op("Flatten", out), x.weight("last", size, 3))
			x.Output("y")
			m := x.Open(t)
			groups := align.Find(m)
			var sizes []int
			for _, g := range groups.List {
				sizes = append(sizes, g.Size)
			}
			slices.Sort(sizes)
			if got := spatial(sizes); !slices.Equal(got, c.want) {
				t.Errorf("groups of %v, want %v; frozen %v", got, c.want, groups.Frozen)
			}
			if reasons := fmt.Sprint(groups.Frozen); !strings.Contains(reasons, c.frozen) {
				t.Errorf("frozen are %s, want %q", reasons, c.frozen)
			}
			r, err := newRunner(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(3) {
				replaced, err := groups.Replacements(randomPermutations(groups, seed))
				if err != nil {
					t.Fatal(err)
				}
				if apart, err := r.difference(t.Context(), replaced); err != nil || apart > 1e-5 {
					t.Errorf("difference %g, %v", apart, err)
				}
			}
		})
	}
}

// spatial leaves out the 8 rows and columns, which a network without kernels permutes, too.
func spatial(sizes []int) []int {
	return slices.DeleteFunc(sizes, func(n int) bool { return n == 8 || n == 16 })
}

func attr(name string, n int64) onnxtest.Attr { return onnxtest.Attr{Name: name, Value: n} }

// call appends an operator with attributes.
func (x *layers) call(op string, ins []string, attrs ...onnxtest.Attr) string {
	x.n++
	out := fmt.Sprintf("%s_%d", op, x.n)
	x.Call([]string{out}, "", op, ins, attrs...)
	return out
}

// recurrent passes rows of pixels through a layer in both directions.
func (x *layers) recurrent(op string, gates int) (string, []int) {
	x.Int64("tokens", []int64{0, 12, 64}, 3)
	t := x.call("Transpose", []string{x.op("Reshape", "c", "tokens")},
		onnxtest.Attr{Name: "perm", Value: []int64{2, 0, 1}})
	out := x.call(op, []string{t, x.weight("W", 2, gates*5, 12), x.weight("R", 2, gates*5, 5), x.weight("B", 2, gates*10)},
		attr("hidden_size", 5), onnxtest.Attr{Name: "direction", Value: "bidirectional"})
	return x.call("Transpose", []string{out}, onnxtest.Attr{Name: "perm", Value: []int64{2, 0, 1, 3}}), []int{64, 2, 5}
}
