package mapping

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Op is what an [Expression] does.
type Op int

// The operations.
const (
	Tensor     Op = iota + 1 // the tensor Name of the checkpoint
	Reshape                  // Args[0] with the extents Dims
	Transpose                // Args[0] with the axes in the order Perm
	Slice                    // rows Start to End of Axis of Args[0]
	Concat                   // Args joined along Axis
	Repeat                   // Args[0], Count times along a new first axis, with the extents Dims
	Constant                 // Factor at all places, with the extents Dims
	Half                     // Args[0] as a converter writes it in float16, with bounds for small and large numbers
	Scale                    // Args[0] times Factor
	FoldWeight               // Args[0] with the factors of Norm along Axis
	FoldBias                 // Args[0], or 0 without it, with Norm applied
)

// Expression is how a tensor of an ONNX model is made from tensors of a checkpoint. It is not changed after it was
// made.
type Expression struct {
	Op         Op
	Name       string // of a tensor of the checkpoint
	Args       []*Expression
	Dims       []int64
	Perm       []int
	Axis       int
	Start, End int64
	Count      int64
	Factor     float64
	Norm       *Norm

	as onnx.DType // of Half: the conversion
}

// Norm is a BatchNormalization of a checkpoint: y = (x - mean) * gamma / sqrt(variance + Epsilon) + beta.
type Norm struct {
	Mean, Variance string // names of tensors
	Gamma, Beta    string // "" without them: 1 and 0
	Epsilon        float64
}

