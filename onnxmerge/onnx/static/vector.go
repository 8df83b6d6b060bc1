package static

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Vector is a value of at most one axis longer than 1: a stored tensor, or what an operator computes from vectors.
type Vector struct {
	Name  string
	DType onnx.DType
	Dims  []int64
	// Tensor is the stored tensor; nil for a computed vector.
	Tensor *onnx.Tensor

	op     string
	ins    []*Vector
	isSum  bool // an operator that calculates is part of the expression, beside those that only reshape
	leaves []*onnx.Tensor
}

// Values are elements by stored tensor.
type Values map[*onnx.Tensor][]float64

// function is an operator of one or two numbers, and its inverse by operand: the operand x for a result y, beside the
// other operand z. Operators whose result is not linear in an operand have no inverse for it.
type function struct {
	unary   func(x float64) float64
	binary  func(x, y float64) float64
	inverse [2]func(y, z float64) float64
}

// functions are the operators that calculate.
var functions = map[string]function{
	"Neg":        {unary: func(x float64) float64 { return -x }, inverse: inverses(func(y, _ float64) float64 { return -y }, nil)},
	"Sqrt":       {unary: math.Sqrt},
	"Reciprocal": {unary: func(x float64) float64 { return 1 / x }},
	"Add":        {binary: func(x, y float64) float64 { return x + y }, inverse: inverses(minus, minus)},
	"Sub":        {binary: minus, inverse: inverses(func(y, z float64) float64 { return y + z }, func(y, z float64) float64 { return z - y })},
	"Mul":        {binary: times, inverse: inverses(over, over)},
	"Div":        {binary: over, inverse: inverses(times, nil)},
	"Pow":        {binary: math.Pow},
	"Max":        {binary: math.Max},
	"Min":        {binary: math.Min},
}

func minus(x, y float64) float64 { return x - y }
func times(x, y float64) float64 { return x * y }
func over(x, y float64) float64  { return x / y }

func inverses(first, second func(y, z float64) float64) [2]func(y, z float64) float64 {
	return [2]func(y, z float64) float64{first, second}
}

// Len returns the number of elements.
func (v *Vector) Len() int {
	n := int64(1)
	for _, d := range v.Dims {
		n *= d
	}
	return int(n)
}

// Leaves returns the stored tensors from which the vector is computed, each once.
func (v *Vector) Leaves() []*onnx.Tensor { return v.leaves }

// Vectors returns the leaves of more than one element.
func (v *Vector) Vectors() []*onnx.Tensor {
	return slices.DeleteFunc(slices.Clone(v.leaves), func(t *onnx.Tensor) bool { return t.Len() == 1 })
}

// Evaluate returns the elements, of stored tensors with the given values or those of the file. It computes in float64.
func (v *Vector) Evaluate(values Values) ([]float64, error) {
	if v.Tensor != nil {
		if x, ok := values[v.Tensor]; ok {
			return x, nil
		}
		return v.Tensor.Numbers()
	}
	ins := make([][]float64, len(v.ins))
	for i, in := range v.ins {
		var err error
		if ins[i], err = in.Evaluate(values); err != nil {
			return nil, err
		}
	}
	f, ok := functions[v.op]
	if !ok {
		return ins[0], nil // it only reshapes
	}
	out := make([]float64, v.Len())
	for i := range out {
		if f.unary != nil {
			out[i] = f.unary(at(ins[0], i))
		} else {
			out[i] = f.binary(at(ins[0], i), at(ins[1], i))
		}
	}
	return out, nil
}

// at returns an element of a vector, or its only one.
func at(x []float64, i int) float64 {
	if len(x) == 1 {
		return x[0]
	}
	return x[i]
}

// Depth returns the number of operators between the vector and a leaf; ok is false if the leaf occurs more than once,
// has another length than the vector, or if the vector is not linear in it.
func (v *Vector) Depth(leaf *onnx.Tensor) (depth int, ok bool) {
	if v.Tensor != nil {
		return 0, v.Tensor == leaf
	}
	which := v.operandOf(leaf)
	if which < 0 || v.Len() != int(leaf.Len()) || len(v.ins) > 1 && slices.Contains(v.ins[1-which].leaves, leaf) {
		return 0, false
	}
	if f, calculates := functions[v.op]; calculates && f.inverse[which] == nil {
		return 0, false
	}
	depth, ok = v.ins[which].Depth(leaf)
	return depth + 1, ok
}

// operandOf returns the first operand that is computed from a leaf; -1 if there is none.
func (v *Vector) operandOf(leaf *onnx.Tensor) int {
	return slices.IndexFunc(v.ins, func(in *Vector) bool { return slices.Contains(in.leaves, leaf) })
}

// Solve returns the elements of a leaf with which the vector has the elements of want, and the other leaves the given
// values or those of the file. The leaf must have a [Vector.Depth]. An element may be infinite or NaN, where a factor
// is 0.
func (v *Vector) Solve(leaf *onnx.Tensor, want []float64, values Values) ([]float64, error) {
	if v.Tensor != nil {
		return want, nil
	}
	which := v.operandOf(leaf)
	f, calculates := functions[v.op]
	if !calculates {
		return v.ins[0].Solve(leaf, want, values)
	}
	other := []float64{0}
	if len(v.ins) > 1 {
		var err error
		if other, err = v.ins[1-which].Evaluate(values); err != nil {
			return nil, err
		}
	}
	rest := make([]float64, len(want))
	for i, y := range want {
		rest[i] = f.inverse[which](y, at(other, i))
	}
	return v.ins[which].Solve(leaf, rest, values)
}

// Form says what kind of expression a vector is, however an exporter writes it.
type Form struct {
	Vectors int  // stored tensors of more than one element
	Root    bool // a square root is part of it
}

// Form returns the form of the vector.
func (v *Vector) Form() Form { return Form{len(v.Vectors()), v.hasRoot()} }

func (v *Vector) hasRoot() bool {
	return v.op == "Sqrt" || v.op == "Pow" || slices.ContainsFunc(v.ins, (*Vector).hasRoot)
}
