// Package bench measures how models hold up under corruption.
//
// For every variant of a model, [Run] extracts features of the clean training data,
// fits a linear probe on them, and scores the probe on the clean test data and on
// every corruption at every severity. With variants that mix a pre-trained and a
// fine-tuned model by alpha, this is the WiSE-FT-LP sweep.
//
// Alpha is chosen by accuracy on clean validation data: data of its own, or a fifth of
// the training data, stratified by class, on which the probe that is validated was not
// fitted; the probe that is tested is fitted on all of the training data. Test data
// decides nothing.
//
// Models exist in memory only, a group of them open at once: corrupted samples are
// made once per group and pass through all of its models.
package bench

import (
	"context"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
)

// Variant is a model to measure.
type Variant interface {
	// ID names the variant in results; no two of a plan are alike.
	ID() string
	// Alpha is the share of the fine-tuned model in a mix; ok is false for a model
	// that is no mix.
	Alpha() (alpha float64, ok bool)
	// Model returns the ONNX bytes. They are let go as soon as the engine has opened
	// them, and not asked for again.
	Model(ctx context.Context) ([]byte, error)
}

// Plan says what to measure. Zero values are the defaults; data stays the caller's to
// close.
type Plan struct {
	// Variants are measured in this order, each probe starting from the one before, so
	// they best come in the order of alpha.
	Variants []Variant
	Engine   probe.Engine
	Tensor   string // the output that is the feature; "" = the model's only one

	Train datasets.Dataset
	Val   datasets.Dataset // nil = a stratified fifth of Train, drawn by Seed
	Test  datasets.Dataset // clean

	Suite       string   // registered name; "" = none, and no reference to compare with
	Corruptions []string // nil = all of the suite
	Severities  []int    // nil = 1 to 5
	Seed        uint64   // of the corruptions and of the validation split

	Fit    probe.FitOptions // Init is ignored
	Layout probe.Layout
	Batch  int // samples per forward pass; 0 = probe's default
	// Group is the number of models open at once; 0 = 8. Corrupting costs about as much
	// as a tenth of running a small model, so that a larger group would save little,
	// and eight models of 100 MB with their buffers still fit a laptop.
	Group   int
	Version string // of this program, for the result
}

const (
	defaultGroup       = 8
	validationFraction = 0.2
)

// Progress is what Run tells while it works. A unit is one data set passing through
// one variant.
type Progress struct {
	Units, TotalUnits     int
	Samples, TotalSamples int    // forward passes of single samples, over all units
	What                  string // "alpha=0.5: probe", "8 models: jitter 3"
}

// Run measures all variants. progress, which may be nil, is called often and from one
// goroutine. When ctx ends, Run returns its error and nothing is left behind.
//
// The result depends on the plan alone: neither on the number of workers nor on the
// size of the groups.
func Run(ctx context.Context, plan Plan, progress func(Progress)) (*Result, error) {
	r, err := newRun(ctx, plan, progress)
	if err != nil {
		return nil, err
	}
	for lo := 0; lo < len(r.plan.Variants); lo += r.plan.Group {
		hi := min(lo+r.plan.Group, len(r.plan.Variants))
		if err := r.group(ctx, r.plan.Variants[lo:hi]); err != nil {
			return nil, err
		}
	}
	return r.finish(), nil
}
