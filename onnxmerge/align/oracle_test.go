package align_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// On the vectors of the published implementation the order found is as good as its own, or better. The distance is that
// of all weights, running statistics included, since the implementation matches by them, too.
func TestMatchAsPublished(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join(sharedtest.Path(t, "oracles", "merge", "git-re-basin"), "*"))
	if err != nil || len(folders) < 7 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			a, b := oracleNet(t, folder, "a|"), oracleNet(t, folder, "b|")
			match, err := align.Find(b).MatchWeights(t.Context(), b, align.MatchOptions{Statistics: true,
				Reference: func(x *onnx.Tensor) *onnx.Tensor { return a.Lookup(x.ID()) }})
			if err != nil {
				t.Fatal(err)
			}
			var want struct {
				After float64 `json:"squared_distance_after"`
			}
			raw, err := os.ReadFile(filepath.Join(folder, "config.json"))
			if err == nil {
				err = json.Unmarshal(raw, &want)
			}
			if err != nil || want.After == 0 {
				t.Fatal(err, want)
			}
			got := squaredDistance(t, a, rewrite(t, b, align.Find(b), match.Permutations))
			t.Logf("%d groups, distance %.6f, published %.6f, start %d", len(match.Groups), got, want.After, match.Start)
			if got > want.After*(1+1e-6) { // elements are rounded to float32
				t.Errorf("squared distance %g, published %g", got, want.After)
			}
		})
	}
}

func squaredDistance(t *testing.T, a, b *onnx.Model) (sum float64) {
	t.Helper()
	for _, x := range a.Tensors {
		u, v := values(t, x), values(t, b.Lookup(x.ID()))
		for i := range u {
			sum += (u[i] - v[i]) * (u[i] - v[i])
		}
	}
	return sum
}

// oracleNet builds the network of a vector file: an MLP or a small residual network.
func oracleNet(t *testing.T, folder, side string) *onnx.Model {
	t.Helper()
	path := filepath.Join(folder, "inputs.npz")
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := npy.Open(file, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	n := &net{b: &onnxtest.Builder{}, last: "x"}
	for _, name := range archive.Names() {
		if !strings.HasPrefix(name, side) {
			continue
		}
		list, h, err := archive.Float64s(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(h.Shape) == 4 { // height x width x inputs x outputs
			list, h.Shape = ofConv(list, h.Shape)
		}
		n.b.Tensor(strings.TrimPrefix(name, side), list, h.Shape...)
	}
	if archive.Has(side + "Dense_0/kernel") {
		n.b.Input("x", -1, 6)
		n.dense("Dense_0").relu().dense("Dense_1").relu().dense("Dense_2")
	} else {
		n.b.Input("x", -1, 3, 8, 8)
		n.conv("conv1").norm("norm1").relu()
		n.block("block0").block("block1")
		n.op("GlobalAveragePool").op("Flatten").dense("dense")
	}
	n.b.Node("y", "Identity", n.last)
	n.b.Output("y")
	return n.b.Open(t)
}

// ofConv returns a kernel of height x width x inputs x outputs as ONNX has it, and its shape.
func ofConv(list []float64, shape []int) ([]float64, []int) {
	area, in, out := shape[0]*shape[1], shape[2], shape[3]
	moved := make([]float64, len(list))
	for k := range area {
		for i := range in {
			for o := range out {
				moved[(o*in+i)*area+k] = list[(k*in+i)*out+o]
			}
		}
	}
	return moved, []int{out, in, shape[0], shape[1]}
}

// net appends layers whose weights are named as in flax.
type net struct {
	b    *onnxtest.Builder
	last string
	n    int
}

func (n *net) op(op string, operands ...string) *net {
	n.n++
	out := op + string(rune('a'+n.n))
	n.b.Node(out, op, append([]string{n.last}, operands...)...)
	n.last = out
	return n
}

func (n *net) relu() *net { return n.op("Relu") }

func (n *net) dense(name string) *net { return n.op("Gemm", name+"/kernel", name+"/bias") }

func (n *net) conv(name string) *net {
	n.n++
	out := name + "/out"
	n.b.Call([]string{out}, "", "Conv", []string{n.last, name + "/kernel"},
		onnxtest.Attr{Name: "auto_pad", Value: "SAME_UPPER"})
	n.last = out
	return n
}

func (n *net) norm(name string) *net {
	return n.op("BatchNormalization", name+"/scale", name+"/bias", name+"/mean", name+"/var")
}

// block is a residual block; block1 has a convolution on its shortcut.
func (n *net) block(name string) *net {
	in := n.last
	n.conv(name + "/conv1").norm(name + "/norm1").relu().conv(name + "/conv2").norm(name + "/norm2")
	out := n.last
	if n.last = in; name == "block1" {
		n.conv(name + "/shortcut").norm(name + "/shortcut_norm")
	}
	return n.op("Add", out).relu()
}
