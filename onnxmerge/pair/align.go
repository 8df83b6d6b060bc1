// Package align finds which tensor of one model is which tensor of another.
//
// The result lists every tensor of both models: as a [Pair], as one that only one
// side has, or as a [Conflict], where the counterpart is not clear. Both models keep
// their own order.
//
// [Find] goes in rounds. Structure comes first: weights pair whose operators agree and
// all that leads to them. Then the weights themselves are asked, where there is somebody
// to ask: pairs that are alike become anchors, from which structure is followed anew, and
// pairs that are unlike while a better one exists are taken apart. So one place that two
// exporters write differently does not hide all that comes after it.
package pair

import (
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Pair is one tensor in both models.
type Pair struct {
	A, B *onnx.Tensor
	How  How
	// Perm is nil unless the axes have another order: then it lists for each axis of B
	// the axis of A that it is, axes of length 1 left out.
	Perm []int
	// Among is how many tensors of A have the part that B has, where structure alone
	// cannot tell them apart; 1 elsewhere.
	Among int
	// Tied are other tensors of A that play a part of B: it is one tensor here, and
	// several there. They are the same weight only if their elements, in the order of
	// their perms, are equal.
	Tied []Tied
}

// Tied is a tensor of A, and the order of its axes; see Pair.
type Tied struct {
	A    *onnx.Tensor
	Perm []int
}

// How says what proves a pair.
type How string

// The proofs, from the strongest on.
const (
	ByPart    How = "structure"             // what leads to it, and what follows where that is needed
	ByNames   How = "structure and name"    // structure leaves a choice, and names decide
	Around    How = "structure and weights" // its place among weights that are alike
	ByWeights How = "weights"               // it is like one of A and like no other that could have its part
	ByName    How = "name"                  // of what plays no part
)

// Conflict is a tensor of B whose counterpart is not clear. A is its namesake, or the
// one that it would pair with, nil if there is none.
type Conflict struct {
	A, B   *onnx.Tensor
	Reason string
	// Fold says how to fold a BatchNormalization that one model has and the other has not,
	// where that is the reason and where it can be folded.
	Fold *Fold
	// Unused says that no operator takes B.
	Unused bool
	// Unlike says that B has the part of A, while neither its name nor its elements say so,
	// in models that are relatives: another head, or weights that were exchanged.
	Unlike bool
	// Displaced says that A and B have the same name, shape and operator, and that something
	// else leads to it, such as a normalisation that one model has more.
	Displaced bool
	// Resized says that A and B have the same name and part and another shape: a head with
	// another number of classes, or a table made for another size of the input.
	Resized bool
}

// Alignment says what each tensor of two models is in the other.
type Alignment struct {
	Pairs     []Pair     // in the order of B
	Conflicts []Conflict // in the order of B
	Folds     []*Fold    // that conflicts are about
	OnlyA     []*onnx.Tensor
	OnlyB     []*onnx.Tensor
}