// Names returns the tensors of the checkpoint that the expression depends on, sorted.
func (e *Expression) Names() []string {
	seen := map[string]bool{}
	e.addNames(seen)
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (e *Expression) addNames(seen map[string]bool) {
	list := []string{e.Name}
	if n := e.Norm; n != nil {
		list = append(list, n.Mean, n.Variance, n.Gamma, n.Beta)
	}
	for _, name := range list {
		if name != "" {
			seen[name] = true
		}
	}
	for _, a := range e.Args {
		a.addNames(seen)
	}
}

// IsExact reports whether the expression only moves elements, so that its result is that of an export bit for bit.
func (e *Expression) IsExact() bool {
	return e.Op < Scale && !slices.ContainsFunc(e.Args, func(a *Expression) bool { return !a.IsExact() })
}

// String returns the expression as a formula: "transpose(fc.weight, [1 0])".
func (e *Expression) String() string {
	var args []string
	for _, a := range e.Args {
		args = append(args, a.String())
	}
	list := strings.Join(args, ", ")
	switch e.Op {
	case Tensor:
		return e.Name
	case Reshape:
		return fmt.Sprintf("reshape(%s, %v)", list, e.Dims)
	case Transpose:
		return fmt.Sprintf("transpose(%s, %v)", list, e.Perm)
	case Slice:
		return fmt.Sprintf("slice(%s, axis %d, %d:%d)", list, e.Axis, e.Start, e.End)
	case Concat:
		return fmt.Sprintf("concat(axis %d, %s)", e.Axis, list)
	case Repeat:
		return fmt.Sprintf("repeat(%s, %d)", list, e.Count)
	case Constant:
		return fmt.Sprintf("the constant %.9g", e.Factor)
	case Half:
		return fmt.Sprintf("float16(%s, at least %g)", list, halves[e.as].low)
	case Scale:
		return fmt.Sprintf("%s * %.9g", list, e.Factor)
	case FoldWeight:
		return fmt.Sprintf("fold(%s, %s, eps %g)", list, e.Norm.prefix(), e.Norm.Epsilon)
	case FoldBias:
		if list == "" {
			list = "0"
		}
		return fmt.Sprintf("foldbias(%s, %s, eps %g)", list, e.Norm.prefix(), e.Norm.Epsilon)
	}
	return fmt.Sprintf("operation %d", int(e.Op))
}

// prefix returns the name of the layer.
func (n *Norm) prefix() string { return strings.TrimSuffix(n.Mean, ".running_mean") }

// evaluator computes expressions over a checkpoint.
type evaluator struct {
	lookup func(name string) *checkpoint.Tensor
	// leaf, if not nil, gives the array of a tensor in place of its elements.
	leaf func(name string) (array, error)
}

// evaluate returns the array of an expression in a type, rounded once.
func (v evaluator) evaluate(e *Expression, dtype onnx.DType) (array, error) {
	return v.evaluateBy(e, dtype, v.move)
}

// evaluateBy is evaluate with what evaluates in the type to which tensors are converted first.
func (v evaluator) evaluateBy(
	e *Expression, dtype onnx.DType, move func(e *Expression, dtype onnx.DType) (array, error),
) (array, error) {
	if e.Op == Half && v.leaf == nil {
		a, err := move(e.Args[0], e.as)
		a.dtype = dtype
		return a, err
	}
	if e.IsExact() {
		return move(e, dtype)
	}
	a, err := move(e, onnx.Float64)
	if err != nil {
		return array{}, err
	}
	data, err := convert(a.data, onnx.Float64, dtype)
	return array{dtype, a.dims, data}, err
}

// move evaluates an expression in a type to which tensors are converted first.
func (v evaluator) move(e *Expression, dtype onnx.DType) (array, error) {
	if e.Op == Tensor && v.leaf != nil {
		return v.leaf(e.Name)
	}
	if e.Op == Tensor {
		return v.tensor(e.Name, dtype)
	}
	var args []array
	for _, arg := range e.Args {
		a, err := v.move(arg, dtype)
		if err != nil {
			return array{}, err
		}
		args = append(args, a)
	}
	switch e.Op {
	case Reshape:
		return args[0].reshape(e.Dims)
	case Transpose:
		return args[0].transpose(e.Perm)
	case Slice:
		return args[0].slice(e.Axis, e.Start, e.End)
	case Concat:
		return concat(e.Axis, args)
	case Repeat:
		return array{dtype, e.Dims, []byte(strings.Repeat(string(args[0].data), int(e.Count)))}, nil
	case Half:
		return args[0], nil // the types of what is moved are converted by evaluate
	case Constant:
		return filled(e.Factor, e.Dims, dtype)
	case Scale:
		return mapNumbers(args[0], func(x float64) float64 { return x * e.Factor }), nil
	case FoldWeight:
		return v.foldWeight(e, args[0])
	case FoldBias:
		return v.foldBias(e, args)
	}
	return array{}, fmt.Errorf("mapping: operation %d is not known", int(e.Op))
}

func (v evaluator) tensor(name string, dtype onnx.DType) (array, error) {
	t, err := v.find(name)
	if err != nil {
		return array{}, err
	}
	return readTensor(t, dtype)
}

// find returns a tensor of the checkpoint whose elements can be rearranged.
func (v evaluator) find(name string) (*checkpoint.Tensor, error) {
	t := v.lookup(name)
	if t == nil {
		return nil, fmt.Errorf("the checkpoint has no tensor %q", name)
	}
	if !isSupported(t.DType) {
		return nil, fmt.Errorf("tensor %q has the type %s; floating-point types of 8 bits and more are supported", name, t.Type)
	}
	return t, nil
}

// filled returns an array of equal numbers.
func filled(x float64, dims []int64, dtype onnx.DType) (array, error) {
	values := make([]float64, length(dims))
	for i := range values {
		values[i] = x
	}
	data, err := convert(fromNumbers(values, dims).data, onnx.Float64, dtype)
	return array{dtype, dims, data}, err
}

func mapNumbers(a array, f func(float64) float64) array {
	values := a.numbers()
	for i, x := range values {
		values[i] = f(x)
	}
	return fromNumbers(values, a.dims)
}

// normValues are the numbers of a Norm: x * scale + shift, with shift = beta - mean * scale.
type normValues struct{ mean, scale, beta []float64 }

func (v evaluator) norm(n *Norm) (normValues, error) {
	var lists [4][]float64
	for i, name := range []string{n.Mean, n.Variance, n.Gamma, n.Beta} {
		if name == "" {
			continue
		}
		a, err := v.tensor(name, onnx.Float64)
		if err != nil {
			return normValues{}, err
		}
		lists[i] = a.numbers()
		if len(lists[i]) != len(lists[0]) {
			return normValues{}, fmt.Errorf("tensors %q and %q have %d and %d elements", n.Mean, name, len(lists[0]), len(lists[i]))
		}
	}
	r := normValues{lists[0], lists[1], lists[3]}
	for i, variance := range r.scale {
		r.scale[i] = 1 / math.Sqrt(variance+n.Epsilon)
		if lists[2] != nil {
			r.scale[i] *= lists[2][i]
		}
	}
	if r.beta == nil {
		r.beta = make([]float64, len(r.mean))
	}
	return r, nil
}

// check returns an error if a weight of a FoldWeight has another number of channels.
func (v normValues) check(e *Expression, dims []int64) error {
	if e.Axis >= len(dims) || dims[e.Axis] != int64(len(v.scale)) {
		return fmt.Errorf("%s has %d channels, and a weight of shape %v along axis %d is scaled by it", e.Norm.prefix(),
			len(v.scale), dims, e.Axis)
	}
	return nil
}

func (v evaluator) foldWeight(e *Expression, w array) (array, error) {
	n, err := v.norm(e.Norm)
	if err == nil {
		err = n.check(e, w.dims)
	}
	if err != nil {
		return array{}, err
	}
	return scaleChannels(w, e.Axis, n.scale), nil
}

// scaleChannels multiplies the rows of an axis by factors.
func scaleChannels(w array, axis int, factors []float64) array {
	values := w.numbers()
	inner := int(length(w.dims[axis+1:]))
	for i := range values {
		values[i] *= factors[i/inner%len(factors)]
	}
	return fromNumbers(values, w.dims)
}

func (v evaluator) foldBias(e *Expression, args []array) (array, error) {
	n, err := v.norm(e.Norm)
	if err != nil {
		return array{}, err
	}
	values := make([]float64, len(n.mean))
	if len(args) > 0 {
		if length(args[0].dims) != int64(len(values)) {
			return array{}, fmt.Errorf("%s has %d channels, and the bias before it %d", e.Norm.prefix(), len(values), length(args[0].dims))
		}
		values = args[0].numbers()
	}
	for i, b := range values {
		values[i] = (b-n.mean[i])*n.scale[i] + n.beta[i]
	}
	return fromNumbers(values, []int64{int64(len(values))}), nil
}
