// Package protocol measures frozen features by the protocols of the field: a linear SVM, few-shot tasks, nearest
// neighbours, a logistic probe. They say how good a backbone is for data that it was not tuned for.
//
// A protocol has one or more tasks, each of which gives one accuracy. It is a file that registers itself. Protocols
// have options of their own, those of the single commands without flags, so that the figures of two runs are
// comparable whatever head the runs fit.
package protocol

import (
	"context"
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/internal/registry"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
)

// Protocol is a way to measure features.
type Protocol struct {
	Name string // "few-shot"
	Doc  string // one line
	// NeedsTest is set if tasks are scored on test data. Tasks of the others divide the training data.
	NeedsTest bool
	Tasks     []Task // in the order of tables
}

// Task is a part of a protocol that gives one accuracy.
type Task struct {
	Name string // "point-m2ae", "5way_10shot"
	Head string // of a column in tables
	// Limit says how the figure differs from published ones of that name; "" if it does not.
	Limit string
	// Pooled is how features have to be made from tokens for Limit not to hold, as surgery.Positions describes it; "" if it
	// always holds.
	Pooled string
	// Options are everything that the outcome depends on besides features and seed. Their JSON is hashed into the name
	// of stored outcomes.
	Options any
	Measure func(ctx context.Context, s Sets) (*Outcome, error)
	// Fits says what Measure fits for data of a size, for estimates of time.
	Fits func(Size) Fits
}

// Size is the size of data that a task is measured on: training and test samples, those of each published fold, and
// classes.
type Size struct{ Train, Test, Classes, Folds int }

// Fits are the classifiers that a task fits: Count of them, each on Rows samples of Classes classes and tested on
// Tested samples. None are fitted if the data does not have the task.
type Fits struct {
	Count, Rows, Classes, Tested int
	Options                      fit.Options
}

// Sets are the features of one model that a task is measured on.
type Sets struct {
	Train, Test *feature.Set // Test is nil without [Protocol.NeedsTest]
	Folds       []Fold       // of published few-shot folds; Train and Test are then nil
	Seed        uint64       // of tasks that draw
}

// Fold has the features of one published fold.
type Fold struct{ Train, Test *feature.Set }

var protocols = registry.New[Protocol]("protocol")

// LimitFor returns the limit for features that are made from tokens in some way, "" if that is not known.
func (t Task) LimitFor(pooled string) string {
	switch {
	case t.Pooled == "":
		return t.Limit
	case t.Pooled == pooled:
		return ""
	case pooled == "":
		return fmt.Sprintf("%s: the model does not show how its features are pooled; the convention takes %s", t.Limit, t.Pooled)
	}
	return fmt.Sprintf("%s: the model takes %s, the convention %s", t.Limit, pooled, t.Pooled)
}

// Register adds a protocol. Its name must be free.
func Register(p Protocol) {
	if p.Doc == "" || len(p.Tasks) == 0 {
		panic("protocol: a protocol without a text or tasks")
	}
	protocols.Register(p.Name, p)
}

// Lookup returns the protocol of a name, or a [*registry.UnknownError].
func Lookup(name string) (Protocol, error) { return protocols.Lookup(name) }

// All returns all protocols, sorted by name.
func All() []Protocol { return protocols.All() }

// Names returns the names of all protocols, sorted.
func Names() []string { return protocols.Names() }

// Key returns the name of a protocol in JSON documents: few_shot.
func Key(name string) string { return strings.ReplaceAll(name, "-", "_") }

// LookupTask returns a task of a protocol.
func LookupTask(protocol, name string) (Task, error) {
	p, err := Lookup(protocol)
	if err != nil {
		return Task{}, err
	}
	for _, t := range p.Tasks {
		if t.Name == name {
			return t, nil
		}
	}
	return Task{}, fmt.Errorf("the protocol %s has no task %q", protocol, name)
}

// Predict fits a classifier on training features and returns its predictions for test features.
func Predict(ctx context.Context, train, test *feature.Set, opt fit.Options) (*result.Predictions, *fit.Report, error) {
	cl, report, err := fit.Fit(ctx, train, opt)
	if err != nil {
		return nil, nil, err
	}
	p, err := result.Predict(cl, test)
	return p, &report, err
}

// scored returns a task that fits a classifier on the training features and scores it on the test features.
func scored(name, head string, opt fit.Options) Task {
	fits := func(n Size) Fits { return Fits{1, n.Train, n.Classes, n.Test, opt} }
	return Task{Name: name, Head: head, Options: opt, Fits: fits, Measure: func(ctx context.Context, s Sets) (*Outcome, error) {
		p, report, err := Predict(ctx, s.Train, s.Test, opt)
		if err != nil {
			return nil, err
		}
		report.Seconds = 0 // equal features have equal outcomes
		return &Outcome{Y: p.Y, Class: p.Class, Classes: p.Classes, Fit: report}, nil
	}}
}
