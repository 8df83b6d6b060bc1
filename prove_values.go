package wiseft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/numeric"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// inputKind is what the numbers of an input are.
type inputKind int

const (
	inputRandom inputKind = iota + 1
	inputIDs
	inputOnes
	inputSmall
)

func (k inputKind) String() string {
	return [...]string{"", "random", "random ids", "ones", "random zeros and ones"}[k]
}

// kind returns what numbers an input gets: ids within the tables that it indexes, masks of ones, other integers small.
func (x *proofInput) kind() inputKind {
	named := strings.Contains(strings.ToLower(x.of[1].Name), "mask")
	switch isFloat := x.of[1].DType.IsFloat(); {
	case x.use.Rows > 0 && !isFloat:
		return inputIDs
	case named, x.of[1].DType == onnx.Bool, x.use.Mask && !isFloat:
		return inputOnes
	case isFloat:
		return inputRandom
	}
	return inputSmall
}

// numbers returns the elements of an input in the order of the written graph.
func (x *proofInput) numbers(seed uint64, draw int) []float64 {
	n := 1
	for _, d := range x.shape {
		n *= int(d)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(x.of[1].Name)) // a hash never fails
	rng := rand.New(rand.NewPCG(seed, h.Sum64()+uint64(draw)))
	values := make([]float64, n)
	for i := range values {
		switch x.kind() {
		case inputIDs:
			values[i] = float64(rng.Int64N(x.use.Rows))
		case inputOnes:
			values[i] = 1
		case inputSmall:
			values[i] = float64(rng.IntN(2))
		case inputRandom:
			values[i] = rng.Float64() - .5 // so dense that clouds have neighbours within the usual radii
		}
	}
	return values
}

// arrays returns the inputs of the passes of one draw, in the order of the model's inputs.
func (in *proofInputs) arrays(inModel bool, draw int) [][]ort.Array {
	side := 1
	if inModel {
		side = 0
	}
	passes := max(1, in.samples/in.batches[side])
	list := make([][]ort.Array, passes)
	m := in.swap.Graph
	if inModel {
		m = in.swap.Model
	}
	for _, declared := range m.Graph.Inputs {
		x := in.list[slices.IndexFunc(in.list, func(x *proofInput) bool { return x.of[side].Name == declared.Name })]
		whole := in.array(x, side, draw)
		for i := range passes {
			list[i] = append(list[i], rows(whole, i, passes))
		}
	}
	return list
}

// rows returns the i-th of n parts of an array; all of it for one part, or a single number.
func rows(a ort.Array, i, n int) ort.Array {
	if n == 1 || len(a.Shape) == 0 {
		return a
	}
	shape := slices.Clone(a.Shape)
	shape[0] /= int64(n)
	size := len(a.Data) / n
	return ort.Array{Type: a.Type, Shape: shape, Data: a.Data[i*size : (i+1)*size]}
}

// array returns an input of one side over all samples. Both sides get the same numbers, rounded to the coarser type.
func (in *proofInputs) array(x *proofInput, side, draw int) ort.Array {
	isPermuted := side == 0 && !slices.IsSorted(x.perm)
	if in.given && x.of[0].DType == x.of[1].DType && !isPermuted {
		return x.data
	}
	var numbers []float64
	if in.given {
		numbers = x.data.Float64s()
	} else {
		numbers = x.numbers(in.opt.Seed, draw)
	}
	values := probe.Batch{X: numeric.Round32(numbers), Shape: x.shape}
	shape := x.shape
	if isPermuted {
		shape = nil
		for _, axis := range x.perm {
			shape = append(shape, x.shape[axis])
		}
		values.X = permuted(values, x.perm)
	}
	numbers = numeric.Widen64(values.X)
	for _, v := range x.of {
		if v.DType.IsFloat() {
			decodeAs(v.DType, encodeAs(v.DType, numbers), numbers)
		}
	}
	dtype := x.of[side].DType
	return ort.Array{Type: ort.ElementType(dtype), Shape: shape, Data: encodeAs(dtype, numbers)}
}

// encodeAs returns numbers as elements of a type.
func encodeAs(dtype onnx.DType, values []float64) []byte {
	if codec, ok := dtype.Codec(); ok {
		data := make([]byte, codec.SizeBytes(len(values)))
		codec.Encode(data, values)
		return data
	}
	size := int(ort.ElementType(dtype).Size())
	data := make([]byte, 0, size*len(values))
	for _, v := range values {
		data = append(data, binary.LittleEndian.AppendUint64(nil, uint64(int64(math.Round(v))))[:size]...)
	}
	return data
}

// decodeAs sets values to the elements of a floating-point type.
func decodeAs(dtype onnx.DType, data []byte, values []float64) {
	if codec, ok := dtype.Codec(); ok {
		codec.Decode(values, data)
	}
}

// errBatchRead ends the reading of data after the first batch.
var errBatchRead = errors.New("the batch is read")

// readData takes the first samples of a data set as the inputs of both models. Optional inputs keep their defaults.
func (in *proofInputs) readData(ctx context.Context) (reason string, err error) {
	layout, err := ParseLayout(in.opt.Layout)
	if err != nil {
		return "", err
	}
	set, err := openData(ctx, in.opt.Data.forModel(in.swap.Graph), in.opt.Monitor)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, in.opt.Data.close(set)) }()
	declared, err := modelInputs(in.swap.Graph)
	if err != nil {
		return "", err
	}
	fed, err := probe.Fed(declared, set.Info())
	if err != nil {
		return "", err
	}
	in.batches = in.sizes.batches(true)
	in.samples = in.batches[0]
	if in.batches[0] != in.batches[1] {
		return "the models have other batches, and the samples are data", nil
	}
	err = probe.EachBatch(ctx, fed, set, probe.ExtractOptions{Batch: in.samples, Layout: layout},
		func(b probe.Batch, _ int) error {
			in.samples, in.given = int(b.Shape[0]), true
			for i, a := range arraysOf(b) {
				in.setData(fed[i].Name, a)
			}
			return errBatchRead
		})
	if !errors.Is(err, errBatchRead) {
		return "", err
	}
	in.batches = [2]int{in.samples, in.samples}
	return "", nil
}

// setData sets the values of an input of the written graph, which are copied.
func (in *proofInputs) setData(name string, a ort.Array) {
	at := slices.IndexFunc(in.list, func(x *proofInput) bool { return x.of[1].Name == name })
	if at < 0 {
		in.opt.Monitor.note(fmt.Sprintf("the proof leaves the optional input %q at its default", name))
		return
	}
	x := in.list[at]
	x.shape = slices.Clone(a.Shape)
	x.data = ort.Array{Type: a.Type, Shape: x.shape, Data: slices.Clone(a.Data), Text: slices.Clone(a.Text)}
}
