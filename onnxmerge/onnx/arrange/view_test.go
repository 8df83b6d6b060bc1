package arrange_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/arrange"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// table is a 3 x 4 tensor of the numbers 0 to 11.
func table(b *onnxtest.Builder, name string) {
	b.Tensor(name, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 3, 4)
}

func values(t *testing.T, x *onnx.Tensor) []float64 {
	t.Helper()
	raw := make([]byte, x.SizeBytes())
	if err := x.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	out := make([]float64, x.Len())
	for i := range out {
		out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return out
}

// Each operator moves elements as ONNX says. The value v of each case is added to the input of the model.
func TestOperators(t *testing.T) {
	t.Parallel()
	call := func(b *onnxtest.Builder, op string, ins []string, attrs ...onnxtest.Attr) {
		b.Call([]string{"v"}, "", op, ins, attrs...)
	}
	axis := func(i int64) onnxtest.Attr { return onnxtest.Attr{Name: "axis", Value: i} }
	for name, test := range map[string]struct {
		build func(b *onnxtest.Builder)
		dims  []int64
		want  []float64
	}{
		"slice": {func(b *onnxtest.Builder) {
			b.Int64("starts", []int64{-1, 1}, 2)
			b.Int64("ends", []int64{math.MinInt64, math.MaxInt64}, 2)
			b.Int64("axes", []int64{0, 1}, 2)
			b.Int64("steps", []int64{-2, 2}, 2)
			call(b, "Slice", []string{"t", "starts", "ends", "axes", "steps"})
		}, []int64{2, 2}, []float64{9, 11, 1, 3}},
		"concat of slices": {func(b *onnxtest.Builder) {
			b.Int64("zero", []int64{0}, 1)
			b.Int64("one", []int64{1}, 1)
			b.Int64("three", []int64{3}, 1)
			b.Node("first", "Slice", "t", "zero", "one")
			b.Node("rest", "Slice", "t", "one", "three")
			call(b, "Concat", []string{"rest", "first"}, axis(0))
		}, []int64{3, 4}, []float64{4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3}},
		"gather": {func(b *onnxtest.Builder) {
			b.Int64("rows", []int64{2, -3, 2}, 3)
			call(b, "Gather", []string{"t", "rows"}, axis(0))
		}, []int64{3, 4}, []float64{8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11}},
		"gather of columns by computed indices": {func(b *onnxtest.Builder) {
			b.Int64("start", []int64{0})
			b.Int64("limit", []int64{4})
			b.Int64("delta", []int64{2})
			b.Node("even", "Range", "start", "limit", "delta")
			b.Int64("one", []int64{1})
			b.Node("odd", "Add", "even", "one")
			call(b, "Gather", []string{"t", "odd"}, axis(1))
		}, []int64{3, 2}, []float64{1, 3, 5, 7, 9, 11}},
		"transpose and reshape behind a gather": {func(b *onnxtest.Builder) {
			b.Int64("row", []int64{1}, 1)
			b.Call([]string{"g"}, "", "Gather", []string{"t", "row"}, axis(0))
			b.Node("turned", "Transpose", "g")
			b.Int64("shape", []int64{2, -1}, 2)
			call(b, "Reshape", []string{"turned", "shape"})
		}, []int64{2, 2}, []float64{4, 5, 6, 7}},
		"shape of a tensor": {func(b *onnxtest.Builder) {
			b.Node("dims", "Shape", "t") // 3, 4
			b.Int64("last", []int64{1})
			b.Node("width", "Gather", "dims", "last")
			b.Int64("two", []int64{2})
			b.Node("half", "Div", "width", "two")
			b.Int64("axis", []int64{0}, 1)
			b.Node("end", "Unsqueeze", "half", "axis")
			call(b, "Slice", []string{"t", "axis", "end"})
		}, []int64{2, 4}, []float64{0, 1, 2, 3, 4, 5, 6, 7}},
		"split": {func(b *onnxtest.Builder) {
			b.Int64("sizes", []int64{1, 3}, 2)
			b.Call([]string{"u", "v"}, "", "Split", []string{"t", "sizes"}, axis(1))
		}, []int64{3, 3}, []float64{1, 2, 3, 5, 6, 7, 9, 10, 11}},
		"tile": {func(b *onnxtest.Builder) {
			b.Int64("n", []int64{1, 2}, 2)
			call(b, "Tile", []string{"t", "n"})
		}, []int64{3, 8}, []float64{0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9, 10, 11, 8, 9, 10, 11}},
		"expand": {func(b *onnxtest.Builder) {
			b.Int64("axis", []int64{1}, 1)
			b.Node("wide", "Unsqueeze", "t", "axis")
			b.Int64("shape", []int64{3, 2, 1}, 3)
			call(b, "Expand", []string{"wide", "shape"})
		}, []int64{3, 2, 4}, []float64{0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 4, 5, 6, 7, 8, 9, 10, 11, 8, 9, 10, 11}},
		"one of several samples": {func(b *onnxtest.Builder) {
			b.Int64("axis", []int64{0}, 1)
			b.Node("wide", "Unsqueeze", "t", "axis")
			b.Int64("shape", []int64{5, 3, 4}, 3)
			call(b, "Expand", []string{"wide", "shape"})
		}, []int64{1, 3, 4}, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &onnxtest.Builder{}
			table(b, "t")
			test.build(b)
			b.Node("y", "Add", "x", "v")
			view, err := arrange.View(b.Open(t))
			if err != nil || view == nil {
				t.Fatalf("view %v, error %v", view, err)
			}
			v := view.Model.Lookup("v")
			if v == nil || !slices.Equal(v.Dims, test.dims) || !slices.Equal(values(t, v), test.want) {
				t.Fatalf("v is %+v", v)
			}
			if n := len(view.Model.Graph.Nodes); view.Model.Graph.Computes("v") || n > 6 {
				t.Errorf("%d operators remain, and v is one of their results", n)
			}
			of := view.Arranged[v]
			for i, x := range test.want {
				if source := of.Sources[of.Of[i]]; source.Name != "t" || of.Elements[i] != int64(x) {
					t.Errorf("element %d is element %d of %s", i, of.Elements[i], source.Name)
				}
			}
		})
	}
}

