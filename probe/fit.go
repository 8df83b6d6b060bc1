package probe

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/floats"
)

// FitOptions says how to fit a classifier. Zero values are the defaults.
type FitOptions struct {
	Solver string  // a registered name; "" = "logistic"
	C      float64 // weight of the loss against the penalty, > 0; 0 = 1
	// Standardize scales every feature to mean 0 and deviation 1 before the fit, so
	// that the penalty counts all features alike. The scaling is folded back into the
	// classifier, which takes plain features.
	Standardize bool
	// Init is where the solver starts, for the same features and classes; nil = zero.
	// The optimum does not depend on it.
	Init    *Classifier
	MaxIter int     // 0 = 1,000
	Tol     float64 // relative gradient norm at which to stop, > 0; 0 = 1e-6; see the solver
	Workers int     // goroutines; 0 = GOMAXPROCS. The result does not depend on it.
}

// FitReport says how a fit went.
type FitReport struct {
	Solver        string  `json:"solver"`
	C             float64 `json:"C"`
	Standardize   bool    `json:"standardize,omitempty"`
	N             int     `json:"n"`
	Dim           int     `json:"dim"`
	Classes       int     `json:"classes"`
	Unseen        []int   `json:"unseen,omitempty"` // classes without a training sample
	Objective     float64 `json:"objective"`
	GradientNorm  float64 `json:"gradient_norm"` // Euclidean, at the classifier returned
	Tol           float64 `json:"tol"`
	Iterations    int     `json:"iterations"`
	Converged     bool    `json:"converged"`
	TrainAccuracy float64 `json:"train_accuracy"`
	Seconds       float64 `json:"seconds"`
}

// training is what a solver gets: dense features and labels without gaps. x belongs to
// the solver, which may change it.
type training struct {
	x       []float64 // n x d
	y       []int     // 0 to k-1, each at least once
	n, d, k int
	c, tol  float64
	maxIter int
	workers int

	initW, initB []float64 // k x d and k, or nil
}

// solution is what a solver finds, in the space of training.x as it was given.
type solution struct {
	w, b         []float64
	objective    float64
	gradientNorm float64
	iterations   int
	converged    bool
}

// Fit trains a linear classifier on labelled features.
//
// The classes are those that the features name, and at least as many as the labels
// need. A class without a training sample takes no part in the fit: its weights are
// zero and its intercept is [UnseenBias], the limit that the optimum runs to, so that
// it is never predicted. At least two classes need samples.
//
// A fit that does not meet the tolerance within MaxIter iterations is no error: the
// report says so. ctx ends a fit early with its error.
func Fit(ctx context.Context, f *Features, opt FitOptions) (*Classifier, FitReport, error) {
	start := time.Now()
	solver, err := opt.complete()
	if err != nil {
		return nil, FitReport{}, err
	}
	if err := f.check(); err != nil {
		return nil, FitReport{}, err
	}
	classes, err := classNames(f)
	if err != nil {
		return nil, FitReport{}, err
	}
	seen, unseen := seenClasses(f.Y, len(classes))
	if len(seen) < 2 {
		return nil, FitReport{}, InputErrorf("%s: all %d samples are of class %s; a probe needs two classes",
			f.name(), f.Len(), classes[seen[0]])
	}
	t := newTraining(f, seen, opt)
	scale := identityScaling(f.Dim)
	if opt.Standardize {
		scale = standardize(t)
	}
	if opt.Init != nil {
		if err := opt.Init.checkFits(f.Dim, len(classes)); err != nil {
			return nil, FitReport{}, fmt.Errorf("initial classifier: %w", err)
		}
		t.initW, t.initB = scale.unfold(opt.Init, seen)
	}
	sol, err := solver.fit(ctx, t)
	if err != nil {
		return nil, FitReport{}, err
	}
	cl := scale.fold(sol, seen, classes)
	cl.Meta = ClassifierMeta{
		Schema: classifierSchema, Tensor: f.Meta.Tensor, Features: f.Meta,
		Solver: solver.Name, C: opt.C, Standardize: opt.Standardize, Unseen: unseen,
	}
	report := FitReport{
		Solver: solver.Name, C: opt.C, Standardize: opt.Standardize,
		N: f.Len(), Dim: f.Dim, Classes: len(classes), Unseen: unseen,
		Objective: sol.objective, GradientNorm: sol.gradientNorm, Tol: opt.Tol,
		Iterations: sol.iterations, Converged: sol.converged,
		TrainAccuracy: cl.accuracy(f), Seconds: time.Since(start).Seconds(),
	}
	return cl, report, nil
}

