// Package onnxmerge merges the weights of ONNX models.
//
// [NewPlan] decides for every tensor of the fine-tuned model whether it is merged, copied or refused, with the reason,
// before anything is written. [Write] executes the plan: the fine-tuned file byte for byte, with the payloads of the
// merged tensors replaced. [Verify] compares a model with what a plan would write, and [Diff] measures the distance of
// paired weights. The convention everywhere is
//
//	theta(alpha) = (1 - alpha) * PRETRAINED + alpha * FINETUNED
//
// # Two models and more
//
// Every model is paired with the last one, whose file is written, by the rules of package pair. A tensor is merged if
// all models have it, copied from the last one if a model lacks it, and refused if its pair with one model is refused.
// Fisher informations are paired in the same way, by structure and names only, because their values are not weights.
//
// # Backbone and head
//
// The head is every operator that takes weights of the fine-tuned model only and from which no merged weight is
// reached. A weight whose shape differs (another number of classes), or whose values are unrelated, is copied if it
// belongs to the head, and refused elsewhere. The backbone value that the head consumes is the features, unless
// [Options].BackboneOutput names another.
//
// # Transposed weights
//
// If the two files store the axes of a weight in different orders, the pre-trained weight is read in the order of the
// fine-tuned file. It is held in memory for that, and refused beyond a quarter of the memory limit.
//
// # Folded BatchNormalizations
//
// Exporters fold a BatchNormalization into the weights before it:
//
//	W' = s W,  bias' = s (bias - mean) + shift,  s = scale / sqrt(variance + epsilon)
//
// If only one model is folded, [Options].FoldNorms folds the other one in memory. If the pre-trained model has the
// BatchNormalization, W' and bias' replace its weights. If the fine-tuned model has it, its file keeps it, and the
// folded weights are unfolded through it: s, mean and the layer's own bias are copied, W'/s is merged with its weight
// and bias' + s (mean - bias) with its shift. Folding the result gives the merge of both folded models; a test compares
// the three ways, and shows that merging folded weights differs from folding merged weights.
//
// # Quantised weights
//
// The integers, scale and zero point of a quantised weight are not averaged, because each has a meaning only together
// with the others. The operators that take them (DequantizeLinear, QLinearConv and the like) identify them. They are
// copied if they are equal in both models, and refused otherwise.
//
// # Running statistics
//
// Methods merge running means and variances as they merge weights; package method gives the reason and what it costs.
// A variance below 0 is replaced by 0 and reported in [Result].Clamped.
//
// # Depth
//
// Parameters may depend on a tensor's depth in the model: the number of layers (operators with a weight of two axes or
// more) on the longest path from the input. Exporters agree on these, and not on names. The last merged layer has
// depth 1.
//
// # Exact results
//
// Arithmetic is float64 with one rounding to the stored dtype. Products are rounded before sums on every processor.
// Alpha 0 and 1 copy bytes. Blocks are written in order, and scans return their parts in order, so that the result does
// not depend on the number of workers. A result that is not finite although its sources are is an [OverflowError].
//
// # Provenance
//
// A merged model contains its recipe and the hashes of its inputs as the last metadata property of the file, where all
// hashes are known. Inputs are hashed while they are read for the merge, models with SHA-256, data files and
// checkpoints with XXH3-128; package onnx has the measurements behind that choice.
//
// # Memory
//
// Payloads are read and written in blocks of 256 KiB; see [Options].Memory for the limit. Models must stay open as long
// as a plan of theirs is in use. A [Plan] is safe for concurrent use.
package onnxmerge