// What is not known, too large, or no arrangement stays as it is.
func TestNothingToArrange(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(b *onnxtest.Builder){
		"an operand that is an input": func(b *onnxtest.Builder) { b.Node("v", "Gather", "t", "x") },
		"an index outside": func(b *onnxtest.Builder) {
			b.Int64("rows", []int64{3}, 1)
			b.Node("v", "Gather", "t", "rows")
		},
		"a shape of 2^60 elements": func(b *onnxtest.Builder) {
			b.Int64("shape", []int64{1 << 20, 1 << 20, 1 << 20, 3, 4}, 5)
			b.Node("v", "Expand", "t", "shape")
		},
		"a range without end": func(b *onnxtest.Builder) {
			b.Int64("start", []int64{0})
			b.Int64("limit", []int64{math.MaxInt64})
			b.Int64("delta", []int64{1})
			b.Node("rows", "Range", "start", "limit", "delta")
			b.Node("v", "Gather", "t", "rows")
		},
		"axes in another order alone": func(b *onnxtest.Builder) { b.Node("v", "Transpose", "t") },
		"arithmetic of floats":        func(b *onnxtest.Builder) { b.Node("v", "Add", "t", "t") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &onnxtest.Builder{}
			table(b, "t")
			build(b)
			b.Node("y", "Add", "x", "v")
			if view, err := arrange.View(b.Open(t)); err != nil || view != nil {
				t.Errorf("view %v, error %v", view, err)
			}
		})
	}
}

// A tensor of equal parts, one for each sample of a batch, is one part in the view.
func TestCopies(t *testing.T) {
	t.Parallel()
	b := &onnxtest.Builder{}
	b.Tensor("token", []float64{1, 2, 1, 2, 1, 2}, 3, 1, 2)
	b.Call([]string{"y"}, "", "Concat", []string{"token", "x"}, onnxtest.Attr{Name: "axis", Value: int64(1)})
	view, err := arrange.View(b.Open(t))
	if err != nil || view == nil {
		t.Fatalf("view %v, error %v", view, err)
	}
	token := view.Model.Lookup("token")
	if got := values(t, token); !slices.Equal(got, []float64{1, 2}) || view.Arranged[token].Copies != 3 {
		t.Errorf("values %v, %+v", got, view.Arranged[token])
	}
}

