package align_test

import (
	"fmt"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// transformer returns a network of some blocks of attention and MLP, with 29 operators each.
func transformer(t testing.TB, blocks, dim, heads, hidden int) *onnx.Model {
	b := &onnxtest.Builder{}
	b.Input("x", -1, 16, 24)
	x := &layers{Builder: b, seed: 1}
	b.Int64("split", []int64{0, 0, int64(heads), int64(dim / heads)}, 4)
	b.Int64("joined", []int64{0, 0, int64(dim)}, 3)
	b.Tensor("scale", []float64{.125})
	v := x.linear("embed", "x", 24, dim)
	for i := range blocks {
		name := fmt.Sprintf("block%d.", i)
		v = x.op("Add", v, x.attention(name, x.norm(name+"norm1", v, dim), dim))
		h := x.op("Gelu", x.linear(name+"fc1", x.norm(name+"norm2", v, dim), dim, hidden))
		v = x.op("Add", v, x.linear(name+"fc2", h, hidden, dim))
	}
	b.Node("y", "Identity", x.linear("head", v, dim, 40))
	b.Output("y")
	return b.Open(t)
}

// layers appends layers with random weights.
type layers struct {
	*onnxtest.Builder
	seed uint64
	n    int
}

func (x *layers) weight(name string, dims ...int) string {
	n := 1
	for _, d := range dims {
		n *= d
	}
	x.seed++
	x.Tensor(name, onnxtest.Random(x.seed, n), dims...)
	return name
}

func (x *layers) op(op string, ins ...string) string {
	x.n++
	out := fmt.Sprintf("%s_%d", op, x.n)
	x.Node(out, op, ins...)
	return out
}

func (x *layers) linear(name, in string, from, to int) string {
	return x.op("Add", x.op("MatMul", in, x.weight(name+".weight", from, to)), x.weight(name+".bias", to))
}

func (x *layers) norm(name, in string, dim int) string {
	return x.op("LayerNormalization", in, x.weight(name+".weight", dim), x.weight(name+".bias", dim))
}

// heads returns batch x heads x tokens x units, or with last tokens and units exchanged.
func (x *layers) heads(in string, perm ...int64) string {
	x.n++
	out := fmt.Sprintf("heads_%d", x.n)
	x.Call([]string{out}, "", "Transpose", []string{x.op("Reshape", in, "split")},
		onnxtest.Attr{Name: "perm", Value: perm})
	return out
}

func (x *layers) attention(name, in string, dim int) string {
	q := x.heads(x.linear(name+"q", in, dim, dim), 0, 2, 1, 3)
	k := x.heads(x.linear(name+"k", in, dim, dim), 0, 2, 3, 1)
	v := x.heads(x.linear(name+"v", in, dim, dim), 0, 2, 1, 3)
	scores := x.op("Softmax", x.op("Mul", x.op("MatMul", q, k), "scale"))
	x.n++
	out := fmt.Sprintf("joined_%d", x.n)
	x.Call([]string{out}, "", "Transpose", []string{x.op("MatMul", scores, v)},
		onnxtest.Attr{Name: "perm", Value: []int64{0, 2, 1, 3}})
	return x.linear(name+"proj", x.op("Reshape", out, "joined"), dim, dim)
}

// Ten thousand operators in well under a second.
func BenchmarkFind(b *testing.B) {
	m := transformer(b, 350, 8, 2, 16)
	b.ReportMetric(float64(len(m.Graph.Nodes)), "nodes")
	groups := 0
	for b.Loop() {
		groups = len(align.Find(m).List)
	}
	if want := 1 + 4*350; groups != want { // residual stream; heads, units of query and key, of value, hidden units
		b.Fatalf("%d groups, want %d", groups, want)
	}
}

// Recovery of planted permutations in a network of the size of a point cloud Transformer (Point-MAE: 12, 384, 6, 1536).
func BenchmarkMatchWeights(b *testing.B) {
	for _, blocks := range []int{2, 12} {
		b.Run(fmt.Sprintf("blocks=%d", blocks), func(b *testing.B) {
			m := transformer(b, blocks, 384, 6, 1536)
			groups := align.Find(m)
			p := randomPermutations(groups, 3)
			planted := rewrite(b, m, groups, p)
			for b.Loop() {
				match, err := align.Find(planted).MatchWeights(b.Context(), planted, align.MatchOptions{
					Reference: func(x *onnx.Tensor) *onnx.Tensor { return m.Lookup(x.ID()) }})
				if err != nil {
					b.Fatal(err)
				}
				for i, q := range match.Permutations {
					for u, from := range p[i].Inverse() {
						if q[u] != from {
							b.Fatalf("group %d: place %d has unit %d, want %d", i, u, q[u], from)
						}
					}
				}
			}
		})
	}
}
