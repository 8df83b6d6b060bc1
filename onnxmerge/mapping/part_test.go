package mapping

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// memoryTensor returns a tensor of random float32 numbers, in a type of 32 or 64 bits.
func memoryTensor(name string, rng *rand.Rand, dtype onnx.DType, dims ...int64) *checkpoint.Tensor {
	var data []byte
	for range length(dims) {
		x := rng.Float32() + 0.5
		if dtype == onnx.Float64 {
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(float64(x)+1e-9))
		} else {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
	}
	return checkpoint.NewTensor(name, dtype, dims, func(dst []byte, off int64) error {
		copy(dst, data[off:])
		return nil
	})
}

// partCases returns expressions with every operation, over tensors in memory.
func partCases(t *testing.T) (evaluator, []*Expression) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	list := []*checkpoint.Tensor{memoryTensor("w", rng, onnx.Float32, 6, 4, 5), memoryTensor("d", rng, onnx.Float64, 6, 4, 5)}
	for _, name := range []string{"n.weight", "n.bias", "n.running_mean", "n.running_var"} {
		list = append(list, memoryTensor(name, rng, onnx.Float32, 4))
	}
	c, err := checkpoint.New("", list)
	if err != nil {
		t.Fatal(err)
	}
	w, d := &Expression{Op: Tensor, Name: "w"}, &Expression{Op: Tensor, Name: "d"}
	n := &Norm{Mean: "n.running_mean", Variance: "n.running_var", Gamma: "n.weight", Beta: "n.bias", Epsilon: 1e-5}
	of := func(e Expression, args ...*Expression) *Expression {
		e.Args = args
		return &e
	}
	transposed := of(Expression{Op: Transpose, Perm: []int{2, 0, 1}}, w)
	flat := of(Expression{Op: Reshape, Dims: []int64{10, 12}}, transposed)
	turned := of(Expression{Op: Transpose, Perm: []int{1, 0}}, flat)
	sliced := of(Expression{Op: Slice, Axis: 1, Start: 1, End: 3}, w)
	folded := of(Expression{Op: FoldWeight, Axis: 1, Norm: n}, w)
	return evaluator{lookup: c.Lookup}, []*Expression{w, d, transposed, flat, turned, sliced,
		of(Expression{Op: Slice, Axis: 0, Start: 2, End: 5}, transposed),
		of(Expression{Op: Concat, Axis: 1}, w, sliced, d),
		of(Expression{Op: Concat, Axis: 0}, w, w),
		of(Expression{Op: Repeat, Count: 3, Dims: []int64{3, 1, 120}}, turned),
		{Op: Constant, Factor: 0.25, Dims: []int64{3, 7}},
		of(Expression{Op: Half, as: halfRuntime}, transposed),
		of(Expression{Op: Scale, Factor: 0.125}, turned), folded,
		of(Expression{Op: Transpose, Perm: []int{1, 2, 0}}, folded),
		of(Expression{Op: FoldBias, Norm: n}),
		of(Expression{Op: Reshape, Dims: []int64{1, 1, 120, 1}}, w),
	}
}

// Ranges of an expression are those of the whole, and have its extents.
func TestPartsOfExpressions(t *testing.T) {
	t.Parallel()
	v, list := partCases(t)
	for _, e := range list {
		for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float16, onnx.Float64} {
			if e.Op == Half && dtype != onnx.Float16 {
				continue
			}
			whole, err := v.evaluate(e, dtype)
			if err != nil {
				t.Fatalf("%s: %v", e, err)
			}
			dims, err := v.dims(e)
			if err != nil || length(dims) != length(whole.dims) {
				t.Fatalf("%s: extents %v (%v), want %v", e, dims, err, whole.dims)
			}
			n, item := length(dims), int64(dtype.Bits()/8)
			for from := int64(0); from < n; from++ {
				for _, to := range []int64{from + 1, min(from+7, n), n} {
					got, err := v.elements(e, dims, dtype, from, to)
					if want := whole.data[from*item : to*item]; err != nil || !bytes.Equal(got, want) {
						t.Fatalf("%s in %s: elements %d to %d are %x (%v), want %x", e, dtype, from, to, got, err, want)
					}
				}
			}
		}
	}
}

// A payload is the same for every amount of memory, and holds no window after it was read, by several goroutines in any order.
func TestPayloadInWindows(t *testing.T) {
	t.Parallel()
	v, list := partCases(t)
	for _, e := range list {
		dtype := onnx.Float32
		if e.Op == Half {
			dtype = onnx.Float16
		}
		whole, err := v.evaluate(e, dtype)
		if err != nil {
			t.Fatal(err)
		}
		for _, memory := range []int64{1, 100, 2000, 1 << 20} {
			p := &payload{values: v, expression: e, dtype: dtype, dims: whole.dims, held: map[int64]*window{},
				length: e.windowElements(whole.dims, dtype, memory)}
			if most := max(memory/e.costBytes(dtype), 1); p.length > max(most, 1) {
				t.Errorf("%s: windows of %d elements, at most %d", e, p.length, most)
			}
			fill := p.fill
			if e.streams() && memory == 1 {
				fill = p.read
			}
			got := make([]byte, len(whole.data))
			var all sync.WaitGroup
			for off := 0; off < len(got); off += 40 {
				all.Go(func() {
					if err := fill(got[off:min(off+40, len(got))], int64(off)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if !bytes.Equal(got, whole.data) {
				t.Errorf("%s in windows of %d elements differs", e, p.length)
			}
			if len(p.held) != 0 {
				t.Errorf("%s: %d windows are held after all was read", e, len(p.held))
			}
		}
	}
}

// A comparison in parts sees every element.
func TestEquals(t *testing.T) {
	t.Parallel()
	v, list := partCases(t)
	for _, e := range list {
		dtype := onnx.Float32
		if e.Op == Half {
			dtype = onnx.Float16
		}
		whole, err := v.evaluate(e, dtype)
		if err != nil {
			t.Fatal(err)
		}
		item := int64(dtype.Bits() / 8)
		for _, changed := range []bool{false, true} {
			data := bytes.Clone(whole.data)
			if changed {
				data[len(data)-1] ^= 1
			}
			same, err := v.equals(e, dtype, func(from, to int64) ([]byte, error) { return data[from*item : to*item], nil })
			if err != nil || same == changed {
				t.Errorf("%s: equal is %v (%v) where the last element is changed: %v", e, same, err, changed)
			}
		}
	}
}
