package pair

import "github.com/wiseft/wiseft/onnxmerge/onnx"

// Pair is one tensor that both models have.
type Pair struct {
	A, B *onnx.Tensor
	How  How
	// Perm is nil if the axes of both tensors have the same order. Otherwise Perm[i] is the axis of A that is axis i
	// of B, where axes of length 1 are left out on both sides.
	Perm []int
	// Among is the number of tensors of A that have the same colour as B, where structure alone does not distinguish
	// them, and 1 otherwise.
	Among int
	// Tied lists further tensors of A that correspond to B, because B is used in several places and A's model has a
	// tensor for each. They are one weight only if their elements, read in the order of their perms, are equal.
	Tied []Tied
	// Layer is set for the weight of a linear operator.
	Layer *Layer
	// Weight is the weight of the layer whose bias B is; nil for other tensors.
	Weight *onnx.Tensor
}

// Layer is what the values of two weights have to be compared with, in order to tell a weight from one that is scaled.
type Layer struct {
	Axis int // of B.Dims, that counts output channels; -1 if it is not known
	// Normalised means that both models normalise the operator's result, so that a factor of the weight changes nothing.
	Normalised bool
	// FactorsA and FactorsB are the single numbers by which each model multiplies the operator's operand or result.
	FactorsA, FactorsB []Factor
	// Scaled is the conflict of the pair if one model's factors are folded into its weight; nil if there are no factors.
	Scaled *Conflict
}

// Tied is a further tensor of A and its axis order; see [Pair].
type Tied struct {
	A    *onnx.Tensor
	Perm []int
}

// How is the evidence for a pair.
type How string

// The kinds of evidence, from the strongest to the weakest.
const (
	ByCaller  How = "statement"             // stated by the caller
	ByPart    How = "structure"             // equal colours, refined by downstream structure where needed
	ByNames   How = "structure and name"    // equal colours of several tensors, and unique names among them
	Around    How = "structure and weights" // equal structure relative to anchors: pairs with similar weights
	ByWeights How = "weights"               // similar to one tensor of A by a margin over all other candidates
	ByName    How = "name"                  // no operator uses the tensor; name, dtype and shape are equal
)

// Conflict is a tensor of B without a safe counterpart. A is the tensor with the same name or the rejected candidate;
// nil if there is neither.
type Conflict struct {
	A, B   *onnx.Tensor
	Reason string
	// Place is the pair that the place in the graph or the name gives, if only the values or the operators before it speak
	// against it: running both models can decide. It is nil if several tensors fit, or another is more similar.
	Place *Pair
	// Fold describes an affine operator, such as BatchNormalization, that one model has and the other has folded into its
	// weights, if that is the reason and the fold can be computed; else nil.
	Fold *Fold
	// Unused means that no operator uses B.
	Unused bool
	// Unlike means that B has the colour of A, but another name and dissimilar elements, in models that are related
	// otherwise: a replaced head, or exchanged weights.
	Unlike bool
	// Displaced means that A and B have the same name, shape and operator, and different upstream structure, such as
	// an additional normalisation in one model.
	Displaced bool
	// Resized means that A and B have the same name and operator, and different shapes: a head with another number of
	// classes, or a table for another input size.
	Resized bool
}

// Implied is a bias of the fine-tuned model's layer whose counterpart has none: exporters drop a bias of zeros. Its
// value in the pre-trained model is 0.
type Implied struct {
	B      *onnx.Tensor
	Weight *onnx.Tensor // of B's layer
}

// Alignment assigns every tensor of two models to a pair, a conflict or one side.
type Alignment struct {
	Pairs     []Pair     // in the order of B
	Conflicts []Conflict // in the order of B
	Folds     []*Fold    // that conflicts refer to
	Implied   []Implied  // tensors of OnlyB
	// Differences names operators of pairs that compute something else: one line each.
	Differences []string
	OnlyA       []*onnx.Tensor
	OnlyB       []*onnx.Tensor
}
