package onnxmerge

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Fresh returns the plan that writes the last model's graph with random weights in place of the merged ones, as before
// any training: weights of linear operators are normal with the variance 2 / fan-in (He et al., Delving Deep into
// Rectifiers, ICCV 2015, eq. 10), biases are 0, and normalisations have the scale 1, the bias 0, the running mean 0 and the
// running variance 1. Tables of embeddings and positions are normal with the deviation of their own elements. Merged
// tensors of another use are those of the last model, and kept names them.
func (p *Plan) Fresh(seed uint64) (plan *Plan, kept []string, err error) {
	uses := firstUses(p.planner.finetuned)
	payloads := map[*onnx.Tensor][]byte{}
	for i := range p.planner.decisions {
		d := &p.planner.decisions[i]
		if d.Action != Merge {
			continue
		}
		values, err := freshValues(d, uses[d.b], seed)
		if err != nil {
			return nil, nil, err
		}
		codec, ok := d.b.DType.Codec()
		if values == nil || !ok {
			kept = append(kept, d.Tensor)
			values = nil
		}
		if values != nil {
			payloads[d.b] = make([]byte, d.b.SizeBytes())
			codec.Encode(payloads[d.b], values)
		}
	}
	last := len(p.planner.models) - 1
	own, err := p.Of(last)
	if err != nil {
		return nil, nil, err
	}
	return own.Replacing(payloads), kept, nil
}

// weightUse is how an operator uses a weight: dims are its axes there.
type weightUse struct {
	flow.Operand
	dims  []int64
	known bool // whether dims are: a reshaped weight has others
}

// firstUses returns the first operator that uses each weight for something else than to transpose or reshape it.
func firstUses(m *onnx.Model) map[*onnx.Tensor]weightUse {
	uses := map[*onnx.Tensor]weightUse{}
	for o := range flow.Operands(m) {
		use, seen := uses[o.Tensor]
		if !seen {
			use = weightUse{dims: o.Tensor.Dims, known: true}
		}
		if use.Node != nil {
			continue
		}
		switch o.Node.Op() {
		case "Identity":
		case "Transpose":
			use.dims = permuted(use.dims, o.Node.Ints["perm"])
		case "Reshape", "Squeeze", "Unsqueeze", "Flatten":
			use.known = false
		default:
			use.Operand = o
		}
		uses[o.Tensor] = use
	}
	return uses
}

// permuted returns axes in a new order, by default the reverse one.
func permuted(dims, perm []int64) []int64 {
	list := slices.Clone(dims)
	slices.Reverse(list)
	if len(perm) != len(dims) {
		return list
	}
	for i, from := range perm {
		if from < 0 || int(from) >= len(dims) {
			return list
		}
		list[i] = dims[from]
	}
	return list
}

// freshValues returns random numbers for a tensor by its first use; nil for a use that has none.
func freshValues(d *decision, use weightUse, seed uint64) ([]float64, error) {
	if use.Node == nil {
		return nil, nil
	}
	n := int(d.b.Len())
	constant := func(v float64) ([]float64, error) { return slices.Repeat([]float64{v}, n), nil }
	isVector := d.b.Len() == largestDim(d.b)
	switch use.Node.Op() {
	case "Conv", "ConvTranspose", "Gemm", "MatMul", "RNN", "LSTM", "GRU":
		if isVector {
			return constant(0)
		}
		if !use.known {
			return nil, nil
		}
		fan := fanIn(use)
		if fan == 0 {
			return constant(0)
		}
		return normal(d.Tensor, seed, n, math.Sqrt(2/float64(fan))), nil
	case "BatchNormalization", "LayerNormalization", "GroupNormalization", "InstanceNormalization":
		if use.Slot == 1 || use.Slot == 4 {
			return constant(1)
		}
		return constant(0)
	case "Mul", "Div":
		if isVector {
			return constant(1)
		}
	case "Add", "Sub", "Gather", "Concat", "Expand":
		if isVector && use.Node.Op() != "Gather" {
			return constant(0)
		}
		own, err := d.ownDeviation()
		return normal(d.Tensor, seed, n, own), err
	}
	return nil, nil
}

func largestDim(t *onnx.Tensor) int64 {
	if len(t.Dims) == 0 {
		return 1
	}
	return slices.Max(t.Dims)
}

// fanIn returns how many numbers of its input an output of a linear operator depends on; 0 for a bias.
func fanIn(use weightUse) int64 {
	dims, size := use.dims, use.Tensor.Len()
	rank := len(dims)
	if rank < 2 {
		return 0
	}
	switch op := use.Node.Op(); {
	case op == "MatMul" && use.Slot == 0:
		return dims[rank-1]
	case op == "MatMul":
		return dims[rank-2]
	case use.Slot == 0 || use.Slot > 2 || use.Slot == 2 && op != "RNN" && op != "LSTM" && op != "GRU":
		return 0
	case op == "Gemm" && !slices.Equal(use.Node.Ints["transB"], []int64{1}):
		return dims[0]
	case op == "Gemm":
		return dims[1]
	case op == "ConvTranspose":
		return size / dims[1]
	case op == "Conv":
		return size / dims[0]
	}
	return dims[rank-1]
}

// normal returns random numbers that depend on the seed and the name of the tensor alone.
func normal(name string, seed uint64, n int, deviation float64) []float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash never fails
	rng := rand.New(rand.NewPCG(seed, h.Sum64()))
	list := make([]float64, n)
	for i := range list {
		list[i] = deviation * rng.NormFloat64()
	}
	return list
}

// ownDeviation returns the root of the mean square of the last model's elements.
func (d *decision) ownDeviation() (float64, error) {
	values, err := d.b.Numbers()
	if err != nil {
		return 0, err
	}
	sum := 0.
	for _, v := range values {
		sum += v * v
	}
	return math.Sqrt(sum / float64(max(1, len(values)))), nil
}
