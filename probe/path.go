package probe

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// PathOptions says between which values of C to choose, and by what. Exactly one of
// Folds and Val is set. Test data has no part in it.
type PathOptions struct {
	Cs    []float64 // tried in rising order, equal ones once
	Folds int       // cross-validation with so many stratified folds, at least 2
	Seed  uint64    // of the folds
	Val   *Features // validation data, instead of folds
}

// PathPoint is one value of C on a path.
type PathPoint struct {
	C float64 `json:"C"`
	// Accuracy is that of the samples that were held back, all folds together.
	Accuracy   float64 `json:"accuracy"`
	Iterations int     `json:"iterations"` // of all folds
	Converged  bool    `json:"converged"`
}

// FitPath fits a classifier for every value of C, each starting from what the smaller ones
// found, and chooses the one with the highest accuracy on samples that were held back; of
// equal ones the smallest C. The classifier returned is fitted on all of f with it.
func FitPath(ctx context.Context, f *Features, opt FitOptions, path PathOptions) (*Classifier, FitReport, []PathPoint, error) {
	if err := path.check(f, opt); err != nil {
		return nil, FitReport{}, nil, err
	}
	// A fold that misses the last class must know of it all the same.
	named, err := withClassNames(f)
	if err != nil {
		return nil, FitReport{}, nil, err
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
			return nil, FitReport{}, nil, err
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
	return cl, report, points, err
}

// fitAll fits with every value of C, which rise, and calls visit with the result of each.
func fitAll(
	ctx context.Context, f *Features, opt FitOptions, cs []float64, visit func(i int, cl *Classifier, sol *solution) error,
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
	p.trail = &trail{}
	for i, c := range cs {
		p.setC(c)
		sol, err := solver.fit(ctx, p)
		if err != nil {
			return err
		}
		p.init = p.fold(sol, classes)
		if err := visit(i, p.init, sol); err != nil {
			return err
		}
	}
	return nil
}

// withClassNames returns f with a name for every class.
func withClassNames(f *Features) (*Features, error) {
	if err := f.check(); err != nil {
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

func (o PathOptions) check(f *Features, opt FitOptions) error {
	if len(o.Cs) == 0 {
		return fmt.Errorf("a path needs values of C")
	}
	for _, opt.C = range o.Cs {
		if opt.C == 0 {
			return fmt.Errorf("option C is 0, must be greater than 0")
		}
		if _, err := opt.complete(); err != nil {
			return err
		}
	}
	if (o.Val == nil) == (o.Folds == 0) {
		return fmt.Errorf("a path needs either folds or validation data")
	}
	if o.Val != nil && o.Val.Dim != f.Dim {
		return InputErrorf("%s: dimension %d, but the training data has %d", o.Val.name(), o.Val.Dim, f.Dim)
	}
	if o.Val == nil && (o.Folds < 2 || o.Folds > f.Len()) {
		return InputErrorf("%s: %d folds of %d samples; there must be at least 2 folds, and a sample for each",
			f.name(), o.Folds, f.Len())
	}
	return nil
}

func (o PathOptions) folds() int { return max(1, o.Folds) }

// split returns what a fold is fitted on and what it holds back.
func (o PathOptions) split(f *Features, fold int) (train, held *Features) {
	if o.Val != nil {
		return f, o.Val
	}
	return SplitFold(f, o.Folds, fold, o.Seed)
}

// right returns how many samples are classified right. A sample of a class that the
// classifier does not know is wrong.
func (cl *Classifier) right(f *Features) (int, error) {
	if err := f.check(); err != nil {
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

// Folds assigns every sample to one of k folds, class by class, so that each fold has
// its share of every class within one sample. The result depends on labels and seed
// alone, so that the features of two models are split alike.
func Folds(y []int64, k int, seed uint64) []int {
	byLabel := map[int64][]int{}
	for i, label := range y {
		byLabel[label] = append(byLabel[label], i)
	}
	fold, next := make([]int, len(y)), 0
	for _, label := range slices.Sorted(maps.Keys(byLabel)) {
		class := byLabel[label]
		r := rand.New(rand.NewPCG(seed, uint64(label)))
		r.Shuffle(len(class), func(i, j int) { class[i], class[j] = class[j], class[i] })
		for _, i := range class {
			fold[i] = next % k
			next++
		}
	}
	return fold
}

// SplitFold returns copies of the samples outside and inside one of k folds.
func SplitFold(f *Features, k, fold int, seed uint64) (train, held *Features) {
	var in, out []int
	for i, at := range Folds(f.Y, k, seed) {
		if at == fold {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	why := fmt.Sprintf("fold %d of %d, seed %d", fold+1, k, seed)
	return f.Subset(out, "without "+why), f.Subset(in, why)
}