// Layers that are joined into one, whose result is split, are layers with columns of its weight and parts of its bias.
func TestJoinedLayers(t *testing.T) {
	t.Parallel()
	last := onnxtest.Attr{Name: "axis", Value: int64(-1)}
	sizes := onnxtest.Attr{Name: "split", Value: []int64{1, 3}}
	for name, test := range map[string]struct {
		build                 func(b *onnxtest.Builder)
		first, second         []float64 // weights
		firstDims, secondDims []int64
		bias                  []float64 // the second one
	}{
		"columns of MatMul": {func(b *onnxtest.Builder) {
			b.Node("joined", "MatMul", "x", "t")
			b.Call([]string{"p", "q"}, "", "Split", []string{"joined"}, last, sizes)
		}, []float64{0, 4, 8}, []float64{1, 2, 3, 5, 6, 7, 9, 10, 11}, []int64{3, 1}, []int64{3, 3}, nil},
		"rows of Gemm with transB": {func(b *onnxtest.Builder) {
			b.Tensor("c", []float64{0, 1, 2}, 3)
			b.Call([]string{"joined"}, "", "Gemm", []string{"x", "t", "c"}, onnxtest.Attr{Name: "transB", Value: int64(1)})
			b.Call([]string{"p", "q"}, "", "Split", []string{"joined"}, last, onnxtest.Attr{Name: "split", Value: []int64{1, 2}})
		}, []float64{0, 1, 2, 3}, []float64{4, 5, 6, 7, 8, 9, 10, 11}, []int64{1, 4}, []int64{2, 4}, []float64{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &onnxtest.Builder{}
			table(b, "t")
			test.build(b)
			b.Node("y", "Sum", "p", "q")
			view, err := arrange.View(b.Open(t))
			if err != nil || view == nil {
				t.Fatalf("view %v, error %v", view, err)
			}
			nodes := view.Model.Graph.Nodes
			if len(nodes) != 3 || !slices.Equal(nodes[0].Outputs, []string{"p"}) || !slices.Equal(nodes[1].Outputs, []string{"q"}) {
				t.Fatalf("operators %+v", nodes)
			}
			first, second := view.Model.Lookup(nodes[0].Inputs[1]), view.Model.Lookup(nodes[1].Inputs[1])
			if got := values(t, first); !slices.Equal(got, test.first) || !slices.Equal(first.Dims, test.firstDims) {
				t.Errorf("the first weight is %v of %v", got, first.Dims)
			}
			if got := values(t, second); !slices.Equal(got, test.second) || !slices.Equal(second.Dims, test.secondDims) {
				t.Errorf("the second weight is %v of %v", got, second.Dims)
			}
			if test.bias != nil {
				if bias := values(t, view.Model.Lookup(nodes[1].Inputs[2])); !slices.Equal(bias, test.bias) {
					t.Errorf("the second bias is %v", bias)
				}
			}
			if of := view.Arranged[second]; len(of.Sources) != 1 || of.Sources[0].Name != "t" {
				t.Errorf("the second weight is made of %v", of.Sources)
			}
		})
	}
	for name, build := range map[string]func(b *onnxtest.Builder){
		"an axis that may be another one": func(b *onnxtest.Builder) {
			b.Node("joined", "MatMul", "x", "t")
			b.Call([]string{"p", "q"}, "", "Split", []string{"joined"}, onnxtest.Attr{Name: "axis", Value: int64(2)}, sizes)
		},
		"a result that is used whole, too": func(b *onnxtest.Builder) {
			b.Node("joined", "MatMul", "x", "t")
			b.Call([]string{"p", "r"}, "", "Split", []string{"joined"}, last, sizes)
			b.Node("q", "Add", "r", "joined")
		},
		"sizes that are not those of the columns": func(b *onnxtest.Builder) {
			b.Node("joined", "MatMul", "x", "t")
			b.Call([]string{"p", "q"}, "", "Split", []string{"joined"}, last, onnxtest.Attr{Name: "split", Value: []int64{1, 4}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &onnxtest.Builder{}
			table(b, "t")
			build(b)
			b.Node("y", "Sum", "p", "q")
			if view, err := arrange.View(b.Open(t)); err != nil || view != nil {
				t.Errorf("view %v, error %v", view, err)
			}
		})
	}
}
