// Package bench measures how models hold up under corruption.
//
// For every variant of a model, [Run] extracts features of the clean training data,
// fits a probe on them, and scores the probe on the clean test data and on every
// corruption at every severity. With variants that mix a pre-trained and a fine-tuned
// model by alpha, this is the WiSE-FT-LP sweep. A model that is a classifier can be
// scored by its own head instead.
//
// Among mixes one is chosen by validation data: data of its own, or a fifth of the
// training data, stratified by class, on which the probe that is validated was not
// fitted; the probe that is tested is fitted on all of the training data. Test data
// decides nothing, unless a plan says so, and then every result says so.
//
// # Units
//
// A run is a set of units: features of a data set under a model, a probe fitted on
// features, a probe's scores of features. Each is named by the hashes of everything that
// can change it, and lives in a [store.Folder]. What is there is not computed again, so a
// run that was killed goes on where it was, a finished one needs no forward pass, and a
// change redoes what depends on it. Probes start from nothing of another variant, so that
// any worker can do any unit: the result is a function of the plan, byte for byte,
// whoever computed which part of it.
//
// Several workers share the units of one plan by [Share]; all they have in common is the
// folder, or copies of it that are put together afterwards.
package bench

import (
	"context"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// Variant is a model to measure.
type Variant interface {
	// ID names the variant in results; no two of a plan are alike.
	ID() string
	// Params are the parameters by which mixes differ, such as alpha, the share of the
	// fine-tuned model; nil for a model that is no mix.
	Params() []result.Param
	// Key stands for the bytes of the model: equal keys, equal bytes. It is asked for
	// whether or not the model is needed, so it should be cheap.
	Key(ctx context.Context) (string, error)
	// Model returns the ONNX bytes. They are let go as soon as the engine has opened
	// them.
	Model(ctx context.Context) ([]byte, error)
}

// Plan says what to measure. Zero values are the defaults; data stays the caller's to
// close.
type Plan struct {
	Schema   string // of the result; "" = "wiseft.bench/1"
	Variants []Variant
	Engine   probe.Engine
	Tensor   string // the output that is the feature, or the class scores; "" = the model's only one
	OwnHead  bool   // Tensor has class scores, which are judged as they are, without a probe

	Train datasets.Dataset // that probes are fitted on; nil with OwnHead
	Val   datasets.Dataset // nil = a stratified fifth of Train, drawn by Seed
	Tests []Test           // the first is the one that tables show

	Suite       string   // registered name; "" = none, and no reference to compare with
	Corruptions []string // nil = all of the suite
	Severities  []int    // nil = 1 to 5
	Seed        uint64   // of the corruptions and of the validation split
	// Reference is what corruption errors are measured against; nil = the suite's own, if
	// there is one.
	Reference *metric.Reference
	// Baselines are the variants whose line effective robustness is measured from; nil =
	// the ends of the mixes, alpha 0 and 1.
	Baselines []string

	Fit fit.Options // Init is ignored
	// WarmStart lets every probe start from that of the variant before, which saves a tenth of
	// the iterations. Then the variants' order is part of the figures, in their last digits,
	// and shares wait for each other's probes.
	WarmStart bool
	Layout    probe.Layout
	Batch     int // samples per forward pass; 0 = probe's default
	Choose    choose.Choice
	Found     *result.Search // how Variants were found, for the result; nil: they were given

	// KeepFeatures keeps the features of every unit, 4 bytes a value, so that another
	// probe needs no forward pass. Without it probes and scores are kept.
	KeepFeatures bool
	Share        unit.Share
	// Replace lets a plan take the place of another one in its folder; its units stay.
	Replace bool
	Version string // of this program, for the result
}

// Test is a data set to test on.
type Test struct {
	Name string           // in results
	Data datasets.Dataset // clean
	// Corrupted opens the data as it is stored under a corruption; nil = the corruptions
	// are made here. It is called once for each.
	Corrupted func(ctx context.Context, corruption string, severity int) (datasets.Dataset, error)
}

// Progress is what Run tells while it works. A unit is one data set passing through
// one variant.
type Progress struct {
	Units, TotalUnits     int    // that need forward passes
	Samples, TotalSamples int    // forward passes of single samples, over these units
	What                  string // "alpha=0.5: probe", "alpha=0.5: jitter 3"
}

// Outcome is what a call of Run did.
type Outcome struct {
	// Result is nil if units are missing, which other shares of the plan have.
	*result.Result
	NCached int     `json:"n_cached"` // units that needed no forward pass
	Missing int     `json:"-"`        // units that other workers have to do
	Seconds float64 `json:"seconds"`
	// Notes are what went on beside the figures, such as units that were damaged.
	Events []string `json:"-"`
}

// Run measures all variants, or the plan's share of them, with the units that the folder
// has. progress, which may be nil, is called often and from one goroutine. When ctx ends,
// Run returns its error; what was finished stays in the folder.
//
// The result depends on the plan alone: not on the number of workers, nor on what was
// there before. A folder that holds another plan is a [PlanError].
func Run(ctx context.Context, plan Plan, folder *store.Folder, progress func(Progress)) (*Outcome, error) {
	r, err := newRun(ctx, plan, folder, progress)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := savePlan(r.spec, folder, saveOptions{replace: plan.Replace}); err != nil {
		return nil, err
	}
	r.count()
	if err := r.work(ctx); err != nil {
		return nil, err
	}
	return r.outcome(ctx)
}
