// Package bench measures the accuracy of models on clean and corrupted data.
//
// For every variant of a model, [Run] extracts features of the clean training data, fits a probe on them, and scores
// the probe on the clean test data and under every corruption and severity. With variants that mix a pre-trained and a
// fine-tuned model by alpha, this is the WiSE-FT-LP sweep. A model that is a classifier can be scored by its own head
// instead. The unit of every figure is in package probe/bench/result; keys and shares are in probe/bench/unit; the
// rules that choose a mix in probe/bench/choose.
//
// A mix is chosen by validation data, which neither the fine-tuned model nor the probe has seen: on data that it was
// fine-tuned on, the fine-tuned model is far more accurate than on new data, and every rule chooses it. Without
// validation data nothing is chosen, and the mix with alpha .5 is marked, as WiSE-FT recommends (Wortsman et al.,
// Robust fine-tuning of zero-shot models, CVPR 2022). Test data has no influence on the choice unless Choice.OnTest is
// set, which every result records; its accuracies and those of the validation data are compared to detect validation
// data that the fine-tuned model has seen.
//
// # Units
//
// A run is a set of units: features of a data set under a model, a probe fitted on features, a probe's scores of
// features, the outcome of a protocol on features of a transfer set. The name of a unit is the hash of everything that can change it, and it is a file in a [store.Folder],
// which needs no lock and no coordinator. Existing units are not computed again: resuming, extending, changing the
// probe, sharding and collecting all mean to compute the units that are missing. A model's key is made of the hashes of
// its files and of the decision about every tensor, so that no model is merged to find out that nothing is missing. The
// result is a function of the plan, byte for byte; time, place and speed are in the journal. A landscape, the loss on a
// plane of models, is a plan within the plan, with units of its own. Reading a finished run of
// 407 units, with the intervals and tests of every model, takes 0.6 s.
//
// # Probes
//
// A probe starts at zero, not at the probe of another alpha, unless [Plan.WarmStart] is set: a start from the neighbour
// saves a tenth of the iterations (238 to 205 on PointNet's 1,024 features), but the last digits then depend on the
// order of the alphas, and shares wait for each other.
//
// # Memory and time
//
// One model is open at a time, and corrupted clouds stay in memory up to 1 GiB. Memory does not grow with the number of
// alphas: of a variant, only name, keys and its part of the result stay. Garbage is collected between a model and its
// fits. A sweep with 51 alphas peaks at 74.6 MiB, one with 1,001 at 77.7 MiB, 40 of them the runtime's library. A sweep
// of a PointNet of 0.8 M parameters takes 1.09 times as long as the same forward passes alone; the model runs without
// the layers after the features, 2 to 3 % of a PointNet's pass. scripts/bench/README.md has the figures.
package bench

import (
	"context"
	"errors"

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
	// ID names the variant in results. IDs of a plan differ.
	ID() string
	// About describes it in results.
	About() About
	// Key identifies the bytes of the model: variants with equal keys have equal bytes. It is called for every
	// variant, also if the model is not needed, and should take little time.
	Key(ctx context.Context) (string, error)
	// Model returns the model that the plan's engine opens for the output tensor; "" = the only output. It is not kept
	// after the engine has opened it.
	Model(ctx context.Context, tensor string) (Model, error)
}

// About describes a variant. The zero value is that of a model that is no mix.
type About struct {
	// Params are the parameters of a mix, such as alpha, the share of the fine-tuned model; nil for a model that is
	// not a mix.
	Params []result.Param
	// Repaired is set if statistics of the mix were measured and corrected. It is not on the path of mixes between the
	// ends, which has the same parameters.
	Repaired bool
	// Statistics is the rule by which running statistics are mixed, if it is not that of the path; "" otherwise.
	Statistics string
	// Command is the command line that writes the model; "" if there is none.
	Command string
	// Merged is the number of parameters that are mixed; 0 for a model that is no mix.
	Merged int64
}

