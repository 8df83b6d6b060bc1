package fit

import (
	"context"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
)

// PathOptions has the values of C to choose from and the validation samples. Exactly one of Folds and Val is set.
// Test data must not be among them.
type PathOptions struct {
	Cs    []float64    // tried in rising order; equal values once
	Folds int          // number of stratified folds of a cross-validation, at least 2
	Seed  uint64       // of the folds
	Val   *feature.Set // validation data, instead of folds
}

// PathPoint describes one value of C on a path.
type PathPoint struct {
	C float64 `json:"C"`
	// Accuracy is the share of correct answers on the samples that were held out, over all folds.
	Accuracy   float64 `json:"accuracy"`
	Iterations int     `json:"iterations"` // sum over the folds
	Converged  bool    `json:"converged"`
}

// PathResult is the result of [Path].
type PathResult struct {
	Classifier *Classifier
	Report     Report      // of the fit of Classifier
	Points     []PathPoint // one per value of C, rising
}

// Path fits a classifier for every value of C, each started from the optima of smaller values, and chooses the C with
// the highest accuracy on samples that were held out; of equal ones the smallest. The classifier returned is fitted
// on all of f with that C.
func Path(ctx context.Context, f *feature.Set, opt Options, path PathOptions) (*PathResult, error) {
	if err := path.check(f, opt); err != nil {
		return nil, err
	}
	// The classifiers of all folds have the same classes, even if a fold has no sample of the last class.
	named, err := withClassNames(f)
	if err != nil {
		return nil, err
	}
	cs := slices.Compact(slices.Sorted(slices.Values(path.Cs)))
	points, right, total := make([]PathPoint, len(cs)), make([]int, len(cs)), 0
	for i, c := range cs {
		points[i] = PathPoint{C: c, Converged: true}
	}
	var starts []*Classifier
	for fold := range path.folds() {
		train, held := path.split(named, fold)
		total += held.Len()
		starts = starts[:0]
		err := fitAll(ctx, train, opt, cs, func(i int, cl *Classifier, sol *solution) error {
			n, err := cl.right(held)
			right[i] += n
			points[i].Iterations += sol.iterations
			points[i].Converged = points[i].Converged && sol.converged
			starts = append(starts, cl)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	best := 0
	for i := range cs {
		points[i].Accuracy = float64(right[i]) / float64(total)
		if right[i] > right[best] {
			best = i
		}
	}
	opt.C, opt.Init = cs[best], starts[best]
	cl, report, err := Fit(ctx, named, opt)
	if err != nil {
		return nil, err
	}
	return &PathResult{cl, report, points}, nil
}

// fitAll fits with every value of C, which must rise, and calls visit after each fit.
func fitAll(
	ctx context.Context, f *feature.Set, opt Options, cs []float64, visit func(i int, cl *Classifier, sol *solution) error,
) error {
	opt.C = cs[0]
	solver, err := opt.complete()
	if err != nil {
		return err
	}
	p, classes, err := newProblem(ctx, f, opt)
	if err != nil {
		return err
	}
	p.path = &pathState{}
	for i, c := range cs {
		p.setC(c)
		sol, err := solver.solve(ctx, p)
		if err != nil {
			return err
		}
		if p.init, err = p.fold(sol, classes); err != nil {
			return err
		}
		if err := visit(i, p.init, sol); err != nil {
			return err
		}
	}
	return nil
}

// withClassNames returns f with a name for every class.
func withClassNames(f *feature.Set) (*feature.Set, error) {
	if err := feature.Check(f); err != nil {
		return nil, err
	}
	names, err := classNames(f)
	if err != nil {
		return nil, err
	}
	named := *f
	named.Meta.Data.Classes = names
	return &named, nil
}

func (o PathOptions) check(f *feature.Set, opt Options) error {
	if len(o.Cs) == 0 {
		return fault.Usagef("a path needs values of C")
	}
	for _, opt.C = range o.Cs {
		if opt.C == 0 {
			return fault.Usagef("option C is 0, must be greater than 0")
		}
		if _, err := opt.complete(); err != nil {
			return err
		}
	}
	if (o.Val == nil) == (o.Folds == 0) {
		return fault.Usagef("a path needs either folds or validation data")
	}
	if o.Val != nil && o.Val.Dim != f.Dim {
		return fault.Inputf("%s: dimension %d, but the training data has %d", feature.Name(o.Val), o.Val.Dim, f.Dim)
	}
	if o.Val == nil && (o.Folds < 2 || o.Folds > f.Len()) {
		return fault.Inputf("%s: %d folds of %d samples; there must be at least 2 folds, and a sample for each",
			feature.Name(f), o.Folds, f.Len())
	}
	return nil
}

func (o PathOptions) folds() int { return max(1, o.Folds) }

// split returns the rows that a fold is fitted on and the rows that are held out.
func (o PathOptions) split(f *feature.Set, fold int) (train, held *feature.Set) {
	if o.Val != nil {
		return f, o.Val
	}
	return feature.SplitFold(f, o.Folds, fold, o.Seed)
}

// right returns the number of samples that are classified correctly. A sample of a class that the classifier does not
// have counts as wrong.
func (cl *Classifier) right(f *feature.Set) (int, error) {
	if err := feature.Check(f); err != nil {
		return 0, err
	}
	scores, pred := make([]float64, f.Len()*len(cl.Classes)), make([]int64, f.Len())
	cl.Scores(scores, f.X, f.Len())
	cl.Predict(pred, scores)
	n := 0
	for i, c := range pred {
		if c == f.Y[i] {
			n++
		}
	}
	return n, nil
}