// complete fills in the defaults and looks up the solver.
func (o *FitOptions) complete() (Solver, error) {
	if o.Solver == "" {
		o.Solver = "logistic"
	}
	solver, ok := LookupSolver(o.Solver)
	if !ok {
		return Solver{}, fmt.Errorf("unknown solver %q; there are %v", o.Solver, SolverNames())
	}
	if o.C == 0 {
		o.C = 1
	}
	if !(o.C > 0) || math.IsInf(o.C, 0) {
		return Solver{}, fmt.Errorf("option C is %v, must be greater than 0", o.C)
	}
	if o.MaxIter == 0 {
		o.MaxIter = 1000
	}
	if o.Tol == 0 {
		o.Tol = 1e-6
	}
	if o.MaxIter < 0 || !(o.Tol > 0) || o.Workers < 0 {
		return Solver{}, fmt.Errorf("iterations %d, tolerance %v and workers %d must be positive", o.MaxIter, o.Tol, o.Workers)
	}
	return solver, nil
}

// classNames returns one name per class, numbers where the data has no names.
func classNames(f *Features) ([]string, error) {
	names := slices.Clone(f.Meta.Data.Classes)
	for i, label := range f.Y {
		if label < 0 {
			return nil, InputErrorf("%s: sample %d has no label (%d); a probe needs labels from 0", f.name(), i, label)
		}
	}
	top := slices.Max(f.Y)
	if top >= maxClasses {
		return nil, InputErrorf("%s: label %d is beyond the %d classes that a probe can have", f.name(), top, maxClasses)
	}
	for c := int64(len(names)); c <= top; c++ {
		names = append(names, fmt.Sprint(c))
	}
	return names, nil
}

// maxClasses bounds what a single wild label can make us allocate. ImageNet-21k, the
// largest label set in use, has 21,841.
const maxClasses = 1 << 16

func seenClasses(y []int64, classes int) (seen, unseen []int) {
	has := make([]bool, classes)
	for _, label := range y {
		has[label] = true
	}
	for c, ok := range has {
		if ok {
			seen = append(seen, c)
			continue
		}
		unseen = append(unseen, c)
	}
	return seen, unseen
}

func newTraining(f *Features, seen []int, opt FitOptions) *training {
	t := &training{
		x: make([]float64, len(f.X)), y: make([]int, f.Len()), n: f.Len(), d: f.Dim, k: len(seen),
		c: opt.C, tol: opt.Tol, maxIter: opt.MaxIter, workers: opt.Workers,
	}
	for i, v := range f.X {
		t.x[i] = float64(v)
	}
	for i, label := range f.Y {
		t.y[i], _ = slices.BinarySearch(seen, int(label))
	}
	return t
}

// scaling maps a feature x to (x - mean) / dev.
type scaling struct{ mean, dev []float64 }

func identityScaling(d int) scaling {
	s := scaling{mean: make([]float64, d), dev: make([]float64, d)}
	floats.AddConst(1, s.dev)
	return s
}

// standardize scales the features to mean 0 and deviation 1 in place. A constant
// feature becomes 0.
func standardize(t *training) scaling {
	s := scaling{mean: center(t), dev: make([]float64, t.d)}
	for i := range t.n {
		for j, v := range t.x[i*t.d : (i+1)*t.d] {
			s.dev[j] += v * v
		}
	}
	for j, v := range s.dev {
		s.dev[j] = math.Sqrt(v / float64(t.n))
		// What is left of a constant feature after subtracting its mean is rounding.
		if s.dev[j] <= 1e-12*math.Abs(s.mean[j]) {
			s.dev[j] = 1
		}
	}
	for i := range t.n {
		floats.Div(t.x[i*t.d:(i+1)*t.d], s.dev)
	}
	return s
}

// fold makes a classifier of plain features from a solution on scaled ones.
func (s scaling) fold(sol *solution, seen []int, classes []string) *Classifier {
	d := len(s.mean)
	cl := &Classifier{
		W: make([]float32, len(classes)*d), B: make([]float32, len(classes)), Dim: d, Classes: classes,
	}
	for c := range cl.B {
		cl.B[c] = UnseenBias
	}
	for i, c := range seen {
		b := sol.b[i]
		for j, w := range sol.w[i*d : (i+1)*d] {
			w /= s.dev[j]
			cl.W[c*d+j] = float32(w)
			b -= w * s.mean[j]
		}
		cl.B[c] = float32(b)
	}
	return cl
}

// unfold returns the parameters of the seen classes on scaled features.
func (s scaling) unfold(cl *Classifier, seen []int) (w, b []float64) {
	d := len(s.mean)
	w, b = make([]float64, len(seen)*d), make([]float64, len(seen))
	for i, c := range seen {
		if cl.B[c] == UnseenBias {
			continue
		}
		b[i] = float64(cl.B[c])
		for j := range d {
			v := float64(cl.W[c*d+j])
			w[i*d+j] = v * s.dev[j]
			b[i] += v * s.mean[j]
		}
	}
	return w, b
}