// Model is a variant's model in memory.
type Model struct {
	// ONNX is the model, as bytes or by its path. It may end at the wanted tensor: a variant that removes what follows saves the engine
	// from building the graph of every model.
	ONNX probe.Source
	// SizeBytes is the size of a model that is named by its path, with its data files.
	SizeBytes int64
	// Release, unless nil, removes the files of the model when the engine has opened it.
	Release func() error
	// SHA256 is the hash of the whole model, in lower-case hexadecimal, for the result; "" = that of the bytes.
	SHA256 string
	// Tensor is the output to take; "" = the wanted one. With Scores, the last Scores values of each sample in it are
	// the class scores of the model's own head, and the others the features.
	Tensor string
	Scores int
}

// Plan describes what is measured. Zero values are the defaults. The caller closes the data.
type Plan struct {
	Schema   string // of the result; "" = "wiseft.bench/1"
	Variants []Variant
	// Controls are networks with random weights, to compare the mixes with: they are fitted and scored on the first test set,
	// and are no models of the result. Their IDs are of the form "random SEED".
	Controls []Variant
	Engine   probe.Engine
	Tensor   string // the output with the features, or the class scores; "" = the model's only output
	// Pooled is how all variants make the features from tokens, as surgery.Positions describes it; "" = it is not known.
	Pooled  string
	OwnHead bool // Tensor has class scores, which are evaluated without a probe
	// HeadLabels has, with OwnHead, the label of each class score; nil = its number. See [result.OwnHead].
	HeadLabels map[int64]int64
	// Score gives the outputs a score that takes the place of accuracy; nil = accuracy. OwnHead is then set, and Tensor has
	// any outputs, of [probe.PoolNone], too.
	Score Scorer
	// Heads scores every variant's own head, whose scores are in Model.Scores, beside its probe.
	Heads bool
	// Start is where fits start; nil = zero, or with WarmStart the variant before.
	Start *fit.Classifier
	// Probes are further heads that are fitted and scored on the first test set beside that of Fit.
	Probes []Probe
	// Statistics is the rule by which the mixes' running statistics are mixed; "" = the models have none.
	Statistics string
	// Method is the method of the mixes; "" = the models are no mixes.
	Method string

	// Weights measures how far fine-tuning moved the weights of the mixes' models, for the result; nil = none.
	Weights *Weights

	Landscape *Landscape // a plane of models whose loss is measured, too; nil = none

	Train datasets.Dataset // for probes; nil with OwnHead
	Vals  []Val            // on which a mix is chosen; nil = none is chosen
	// ValFromTest is the share of every test set that was taken out of it for Vals; a note names it.
	ValFromTest float64
	// Shared are notes about samples that are in two of the data sets.
	Shared []string
	// Doubts are notes about differences between the data sets that figures may be due to.
	Doubts []string
	Tests  []Test // tables show the first
	// Transfers are data sets on whose features protocols measure every variant; nil = none. They choose nothing.
	Transfers []Transfer

	Suite       string   // registered name; "" = none, and no reference
	Corruptions []string // nil = all of the suite
	Severities  []int    // nil = 1 to 5
	Seed        uint64   // of the corruptions
	// Reference is the classifier whose errors the corruption errors are relative to; nil = the suite's default, if
	// it has one.
	Reference *metric.Reference
	// Baselines are the IDs of the variants through which the baseline of effective robustness is fitted; nil = the
	// mixes with alpha 0 and 1.
	Baselines []string

	Fit fit.Options // Init is ignored
	// WarmStart starts every probe from that of the variant before, which saves a tenth of the iterations. The last
	// digits of the figures then depend on the order of the variants, and shares wait for each other's probes.
	WarmStart bool
	Layout    probe.Layout
	Pool      probe.Pooling // of features; probe.PoolNone is for Score alone
	Batch     int           // samples per forward pass; 0 = probe.DefaultBatch
	// CheckBatch compares, for every model, a sample's features in two batches: see [probe.CheckBatch].
	CheckBatch bool
	// HeldBytes bounds the samples that are kept in memory between variants; 0 = 1 GiB, 1 = none. Those beyond are read
	// and corrupted again for each variant: with the demo's small network a tenth of the processor time, with a larger
	// one a few hundredths.
	HeldBytes int64
	Choose    choose.Choice
	Found     *result.Search // how Variants were found, recorded in the result; nil = they were given

	// KeepFeatures stores the features of every unit, 4 bytes per value, so that another probe needs no forward pass.
	// Without it, probes and scores are stored.
	KeepFeatures bool
	Share        unit.Share
	// Replace lets the plan replace another one in its folder. Units stay.
	Replace bool
	Version string // of this program, for the result
}

