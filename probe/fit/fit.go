package fit

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/scaled"
)

// The values of Options whose fields are zero.
const (
	DefaultSolver    = "logistic"
	DefaultC         = 1.0
	DefaultTol       = 1e-6
	DefaultMaxIter   = 1000
	DefaultNeighbors = 5   // of knn
	DefaultWidth     = 256 // of the one hidden layer of mlp
	DefaultEpochs    = 100 // of mlp
)

// Options sets how a classifier is fitted. Zero values are the defaults. Its JSON is part of run folders and of the
// keys of their units; fields that do not change the classifier are left out of it.
type Options struct {
	Solver string  `json:"solver"` // a registered name; "" = DefaultSolver
	C      float64 `json:"C"`      // weight of the loss against the penalty, > 0; 0 = DefaultC
	// Standardize scales every feature to mean 0 and standard deviation 1 before the fit, so that the penalty treats
	// all features alike. The scaling is folded into the classifier, which takes features as they are.
	Standardize bool `json:"standardize"`
	// Init is where the solver starts, a classifier for the same features and classes; nil = zero. The optimum does
	// not depend on it, except for mlp, which has many. Solvers with an empty [Solver.Start] ignore it: ridge is a
	// closed form, and knn keeps its samples.
	Init *Classifier `json:"-"`
	// Balanced weights the loss of every class by n / (k n_c), with n_c of n samples in the class, so that all k
	// classes count alike.
	Balanced bool `json:"balanced,omitempty"`
	// ClassWeights are further factors, one per class, > 0; nil = 1.
	ClassWeights []float64 `json:"class_weights,omitempty"`

	Neighbors int     `json:"neighbors,omitempty"` // of knn; 0 = DefaultNeighbors
	Hidden    []int   `json:"hidden,omitempty"`    // sizes of the hidden layers of mlp; nil = one of DefaultWidth
	Dropout   float64 `json:"dropout,omitempty"`   // of mlp, in [0, 1); 0 = none
	Epochs    int     `json:"epochs,omitempty"`    // passes of mlp over the rows; 0 = DefaultEpochs
	Seed      uint64  `json:"seed,omitempty"`      // of mlp: initial weights, order of the rows, dropout

	MaxIter int     `json:"max_iter,omitempty"` // 0 = DefaultMaxIter
	Tol     float64 `json:"tol,omitempty"`      // relative gradient norm at which a solver stops, > 0; 0 = DefaultTol
	Workers int     `json:"-"`                  // goroutines; 0 = GOMAXPROCS. The result does not depend on it.
}

// Report describes a fit.
type Report struct {
	Solver        string  `json:"solver"`
	C             float64 `json:"C"`
	Standardize   bool    `json:"standardize,omitempty"`
	N             int     `json:"n"`
	Dim           int     `json:"dim"`
	Classes       int     `json:"classes"`
	Unseen        []int   `json:"unseen,omitempty"` // classes without a training sample
	Objective     float64 `json:"objective"`
	GradientNorm  float64 `json:"gradient_norm"` // Euclidean; svc-ovo: the largest violation; 0 for knn and mlp
	Tol           float64 `json:"tol"`
	Iterations    int     `json:"iterations"`
	Converged     bool    `json:"converged"`
	TrainAccuracy float64 `json:"train_accuracy"`
	Seconds       float64 `json:"seconds"`
}

// Fit trains a classifier on labelled features, in memory or block by block from a file.
//
// The classes are those that the features name, and at least as many as the labels need. A class without a training
// sample is left out of the fit: its weights are zero and its intercept is [UnseenBias], the limit that the optimum
// tends to, so that it is never predicted. At least two classes need samples.
//
// A fit that does not meet the tolerance within MaxIter iterations is not an error; see [Report.Converged]. Fit
// returns ctx's error soon after ctx ends.
func Fit(ctx context.Context, t feature.Table, opt Options) (*Classifier, Report, error) {
	start := time.Now()
	solver, err := opt.complete()
	if err != nil {
		return nil, Report{}, err
	}
	p, classes, err := newProblem(ctx, t, opt)
	if err != nil {
		return nil, Report{}, err
	}
	sol, err := solver.solve(ctx, p)
	if err != nil {
		return nil, Report{}, err
	}
	unseen := missing(p.seen, len(classes))
	cl, err := p.fold(sol, classes)
	if err != nil {
		return nil, Report{}, err
	}
	cl.Meta = Meta{
		Schema: classifierSchema, Tensor: t.Info().Tensor, Features: t.Info(),
		Solver: solver.Name, C: opt.C, Standardize: opt.Standardize, Unseen: unseen,
	}
	if err := p.addMean(ctx, cl); err != nil {
		return nil, Report{}, err
	}
	accuracy, err := cl.accuracy(t)
	if err != nil {
		return nil, Report{}, err
	}
	report := Report{
		Solver: solver.Name, C: opt.C, Standardize: opt.Standardize,
		N: p.N, Dim: p.D, Classes: len(classes), Unseen: unseen,
		Objective: sol.objective, GradientNorm: sol.gradientNorm, Tol: opt.Tol,
		Iterations: sol.iterations, Converged: sol.converged,
		TrainAccuracy: accuracy, Seconds: time.Since(start).Seconds(),
	}
	return cl, report, nil
}

