// Package mapping finds which tensors of a checkpoint the weights of an ONNX model were made from, and proves it by
// their values.
//
// [Find] takes an ONNX model and the checkpoint from which it was exported. For every floating-point tensor of the
// model it finds an [Expression] over tensors of the checkpoint: a tensor itself, transposed, reshaped, sliced, joined
// from parts (fused projections, gates of recurrent layers in another order), converted to another type, scaled by a
// constant, or with a BatchNormalization folded in. Evaluated on another checkpoint of the same network, the
// expressions give the weights that an export of that checkpoint would have; see [Mapping.Bind].
//
// # Proof
//
// A tensor of the checkpoint, in any order of its axes, is a candidate if some elements at pseudo-random places, a few hundred
// bytes, are those of the model's tensor there. Parts of tensors are found by signatures: the sum modulo 2^64 of a hash of each
// element's bits after the conversion of types. It does not depend on the order of elements, and the signature of a joined tensor
// is the sum of those of its parts. Signatures are computed only if a tensor of the model is none of the checkpoint: that
// reads the checkpoint once more. A candidate counts only if its expression gives the elements of the model's tensor exactly, bit
// for bit.
// Folded and scaled weights, which exporters compute in float32, must be within 4 units in the last place of the
// largest term of the sum: biases cancel, so that a bound relative to the result would refuse correct ones.
//
// # Equal tensors
//
// Tensors of equal values, such as weights of normalisations before training, are settled by equal names behind one
// common prefix, where names are kept, then by their use: the operand slot, and the layer that the operands beside it
// belong to. Otherwise they are open: they count if the candidates are equal in the other checkpoint too, and are
// refused if not. Exporters share tensors that are equal; where the other checkpoint has different ones, the written
// model has a tensor for each use. A name that tensors of several branches of an If have settles nothing. All ways to join a
// tensor are candidates, or to take it from rows of one; rows are compared with a tensor that equals one of the checkpoint only if
// all its elements are numbers of few digits, since it would read all of the checkpoint for each model.
//
// # Constants
//
// A tensor that no expression explains is kept only if its values are those of a formula: numbers of few digits, roots
// and reciprocals of integers, arithmetic and geometric progressions, and what is computed from them by sine and
// cosine. All others are refused. A constant of equal elements, or joined of such ones, is refused if a tensor of the checkpoint has such
// ones, too, in all or some of its rows, has no place in the model, and has others in the other checkpoint. A single number is
// compared with whole tensors alone. Equal elements between joined parts are such a constant, of four elements and more; with fewer
// the tensor is refused.
//
// # Memory
//
// Tensors that are compared, moved, converted and written are read in parts, within [Limits]. One whose elements are needed in another
// order, such as a transposed matrix, is read into memory in the order of its file if a quarter of the limit suffices, and in columns
// if not, which takes twice the processor's time. Two such tensors are held at a time. Held as a whole during the search
// are tensors that are sliced, joined, repeated, scaled or folded, and those of the checkpoint that they are compared with; for
// [Mapping.Invert], tensors that are put together from parts.
package mapping
