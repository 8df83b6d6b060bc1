// Package fit trains classifiers on features to their optimum.
//
// [Fit] fits one classifier with a [Solver], [Path] one for every value of C, and chooses. A [Classifier] scores
// features and is stored as an NPZ file. All but knn are a list of layers (affine map, activation), so that they can be
// attached to a model: a linear probe has one layer, svc-ovo two with a step between, an mlp has its BatchNorms folded
// in.
//
// # Passes
//
// One pass over the rows gives value and gradient: blocks of 64 rows are converted to float64, centred and scaled while
// they are in the cache, multiplied with the weights, turned into residuals, and added to the gradient. Features stay
// float32, in memory or in their file. The sums of 16 chunks are added in a fixed order, so that the number of workers
// never changes a bit; another processor's results may differ in the last bits. Of large problems, logistic makes its
// passes in single precision until it is near the optimum, and refines it in double precision. An mlp is trained in
// single precision.
//
// # Solvers
//
//   - logistic: L-BFGS with a preconditioner, Newton's method for few parameters (internal/lbfgs)
//   - svc-ovr: squared hinge by Newton's method, class by class (internal/hinge)
//   - svc-ovo: hinge by the method of multipliers until the duality gap is Tol^2 of the objective (internal/hinge)
//   - ridge: closed form
//   - mlp: Adam (internal/mlp); knn: nothing is minimised
//
// A solver is added by one file that registers it.
//
// # Paths
//
// Each fit of a path starts where a parabola in log C through the last three optima points to. It reuses the last fit's
// L-BFGS steps, whose gradients are scaled by the change of curvature at the intercepts, and its preconditioner unless
// the curvature changed by more than a factor of 1.3. With 45 values of C and 10,000 x 768 x 40 features, to 1e-6 of
// each optimum, iterations and preconditioners were 906 and 123 when each fit started at the optimum before, 251 and 76
// with a line through two optima, 298 and 81 with the parabola alone, 179 and 61 with steps carried over, 171 and 34
// with all, 151 iterations with sharp rows in the preconditioner, too. On a path, ridge computes the products of the
// rows once.
//
// # Accuracy
//
// On 20 data sets of 2 to 1,000 classes logistic ends within 6e-12 of the optimum (scripts/bench/probe_optimum.py).
// scripts/bench/README.md has the times compared with scikit-learn.
package fit
