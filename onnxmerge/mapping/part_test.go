package mapping

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
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
	return evaluator{lookup: c.Lookup, reserve: Limits{}.newReserve(c)}, []*Expression{w, d, transposed, flat, turned, sliced,
		of(Expression{Op: Slice, Axis: 0, Start: 2, End: 5}, transposed),
		of(Expression{Op: Concat, Axis: 1}, w, sliced, d),
		of(Expression{Op: Concat, Axis: 0}, w, w),
		of(Expression{Op: Repeat, Count: 3, Dims: []int64{3, 1, 120}}, turned),
		{Op: Constant, Factor: 0.25, Dims: []int64{3, 7}},
		of(Expression{Op: Half, as: halfRuntime}, transposed),
		of(Expression{Op: Scale, Factor: 0.125}, turned), folded,
		of(Expression{Op: Transpose, Perm: []int{1, 2, 0}}, folded),
		of(Expression{Op: FoldBias, Norm: n}),
		of(Expression{Op: FoldBias, Norm: n}, &Expression{Op: Tensor, Name: "n.weight"}),
		of(Expression{Op: Reshape, Dims: []int64{1, 1, 120, 1}}, w),
	}
}

// element returns an element of an expression's result, by the definitions of the operations.
func element(t *testing.T, v evaluator, e *Expression, index []int64) float64 {
	t.Helper()
	arg := func(index []int64) float64 { return element(t, v, e.Args[0], index) }
	vector := func(name string, i int64) float64 {
		return element(t, v, &Expression{Op: Tensor, Name: name}, []int64{i})
	}
	scale := func(i int64) float64 {
		return vector(e.Norm.Gamma, i) * (1 / math.Sqrt(vector(e.Norm.Variance, i)+e.Norm.Epsilon))
	}
	switch e.Op {
	case Tensor:
		a, err := readTensor(v.lookup(e.Name), onnx.Float64)
		if err != nil {
			t.Fatal(err)
		}
		return a.numbers()[flatIndex(a.dims, index)]
	case Reshape, Repeat:
		dims, err := v.dims(e.Args[0])
		if err != nil {
			t.Fatal(err)
		}
		return arg(indexOf(dims, flatIndex(e.Dims, index)%length(dims)))
	case Transpose:
		inner := make([]int64, len(index))
		for i, p := range e.Perm {
			inner[p] = index[i]
		}
		return arg(inner)
	case Slice:
		inner := slices.Clone(index)
		inner[e.Axis] += e.Start
		return arg(inner)
	case Concat:
		inner := slices.Clone(index)
		for _, a := range e.Args {
			dims, _ := v.dims(a)
			if inner[e.Axis] < dims[e.Axis] {
				return element(t, v, a, inner)
			}
			inner[e.Axis] -= dims[e.Axis]
		}
	case Half:
		return arg(index)
	case Constant:
		return e.Factor
	case Scale:
		return arg(index) * e.Factor
	case FoldWeight:
		return arg(index) * scale(index[e.Axis])
	case FoldBias:
		before := 0.0
		if len(e.Args) > 0 {
			before = arg(index)
		}
		return (before-vector(e.Norm.Mean, index[0]))*scale(index[0]) + vector(e.Norm.Beta, index[0])
	}
	t.Fatalf("%s has no element %v", e, index)
	return 0
}

func flatIndex(dims, index []int64) int64 {
	at := int64(0)
	for i, k := range index {
		at = at*dims[i] + k
	}
	return at
}

func indexOf(dims []int64, at int64) []int64 {
	index := make([]int64, len(dims))
	for i, d := range slices.Backward(dims) {
		index[i], at = at%d, at/d
	}
	return index
}

// wholeOf returns the extents of an expression's result and all its elements in a type, by element.
func wholeOf(t *testing.T, v evaluator, e *Expression, dtype onnx.DType) (dims []int64, data []byte) {
	t.Helper()
	dims, err := v.dims(e)
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	values := make([]float64, length(dims))
	for i := range values {
		values[i] = element(t, v, e, indexOf(dims, int64(i)))
	}
	data, err = convert(fromNumbers(values, dims).data, onnx.Float64, dtype)
	if err != nil {
		t.Fatal(err)
	}
	return dims, data
}

