package protocol

import (
	"context"
	"fmt"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
	"gonum.org/v1/gonum/stat"
)

// frozenLimit is the limit of few-shot figures.
const frozenLimit = "frozen features: published tables fine-tune the whole model in every fold"

// FewShot is the name of the few-shot protocol.
const FewShot = "few-shot"

// Episodes are a k-way n-shot task: Way classes, Shot samples of each to fit on and Query to test on, drawn Folds
// times.
type Episodes struct{ Way, Shot, Query, Folds int }

func init() {
	p := Protocol{Name: FewShot, Doc: "5 or 10 classes with 10 or 20 samples each, in ten folds of the training data"}
	for _, way := range []int{5, 10} {
		for _, shot := range []int{10, 20} {
			p.Tasks = append(p.Tasks, drawn(Episodes{Way: way, Shot: shot, Query: 20, Folds: 10}))
		}
	}
	Register(p)
}

// drawn returns a task whose folds are drawn by the seed, alike for all features of the same samples.
func drawn(e Episodes) Task {
	name := fmt.Sprintf("%dway_%dshot", e.Way, e.Shot)
	options := struct {
		Episodes
		Fit fit.Options
	}{Episodes: e}
	fits := func(n Size) Fits {
		if n.Classes < e.Way {
			return Fits{}
		}
		return Fits{e.Folds, e.Way * e.Shot, e.Way, e.Way * e.Query, options.Fit}
	}
	return Task{Name: name, Head: fmt.Sprintf("%dw%ds", e.Way, e.Shot), Limit: frozenLimit, Options: options, Fits: fits,
		Measure: func(ctx context.Context, s Sets) (*Outcome, error) {
			if why := e.lacks(s.Train.Y); why != "" {
				return &Outcome{Skipped: why}, nil
			}
			episodes, err := feature.Episodes(s.Train.Y, e.Way, e.Shot, e.Query, e.Folds, s.Seed)
			if err != nil {
				return nil, err
			}
			out := &Outcome{N: e.Way * e.Query}
			for _, x := range episodes {
				accuracy, err := FoldAccuracy(ctx, s.Train.Subset(x.Train, "fitted on a fold"),
					s.Train.Subset(x.Test, "tested on a fold"), options.Fit)
				if err != nil {
					return nil, err
				}
				out.Folds = append(out.Folds, accuracy)
			}
			return out, nil
		}}
}

// lacks says why the tasks cannot be drawn; "" if they can.
func (e Episodes) lacks(y []int64) string {
	counts := map[int64]int{}
	for _, label := range y {
		counts[label]++
	}
	enough := 0
	for _, n := range counts {
		if n >= e.Shot+e.Query {
			enough++
		}
	}
	if enough >= e.Way {
		return ""
	}
	return fmt.Sprintf("%d classes with %d samples or more are needed, and there are %d", e.Way, e.Shot+e.Query, enough)
}

// FoldTask returns the task of published folds, which are named after their folder.
func FoldTask(name string) Task {
	options := struct{ Fit fit.Options }{}
	fits := func(n Size) Fits { return Fits{n.Folds, n.Train, n.Classes, n.Test, options.Fit} }
	return Task{Name: name, Head: name, Limit: frozenLimit, Options: options, Fits: fits,
		Measure: func(ctx context.Context, s Sets) (*Outcome, error) {
			out := &Outcome{}
			for _, fold := range s.Folds {
				accuracy, err := FoldAccuracy(ctx, fold.Train, fold.Test, options.Fit)
				if err != nil {
					return nil, err
				}
				out.Folds, out.N = append(out.Folds, accuracy), fold.Test.Len()
			}
			return out, nil
		}}
}

// FoldAccuracy fits a classifier on one fold and returns its accuracy.
func FoldAccuracy(ctx context.Context, train, test *feature.Set, opt fit.Options) (float64, error) {
	p, _, err := Predict(ctx, train, test, opt)
	if err != nil {
		return 0, err
	}
	return metric.Accuracy(p.Class, p.Y), nil
}

// MeanStd returns the mean of accuracies and their standard deviation, with n - 1; NaN of one.
func MeanStd(accuracies []float64) (mean, std float64) { return stat.MeanStdDev(accuracies, nil) }
