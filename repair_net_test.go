package wiseft

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// repairNet is a small network over clouds: convolutions with BatchNormalizations, one of them behind a residual sum, a
// maximum over points, and one over the batch. seed 0 is the pre-trained model, others are fine-tuned from it.
type repairNet struct {
	seed     uint64
	batch    int // -1 is free
	epsilon  float64
	dead     bool // the first channel of the first convolution is constant
	normed   bool // of plain: it has a LayerNormalization
	training bool // the first norm is in training mode
}

// repairNorms are the network's norms, with what they normalise.
var repairNorms = map[string]string{"norm1": "conv1", "norm2": "conv2", "norm3": "conv3", "norm4": "dense"}

func (n repairNet) bytes() []byte {
	b := &netBuilder{net: n, seed: 100}
	norm := func(name, in string, channels int, attrs ...onnxtest.Attr) {
		b.tensor(name+".weight", .1, 1, channels)
		b.tensor(name+".bias", .2, 0, channels)
		b.tensor(name+".running_mean", .5, 0, channels)
		b.tensor(name+".running_var", .1, 1+float64(n.seed), channels)
		attrs = append(attrs, onnxtest.Attr{Name: "epsilon", Value: n.epsilon})
		b.Call([]string{name}, "", "BatchNormalization", []string{in, name + ".weight", name + ".bias",
			name + ".running_mean", name + ".running_var"}, attrs...)
	}
	b.Input("x", n.batch, 3, -1)
	b.tensor("conv1.weight", .8, 0, 8, 3, 1)
	b.Node("conv1", "Conv", "x", "conv1.weight")
	var mode []onnxtest.Attr
	if n.training {
		mode = []onnxtest.Attr{{Name: "training_mode", Value: int64(1)}}
	}
	norm("norm1", "conv1", 8, mode...)
	b.Node("relu1", "Relu", "norm1")
	b.tensor("conv2.weight", .5, 0, 8, 8, 1)
	b.Node("conv2", "Conv", "relu1", "conv2.weight")
	norm("norm2", "conv2", 8)
	b.Node("sum", "Add", "norm2", "relu1")
	b.Node("relu2", "Relu", "sum")
	b.tensor("conv3.weight", .5, 0, 6, 8, 1)
	b.Node("conv3", "Conv", "relu2", "conv3.weight")
	norm("norm3", "conv3", 6)
	b.Call([]string{"pooled"}, "", "ReduceMax", []string{"norm3"}, onnxtest.Attr{Name: "axes", Value: []int64{2}},
		onnxtest.Attr{Name: "keepdims", Value: int64(0)})
	b.tensor("dense.weight", .5, 0, 6, 5)
	b.Node("dense", "MatMul", "pooled", "dense.weight")
	norm("norm4", "dense", 5)
	b.Node("y", "Relu", "norm4")
	return b.Bytes()
}