// Probe is a head that is fitted to every variant's features.
type Probe struct {
	Name  string // in results: "probe:mlp"
	Fit   fit.Options
	Start *fit.Classifier // where fits start; nil = zero
}

// Val is a data set to choose on.
type Val struct {
	Name string           // in results
	Data datasets.Dataset // clean
	// Origin says from what it was taken: "a stratified 20 % of the test data, seed 0"; "" = data of its own.
	Origin string
}

// Test is a data set to test on.
type Test struct {
	Name string           // in results
	Data datasets.Dataset // clean
	// Corrupted opens the data stored under a corruption; nil = corruptions are computed from Data. It is called once
	// per corruption and severity.
	Corrupted func(ctx context.Context, corruption string, severity int) (datasets.Dataset, error)
}

// Transfer is a data set on whose features protocols are measured: training and test data, or published few-shot folds.
type Transfer struct {
	Name      string   // in results
	Protocols []string // as registered in package probe/protocol; with Folds, "few-shot" alone
	// Train and Test are the parts of a data set. Test may be nil if no protocol needs it.
	Train, Test datasets.Dataset
	Folds       []TransferFold
}

// TransferFold is a published few-shot fold.
type TransferFold struct {
	Task        string // the name of the task that it belongs to: "5way_10shot"
	Train, Test datasets.Dataset
}

// parts returns the data sets that pass through a model, in the order of [result.TransferSet.Parts].
func (t Transfer) parts() (list []datasets.Dataset) {
	for _, ds := range []datasets.Dataset{t.Train, t.Test} {
		if ds != nil {
			list = append(list, ds)
		}
	}
	for _, f := range t.Folds {
		list = append(list, f.Train, f.Test)
	}
	return list
}

// Progress is what Run reports while it works. A unit is one data set passing through one variant.
type Progress struct {
	Units, TotalUnits     int    // that need forward passes
	Samples, TotalSamples int    // forward passes of single samples, over these units
	What                  string // "alpha=0.5: probe", "alpha=0.5: jitter 3"
}

// Outcome is the result of [Run] and [Collect].
type Outcome struct {
	// Result is nil if units are missing that other shares of the plan compute.
	*result.Result
	NCached int     `json:"n_cached"` // units that needed no forward pass
	Missing int     `json:"-"`        // units that other workers have to compute
	Seconds float64 `json:"seconds"`
	// Events are what the user should know and the result does not depend on, such as damaged units.
	Events []string `json:"-"`
}

// Run measures all variants, or the plan's share of them, and reuses the units in the folder. progress, which may be
// nil, is called often and from one goroutine. When ctx ends, Run returns its error; finished units stay in the
// folder. A plan that has failed is taken out of the folder again, so that it does not keep a corrected one out; units
// stay. A share of a plan leaves it to the others.
//
// The result depends on the plan alone: not on the number of workers, nor on the units that existed. A folder with
// another plan is a [PlanError], unless this plan has all of that one's variants and more.
func Run(ctx context.Context, plan Plan, folder *store.Folder, progress func(Progress)) (*Outcome, error) {
	r, err := newRun(ctx, plan, folder, progress)
	if err != nil {
		return nil, err
	}
	defer r.close()
	saved, err := savePlan(r.spec, folder, saveOptions{replace: plan.Replace})
	if err != nil {
		return nil, err
	}
	r.count()
	out, err := r.compute(ctx)
	if err != nil && ctx.Err() == nil && saved != "" && plan.Share.Workers() <= 1 {
		err = errors.Join(err, folder.RemoveFile(saved))
	}
	return out, err
}

// compute does the work of the run and makes its outcome.
func (r *run) compute(ctx context.Context) (*Outcome, error) {
	if err := r.saveStarts(); err != nil {
		return nil, err
	}
	if r.plan.Share.Index == 0 { // the other shares leave it to the first one, or to the last to finish
		if err := r.measureWeights(ctx); err != nil {
			return nil, err
		}
	}
	if err := r.work(ctx); err != nil {
		return nil, err
	}
	return r.outcome(ctx)
}
