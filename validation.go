package wiseft

import (
	"context"
	"fmt"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench"
)

// Validation says on which data a mix or the models of a soup are chosen. The fine-tuned model must not have seen it:
// on data that it was fine-tuned on, alpha 1 has the highest accuracy, whatever it is worth. The zero value is none.
type Validation struct {
	Sets []NamedData // data sets of their own; each has its own figures, and their mean chooses
	// FromTrain is the share of the training data that validates, stratified by class and drawn by the seed; probes are
	// fitted on the rest. It is for training data that was not used for fine-tuning.
	FromTrain float64
	// FromTest is the share of every test set that validates, drawn alike and left out of all test figures.
	FromTest float64
}

// NamedData is data with a name for results.
type NamedData struct {
	Name string // "" is Data.Path
	Data Data
}

// isZero reports whether there is no validation data.
func (v Validation) isZero() bool { return len(v.Sets) == 0 && v.FromTrain == 0 && v.FromTest == 0 }

// paths returns the files that the data sets of their own consist of.
func (v Validation) paths() (files []string) {
	for _, set := range v.Sets {
		files = append(files, set.Data.paths()...)
	}
	return files
}

func (v Validation) check() error {
	for flag, share := range map[string]float64{"train": v.FromTrain, "test": v.FromTest} {
		if !(share >= 0 && share < 1) {
			return fault.Usagef("--val-from-%s %g is no share between 0 and 1", flag, share)
		}
	}
	return nil
}

// takeFromTrain splits the training data of a plan.
func (v Validation) takeFromTrain(plan *bench.Plan) error {
	if v.FromTrain == 0 {
		return nil
	}
	origin := fmt.Sprintf("a stratified %g %% of the training data, seed %d", 100*v.FromTrain, plan.Seed)
	rest, held, err := split(plan.Train, v.FromTrain, plan.Seed)
	if err != nil {
		return err
	}
	plan.Vals = append(plan.Vals, bench.Val{Name: "of training data", Origin: origin,
		Data: datasets.Subset(plan.Train, held, "validates: "+origin)})
	plan.Train = datasets.Subset(plan.Train, rest, "without "+origin)
	return nil
}

// takeFromTest splits the test data of a plan.
func (v Validation) takeFromTest(plan *bench.Plan) error {
	if v.FromTest == 0 {
		return nil
	}
	plan.ValFromTest = v.FromTest
	origin := fmt.Sprintf("a stratified %g %% of the test data, seed %d, left out of all test figures", 100*v.FromTest,
		plan.Seed)
	for i := range plan.Tests {
		t := &plan.Tests[i]
		rest, held, err := split(t.Data, v.FromTest, plan.Seed)
		if err != nil {
			return err
		}
		name := "of test data"
		if len(plan.Tests) > 1 {
			name = "of " + t.Name
		}
		plan.Vals = append(plan.Vals, bench.Val{Name: name, Origin: origin,
			Data: datasets.Subset(t.Data, held, "validates: "+origin)})
		without := "without " + origin
		t.Data = datasets.Subset(t.Data, rest, without)
		if stored := t.Corrupted; stored != nil {
			t.Corrupted = func(ctx context.Context, corruption string, severity int) (datasets.Dataset, error) {
				ds, err := stored(ctx, corruption, severity)
				if err != nil || ds.Len() != len(rest)+len(held) {
					return ds, err // another length is refused where it is compared with the clean data
				}
				return datasets.Subset(ds, rest, without), nil
			}
		}
	}
	return nil
}

// split splits a data set, class by class.
func split(ds datasets.Dataset, share float64, seed uint64) (rest, held []int, err error) {
	rest, held = datasets.SplitStratified(datasets.Labels(ds), share, seed)
	if len(held) == 0 || len(rest) == 0 {
		return nil, nil, fault.Inputf("%s: no class has two samples, so no validation data can be split off",
			ds.Info().Name)
	}
	return rest, held, nil
}