func (n repairNet) write(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, n.bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// netBuilder writes the tensors of a network, each by a seed of its own.
type netBuilder struct {
	onnxtest.Builder
	net  repairNet
	seed uint64
}

// tensor adds random numbers, scaled and shifted; those of a fine-tuned model are near those of the pre-trained one.
func (b *netBuilder) tensor(name string, scale, shift float64, dims ...int) {
	b.seed += 2
	size := 1
	for _, d := range dims {
		size *= d
	}
	values := onnxtest.Random(b.seed, size)
	if n := b.net; n.seed > 0 {
		values = onnxtest.Near(onnxtest.Near(values, b.seed+1000*n.seed), b.seed+1000*n.seed+1)
	}
	for i := range values {
		values[i] = scale*values[i] + shift
	}
	if b.net.dead && name == "conv1.weight" {
		clear(values[:dims[1]])
	}
	b.Tensor(name, values, dims...)
}

// plain is the network without norms, as after folding them: a convolution with a bias and one without, a residual sum,
// a product with an added bias, and class scores behind it.
func (n repairNet) plain() []byte {
	b := &netBuilder{net: n, seed: 500}
	b.Input("x", -1, 3, -1)
	b.tensor("conv1.weight", .8, 0, 8, 3, 1)
	b.tensor("conv1.bias", .5, 0, 8)
	b.Node("conv1", "Conv", "x", "conv1.weight", "conv1.bias")
	b.Node("relu1", "Relu", "conv1")
	b.tensor("conv2.weight", .5, 0, 8, 8, 1)
	b.Node("conv2", "Conv", "relu1", "conv2.weight")
	b.Node("sum", "Add", "conv2", "relu1")
	if n.normed {
		b.Tensor("ln.weight", slices.Repeat([]float64{1}, 20), 20)
		b.Call([]string{"normed"}, "", "LayerNormalization", []string{"sum", "ln.weight"},
			onnxtest.Attr{Name: "axis", Value: int64(-1)})
		b.Node("relu2", "Relu", "normed")
	} else {
		b.Node("relu2", "Relu", "sum")
	}
	b.Call([]string{"pooled"}, "", "ReduceMax", []string{"relu2"}, onnxtest.Attr{Name: "axes", Value: []int64{2}},
		onnxtest.Attr{Name: "keepdims", Value: int64(0)})
	b.tensor("dense.weight", .5, 0, 8, 5)
	b.tensor("dense.bias", .5, 0, 5)
	b.Node("product", "MatMul", "pooled", "dense.weight")
	b.Node("dense", "Add", "product", "dense.bias")
	b.Node("relu3", "Relu", "dense")
	b.tensor("head.weight", .5, 0, 5, 4)
	b.Node("y", "Gemm", "relu3", "head.weight")
	return b.Bytes()
}

// repairData are clouds of random points.
func repairData(t *testing.T, samples int) datasets.Dataset { return repairClouds(t, samples, 20) }

func repairClouds(t *testing.T, samples, points int) datasets.Dataset {
	t.Helper()
	list := make([]datasets.Sample, samples)
	for i := range list {
		values := onnxtest.Random(uint64(i), 3*points)
		x := make([]float32, len(values))
		for k, v := range values {
			x[k] = float32(v)
		}
		list[i].Set(x, []int{points, 3}, 0)
	}
	ds, err := datasets.NewMemory(datasets.Info{Name: "points"}, list)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func merge(t *testing.T, out string, models []string, opt MergeOptions) *MergeResult {
	t.Helper()
	r, err := Merge(t.Context(), out, models, opt, WriteOptions{Force: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// channelMoments returns mean and deviation of every channel of a value, from features that are extracted in float32.
func channelMoments(t *testing.T, model, tensor string, data datasets.Dataset) (mean, deviation []float64) {
	t.Helper()
	f, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Data: Data{Path: "points", Set: data}, Tensor: tensor,
		Pool: Pooling{Mode: "flatten"}, Layout: "bcn"})
	if err != nil {
		t.Fatal(err)
	}
	channels := map[string]int{"1": 8, "2": 8, "3": 6, "4": 5, "e": 5}[tensor[len(tensor)-1:]] // of the names in these networks
	per := f.Dim / channels
	for c := range channels {
		sum, squares, n := 0., 0., 0.
		for i := range f.Len() {
			for _, v := range f.X[i*f.Dim+c*per : i*f.Dim+(c+1)*per] {
				sum, squares, n = sum+float64(v), squares+float64(v)*float64(v), n+1
			}
		}
		mean = append(mean, sum/n)
		deviation = append(deviation, math.Sqrt(squares/n-sum/n*sum/n))
	}
	return mean, deviation
}

func tensorOf(t *testing.T, path, name string) []float64 {
	t.Helper()
	m, _ := onnxtest.Open(t, path)
	values, err := m.Lookup(name).Numbers()
	if err != nil {
		t.Fatal(err)
	}
	return values
}