// newProblem checks the rows and prepares them for a solver. It returns the names of all classes, too.
func newProblem(ctx context.Context, t feature.Table, opt Options) (*problem, []string, error) {
	if err := feature.Check(t); err != nil {
		return nil, nil, err
	}
	y := t.Labels()
	classes, err := classNames(t)
	if err != nil {
		return nil, nil, err
	}
	seen := seenClasses(y, len(classes))
	if len(seen) < 2 {
		return nil, nil, fault.Inputf("%s: all %d samples are of class %s; a probe needs two classes",
			feature.Name(t), t.Len(), classes[seen[0]])
	}
	if err := checkClassWeights(opt.ClassWeights, len(classes)); err != nil {
		return nil, nil, err
	}
	p := &problem{
		Problem: &scaled.Problem{Rows: scaled.New(t, opt.Workers), Y: make([]int, len(y)), K: len(seen),
			Tol: opt.Tol, MaxIter: opt.MaxIter},
		seen: seen, opt: opt, init: opt.Init,
	}
	for i, label := range y {
		p.Y[i], _ = slices.BinarySearch(seen, int(label))
	}
	p.setC(opt.C)
	if p.init != nil {
		if err := p.init.checkFits(p.D, len(classes)); err != nil {
			return nil, nil, fault.Mismatchf("initial classifier: %w", err)
		}
	}
	if opt.Standardize {
		if err := p.Center(ctx); err != nil {
			return nil, nil, err
		}
		if err := p.Standardize(ctx); err != nil {
			return nil, nil, err
		}
	}
	return p, classes, nil
}

func checkClassWeights(weights []float64, classes int) error {
	if weights == nil {
		return nil
	}
	if len(weights) != classes {
		return fault.Inputf("%d class weights for %d classes", len(weights), classes)
	}
	for c, w := range weights {
		if !(w > 0) || math.IsInf(w, 0) {
			return fault.Inputf("weight of class %d is %v, must be greater than 0", c, w)
		}
	}
	return nil
}

// complete sets the defaults, checks the options and returns the solver.
func (o *Options) complete() (Solver, error) {
	if o.Solver == "" {
		o.Solver = DefaultSolver
	}
	solver, err := LookupSolver(o.Solver)
	if err != nil {
		return Solver{}, err
	}
	if o.C == 0 {
		o.C = DefaultC
	}
	if !(o.C > 0) || math.IsInf(o.C, 0) {
		return Solver{}, fault.Usagef("option C is %v, must be greater than 0", o.C)
	}
	if o.MaxIter == 0 {
		o.MaxIter = DefaultMaxIter
	}
	if o.Neighbors == 0 {
		o.Neighbors = DefaultNeighbors
	}
	if o.Tol == 0 {
		o.Tol = DefaultTol
	}
	if o.Neighbors < 0 || o.Epochs < 0 || !(o.Dropout >= 0 && o.Dropout < 1) {
		return Solver{}, fault.Usagef("neighbours %d, epochs %d and dropout %v must not be negative, dropout below 1",
			o.Neighbors, o.Epochs, o.Dropout)
	}
	if o.MaxIter < 0 || !(o.Tol > 0) || o.Workers < 0 {
		return Solver{}, fault.Usagef("iterations %d, tolerance %v and workers %d must be positive", o.MaxIter,
			o.Tol, o.Workers)
	}
	return solver, nil
}

// classNames returns one name per class: that of the data, or the number of the class.
func classNames(t feature.Table) ([]string, error) {
	names := slices.Clone(t.Info().Data.Classes)
	for i, label := range t.Labels() {
		if label < 0 {
			return nil, fault.Inputf("%s: sample %d has no label (%d); a probe needs labels from 0", feature.Name(t), i, label)
		}
	}
	top := slices.Max(t.Labels())
	if top >= maxClasses {
		return nil, fault.Inputf("%s: label %d is beyond the %d classes that a probe can have", feature.Name(t),
			top, maxClasses)
	}
	for c := int64(len(names)); c <= top; c++ {
		names = append(names, fmt.Sprint(c))
	}
	return names, nil
}

// maxClasses bounds the memory that a single wrong label could take. ImageNet-21k, the largest label set in use, has
// 21,841 classes.
const maxClasses = 1 << 16

// seenClasses returns the classes that have samples, in order.
func seenClasses(y []int64, classes int) []int {
	has := make([]bool, classes)
	for _, label := range y {
		has[label] = true
	}
	var seen []int
	for c, ok := range has {
		if ok {
			seen = append(seen, c)
		}
	}
	return seen
}

// missing returns the classes that are not among seen.
func missing(seen []int, classes int) []int {
	var unseen []int
	for c := range classes {
		if _, ok := slices.BinarySearch(seen, c); !ok {
			unseen = append(unseen, c)
		}
	}
	return unseen
}
