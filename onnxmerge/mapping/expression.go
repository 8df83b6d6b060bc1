package mapping

import (
	"fmt"
	"slices"
	"strings"

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

	as       onnx.DType  // of Half: the conversion
	inMemory *heldTensor // of Tensor: is read in place of the one of that name; nil without
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
