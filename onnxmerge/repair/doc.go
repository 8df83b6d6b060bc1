// Package repair corrects activations after a merge (REPAIR: Jordan et al., ICLR 2023; the reset of running statistics
// is its simplest form).
//
// Statistics that are mixed do not fit the merged network, and deviations of activations shrink where the models
// respond differently. The package says what to measure and what to write; it runs nothing. A [Site] is a place of the
// written graph: a [Norm], whose running statistics are corrected, or in networks without any a [Linear] operator,
// whose weight and bias are. [Stages] divides sites by how many others they depend on: those of one stage are measured
// in one pass, and the correction of a stage comes before the next one is measured. [Stage.Change] is the part of the
// graph that such a pass computes: from values that an earlier stage has computed (carry) or from the model's inputs.
//
// For a Norm, per channel, with the coefficients c of the models (1-alpha and alpha), each model's measured moments m,
// s and stored ones r, v, and the merged network's measured mean mu and deviation sigma:
//
//	gm = sum c m, gs = sum c s, rm = sum c r, R = sum c sqrt(v + eps), q = sigma / gs
//	var  = max((R q)^2 - eps, 0)
//	mean = mu - (gm - rm) q
//
// and where the maximum is 0, the scale is multiplied by sqrt(var + eps) / (R q). So the merged output has the mixed
// deviation and mean of the models' outputs, and data that differ from the training data change nothing where the
// models agree, because the models' own moments on the same data cancel. Without eps the scale of a channel with a
// small variance would be wrong, by 11 % at R^2 = 10 eps and q = .5.
//
// For a Linear operator with output y the goal is the mixture itself: W is divided by q, and b becomes (b - mu) / q +
// gm.
//
// q is 1 for a channel that does not vary on the data, and is limited to [MinFactor] to [MaxFactor].
//
// In ONNX models the moments are computed inside the graph in float32, first the mean of a batch, then the deviations
// from it ([Stage.Change]); batches are joined in float64 ([Moments.Join]). Variances are those of the samples (divided
// by n, not n-1). Measured with a PointNet of 0.8 M parameters, 160 clouds of 512 points, two cores: a pass with
// moments of all norms takes 1.9 times a bare one by ReduceL2, 2.3 times by ReduceMean of squares.
package repair