// Ranges of an expression have the elements that the definitions of its operations give.
func TestPartsOfExpressions(t *testing.T) {
	t.Parallel()
	v, list := partCases(t)
	for _, e := range list {
		for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float16, onnx.Float64} {
			if e.Op == Half && dtype != onnx.Float16 {
				continue
			}
			dims, whole := wholeOf(t, v, e, dtype)
			n, item := length(dims), int64(dtype.Bits()/8)
			for from := int64(0); from < n; from++ {
				for _, to := range []int64{from + 1, min(from+7, n), n} {
					got := make([]byte, (to-from)*item)
					err := v.elements(got, e, dims, dtype, from)
					if want := whole[from*item : to*item]; err != nil || !bytes.Equal(got, want) {
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
	v.limits.Workers = 2
	for _, e := range list {
		dtype := onnx.Float32
		if e.Op == Half {
			dtype = onnx.Float16
		}
		dims, whole := wholeOf(t, v, e, dtype)
		for _, memory := range []int64{1, -1, 100, -100, 2000, 1 << 20} {
			loads := memory < 0 // with the tensors in memory
			memory = max(memory, -memory)
			p := &payload{values: v, expression: e, dtype: dtype, dims: dims, held: map[int64]*window{},
				length: e.windowElements(dims, dtype, memory), loads: loads}
			if most := max(memory/e.costBytes(dtype), 1); p.length > max(most, 1) {
				t.Errorf("%s: windows of %d elements, at most %d", e, p.length, most)
			}
			fill := p.fill
			if e.streams() && memory == 1 {
				fill = p.read
			}
			got := make([]byte, len(whole))
			var all sync.WaitGroup
			for off := 0; off < len(got); off += 40 {
				all.Go(func() {
					if err := fill(got[off:min(off+40, len(got))], int64(off)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if !bytes.Equal(got, whole) {
				t.Errorf("%s in windows of %d elements differs", e, p.length)
			}
			if len(p.held) != 0 || p.loaded != nil {
				t.Errorf("%s: %d windows, or tensors (%v), are held after all was read", e, len(p.held), p.loaded != nil)
			}
		}
	}
}

// A comparison in parts sees every element, also with several goroutines, of which one at a time reads what is wanted, in order.
func TestEquals(t *testing.T) {
	t.Parallel()
	v, list := partCases(t)
	rng := rand.New(rand.NewPCG(3, 4))
	large := memoryTensor("large", rng, onnx.Float32, 300, 2*fewWork/300+1)
	lookup := v.lookup
	v.lookup = func(name string) *checkpoint.Tensor {
		if name == large.Name {
			return large
		}
		return lookup(name)
	}
	v.limits.Workers, v.reserve = 3, &reserve{half: large.SizeBytes()}
	little := v
	little.limits.MemoryBytes, little.reserve = 64<<10, &reserve{half: 16 << 10}
	turned := &Expression{Op: Transpose, Args: []*Expression{{Op: Tensor, Name: "large"}}, Perm: []int{1, 0}}
	for _, e := range append(list, turned) {
		dtype := onnx.Float32
		if e.Op == Half {
			dtype = onnx.Float16
		}
		whole, err := v.evaluate(e, dtype)
		if err != nil {
			t.Fatal(err)
		}
		item := dtype.Bits() / 8
		for _, changed := range []int{-1, 0, len(whole.data) / 2, len(whole.data) - 1} {
			data := bytes.Clone(whole.data)
			if changed >= 0 {
				data[changed] ^= 1
			}
			for _, v := range []evaluator{v, little} { // tensors in memory, and read in columns
				next := 0
				same, err := v.equals(e, dtype, func(dst []byte, from int64) error {
					at := int(from) * item
					if at != next && at > 0 { // a few are read before all are
						t.Errorf("%s: bytes from %d on are read where those from %d on are next", e, at, next)
					}
					next = at + copy(dst, data[at:])
					return nil
				})
				if err != nil || same != (changed < 0) {
					t.Errorf("%s: equal is %v (%v) where byte %d is changed, with %d bytes of memory", e, same, err, changed, v.limits.memory())
				}
			}
		}
	}
}

// Matrices are transposed without allocations.
func TestGatherAllocates(t *testing.T) {
	src, dst := make([]byte, 4*40*40), make([]byte, 4*40*40)
	dims, to, from := []int64{40, 40}, []int64{40, 1}, []int64{1, 40}
	for _, item := range []int{1, 2, 4} {
		if n := testing.AllocsPerRun(10, func() { gatherMatrix(dst, src, dims, to, from, item) }); n > 0 {
			t.Errorf("elements of %d bytes: %v allocations", item, n)
		}
	}
}

// Transposing in squares, at their edges too, gives what one element after the other gives.
func TestGather(t *testing.T) {
	t.Parallel()
	for _, dims := range [][]int64{{1, 1}, {3, 5}, {16, 16}, {17, 33}, {40, 31}, {2, 19, 18}, {7}, {}} {
		for _, item := range []int{1, 2, 4, 8} {
			src := make([]byte, int(length(dims))*item)
			for i := range src {
				src[i] = byte(i*7 + i/256)
			}
			perm := make([]int, len(dims))
			for i := range perm {
				perm[i] = len(dims) - 1 - i
			}
			w := layout{perm, dims}.walk()
			got, want := make([]byte, len(src)), []byte(nil)
			gather(got, src, w.dims, stridesOf(w.dims), w.strides, item)
			for range length(dims) {
				want = append(want, src[int(w.off)*item:][:item]...)
				w.next()
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%v of %d bytes: %x, want %x", dims, item, got, want)
			}
		}
	}
}
