// Package method merges weights: one registered [Method] a file.
//
// A Method prepares one tensor at a time. It returns a [Mixer], whose [Mix] computes merged elements from the same
// elements of all models, block by block, in any order and concurrently. The caller decodes stored elements to float64
// before and rounds the result once to the stored dtype afterwards. Numbers that a method needs before the first block,
// such as norms and thresholds, come from [Tensor.Scan].
//
// Models are in the user's order: the pre-trained model, which methods of task vectors call the base, is the first; the
// fine-tuned model whose file is written is the last. tau_i = theta_i - base is the task vector of model i.
//
// [Register] adds a method from another program. METHODS.md is generated from the registry.
//
// # Blocks, scans and memory
//
// A scan reads the tensor once, in fixed stretches of 256 Ki elements, and returns their parts in order, so that sums
// are the same for any number of workers. Norms and angles come from the Gram matrix of the models: the result of every
// method of arcs and medians is a weighted sum of the models. Rows and slices are merged as a whole; only methods of
// singular values hold a whole tensor of every model as float64. [Class] states which of these a method needs.
//
// TIES as published trims all weights of a model with one threshold. [Method.Survey] therefore scans all tensors
// together before the first is merged.
//
// # Thresholds are exact
//
// Thresholds by rank come from a radix selection over the bits of float32 magnitudes (float64 for float64 tensors): two
// scans (four for float64) and 256 KiB for each model. Of equal magnitudes all are kept or none, because the result
// must not depend on which of them a sort places first.
//
// # Random masks are keyed
//
// Random masks come from Philox4x64-10, keyed by seed, tensor ID, model and element index, so that they do not depend
// on the number of workers, the order of tensors or the layout of files.
//
// # Exact arithmetic
//
// Arithmetic is float64. Products are rounded before sums on every processor, which excludes fused multiply-add.
// Where a parameter makes the result equal to one model (alpha 0 or 1), its bytes are copied. A result that is not
// finite although its sources are is an error of the caller's.
//
// # Running statistics are weights
//
// Every method merges running statistics as it merges weights, as mergekit does; MergeLM, the code of DARE's authors,
// has parameters only in its task vectors. Dropping and scaling up can take a running variance below 0, so that a
// warning of the plan names the parameter to set ([Method.Rescales]); the default is the reference's. Measured on
// ModelNet10 with 32 points: dare_ties of the pointnet pair reaches an accuracy of .11 (chance), and .83 with
// normalisations merged without dropping; of the pointssl pair .11 and .81.
//
// # Fisher information
//
// A diagonal Fisher information is given as an ONNX file: the model with other values. Its names, transposes and data
// files are then paired by the same rules as a model's.
//
// # Proof and speed
//
// A test compares every method with the results of reference implementations in float32, and with a formula in numpy's
// float64. METHODS.md lists every deliberate difference.
//
// linear has a loop over stored bytes ([Mixer.Direct]). All other methods see blocks of float64, whose decoding and
// encoding is written in SSE2, because it took a third of a merge of float32 in Go; see package kernel. In merges of
// two models nearswap runs at 0.9 and ram at 0.95 of linear's speed (scripts/bench/methods.py --against linear).
package method
