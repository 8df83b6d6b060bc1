// Package result is what a benchmark measured, as data: a [Result] with one [Model] for each variant, which package
// probe/report shows. [Predictions] are the answers of a classifier on a data set, and [Score] their figures.
//
// A suite shows the same clouds under every corruption. All figures are means over clouds, so that two models are
// paired by cloud, and clouds are the independent units of all tests and intervals.
package result

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/metric"
)

// Number is a figure that may be missing: NaN and infinities are null in JSON.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = Unknown()
		return nil
	}
	return json.Unmarshal(data, (*float64)(n))
}

// Known reports whether n is a figure.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// Unknown returns a missing figure.
func Unknown() Number { return Number(math.NaN()) }

// Param is a parameter of a mix.
type Param struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// IsAlpha reports whether the model is the mix itself at an alpha, which is its only parameter.
func (m *Model) IsAlpha(alpha float64) bool {
	return m.OnPath() && *m.Alpha == alpha
}

// OnPath reports whether the model is a mix on the path between the ends, with alpha as its only parameter.
func (m *Model) OnPath() bool {
	return m.Alpha != nil && len(m.Params) == 1 && !m.Repaired && m.Statistics == ""
}

// Corrects reports whether m is the mix plain with its statistics corrected: repaired, or mixed by another rule.
func (m *Model) Corrects(plain *Model) bool {
	if len(m.Params) == 0 || plain.Repaired || !slices.Equal(m.Params, plain.Params) {
		return false
	}
	if m.Repaired {
		return plain.Statistics == m.Statistics
	}
	return m.Statistics != "" && plain.Statistics == ""
}

// Alpha is the name of the parameter that results have as a field: the share of the fine-tuned model.
const Alpha = "alpha"

// Result is what a run measured, and what it depends on. Its JSON is for scripts. Time, place and speed are not in
// it, so that equal plans give equal results.
type Result struct {
	Schema string   `json:"schema"` // "wiseft.bench/1"
	Models []*Model `json:"models"`
	// Reference is the classifier to which corruption errors are relative; nil without a suite.
	Reference *Reference `json:"reference"`
	Suite     string     `json:"suite"`
	Order     []string   `json:"order"`  // the corruptions, in the order of the suite
	Chosen    *Chosen    `json:"chosen"` // nil unless there are mixes
	Notes     []string   `json:"notes"`  // limits of the figures

	// Controls are cheap alternatives to the mixes, on the first test set. They are never chosen.
	Controls []*Control `json:"controls,omitempty"`

	// Rows is the table that WiSE-FT-LP is judged by, at the chosen alpha; nil without both ends of a path.
	Rows []*Row `json:"rows,omitempty"`

	// Barrier describes the path of the own heads between alpha 0 and 1; nil without them.
	Barrier *Barrier `json:"barrier,omitempty"`

	// Baseline is the line of effective robustness; nil without one.
	Baseline *Baseline `json:"baseline"`
	// Pareto are the models that no other exceeds in both clean accuracy and mOA. It describes the test data, and has
	// no influence on the choice.
	Pareto     []string    `json:"pareto"`
	Statistics *Statistics `json:"statistics"`

	// Changes has answers by class, and what the chosen mix rescued and lost; nil in results of earlier versions.
	Changes *Changes `json:"changes,omitempty"`
	// Weights is how far fine-tuning moved the weights of the first model that is merged; nil unless models are merged.
	Weights *Weights `json:"weights,omitempty"`
	// Landscape is the loss on a plane of models; nil unless it was measured.
	Landscape *Landscape `json:"landscape,omitempty"`
	// Samples are those of Changes.Pictured, from their own file; nil if there is none.
	Samples []Sample `json:"-"`
	// Journal is how the run was made, for reports that say so; nil = they do not.
	Journal *Journal `json:"-"`

	NUnits int `json:"n_units"` // data sets passed through models

	Settings Settings `json:"settings"`

	// Hub has names that a report for a model hub needs and no run knows; nil if there are none.
	Hub *Hub `json:"hub,omitempty"`
}

// Hub has the names of models and data on a model hub.
type Hub struct {
	BaseModels []string `json:"base_models,omitempty"` // OWNER/NAME of the merged models, the pre-trained one first
	Data       string   `json:"data,omitempty"`        // OWNER/NAME of the data set that the first test set is of; "" is none
	Task       string   `json:"task,omitempty"`        // of a benchmark data set: the ID of the task; "" is none
}

// Model is what was measured for one variant.
type Model struct {
	ID     string   `json:"id"`
	Alpha  *float64 `json:"alpha"` // share of the fine-tuned model; nil if it is not a parameter
	Params []Param  `json:"params,omitempty"`
	// Repaired is set if statistics of the mix were measured and corrected; the model before it is the mix itself.
	Repaired bool `json:"repaired,omitempty"`
	// Statistics is the rule by which running statistics are mixed, if it is not that of the path; "" otherwise.
	Statistics string `json:"statistics,omitempty"`
	Merged     int64  `json:"merged_parameters,omitempty"` // that are mixed
	Tested
	MoreTests []*Tested `json:"more_tests,omitempty"` // on the other test sets
	// OwnHead is what the model's own head reaches on the first test set, without a probe; nil without one.
	OwnHead *Tested `json:"own_head,omitempty"`
	// Heads is what further heads reach on the first test set, in the order of Settings.Probes.
	Heads []*HeadTested `json:"heads,omitempty"`
	// Transfer has what protocols reach with the model's features on the transfer sets, by their names.
	Transfer map[string]Transferred `json:"transfer,omitempty"`

	// Validation has the figures on the first validation set, clean; nil without validation data. MoreValidation has
	// those on the others.
	Validation     *Score   `json:"validation"`
	MoreValidation []*Score `json:"more_validation,omitempty"`
	// ValidationRobustness is the mean accuracy or score on corrupted validation data; nil unless the rule of the choice uses
	// it.
	ValidationRobustness *Number `json:"validation_robustness,omitempty"`
	// EffectiveRobustness is the mOA minus the mOA that the baseline predicts for the clean accuracy; nil without a
	// baseline.
	EffectiveRobustness *Number     `json:"effective_robustness"`
	Probe               *fit.Report `json:"probe"` // nil with the model's own head
	ModelSHA256         string      `json:"model_sha256"`
}

// HeadTested is what one of several heads reaches.
type HeadTested struct {
	Head string `json:"head"` // the name of the head
	Tested
	Probe *fit.Report `json:"probe"`
}

// ProbeSettings are those of a head.
type ProbeSettings struct {
	Name  string      `json:"name"`
	Fit   fit.Options `json:"fit"`
	Start string      `json:"start,omitempty"` // hash of the classifier at which fits start; "" is zero
}

// Ensemble is the ID of averaged answers.
const Ensemble = "ensemble"

// Control is what an alternative to a mix reaches, without changing weights.
type Control struct {
	// ID is Ensemble: (1-alpha) times the class scores of the mix with alpha 0 plus alpha times those of alpha 1, which
	// takes both models at inference; or "random SEED": a probe on the network with random weights.
	ID    string   `json:"id"`
	Alpha *float64 `json:"alpha,omitempty"`
	Head  string   `json:"head"` // that gives the scores: probe or own
	Tested
	// Transfer is that of a model: of random networks, which have features of their own.
	Transfer map[string]Transferred `json:"transfer,omitempty"`
}

// Barrier is the largest fall of the own heads' clean accuracy below the line between alpha 0 and 1.
type Barrier struct {
	Fall     Number    `json:"fall"`
	Alpha    *float64  `json:"alpha"` // of the largest fall; nil if no alpha is below the line
	Interval [2]Number `json:"interval"`
	N        int       `json:"n"`
	// Verdict is "linearly connected" if the interval is below [metric.ConnectedFall], "not linearly connected" if it is
	// above it, and else "undecided".
	Verdict string `json:"verdict"`
}

// String describes the barrier in a line, in points of accuracy.
func (b *Barrier) String() string {
	text := fmt.Sprintf("barrier of the own head: %.1f points", 100*float64(b.Fall))
	if b.Alpha != nil {
		text += fmt.Sprintf(" below the line between the ends, at alpha %.4g", *b.Alpha)
	}
	return text + fmt.Sprintf(" (%g %% interval %.1f–%.1f, simultaneous; %d samples): %s", 100*ConfidenceLevel,
		100*float64(b.Interval[0]), 100*float64(b.Interval[1]), b.N, b.Verdict)
}

// Tested is what was measured on one test set. Figures of the suite are rounded in stages as the suite's own
// evaluation does; Exact has them unrounded. They are null unless the suite was run whole.
type Tested struct {
	Name        string                 `json:"test"`
	Clean       *Score                 `json:"clean"`
	Corruptions map[string]*Corruption `json:"corruptions"`
	MOA         Number                 `json:"moa"`
	MCE         Number                 `json:"mce"`
	RMCE        Number                 `json:"rmce"`
	Exact       Exact                  `json:"exact"`
	// CorruptedScore is the mean score over all corruptions and severities that were run; nil without Settings.Score.
	CorruptedScore *Number `json:"corrupted_score,omitempty"`
	// ErrorRate is the mean error over all corruptions and severities, the measure of suites without a reference;
	// null unless the suite was run whole.
	ErrorRate Number `json:"error_rate"`
	// Corrupted has means over all corruptions and severities that were run.
	Corrupted *Corrupted     `json:"corrupted"`
	Intervals *TestIntervals `json:"intervals"`
}

// Corrupted are calibration figures under corruption.
type Corrupted struct {
	NLL   Number `json:"nll"`
	ECE   Number `json:"ece"`
	Brier Number `json:"brier"`
	Cells int    `json:"cells"`
}

// Exact are a suite's figures without rounding.
type Exact struct {
	MOA  Number `json:"moa"`
	MCE  Number `json:"mce"`
	RMCE Number `json:"rmce"`
}

// Corruption is what was measured under one corruption. OA, CE and RCE need all five severities, CE and RCE also a
// reference.
type Corruption struct {
	OABySeverity [metric.Severities]Number `json:"oa_by_severity"`
	OA           Number                    `json:"oa"`
	CE           Number                    `json:"ce"`
	RCE          Number                    `json:"rce"`
	Score        *Number                   `json:"score,omitempty"` // mean over the severities that were run; nil without Settings.Score
	// BySeverity has all figures of the severities that were run.
	BySeverity [metric.Severities]*Score `json:"by_severity"`
}

// Reference names the classifier to which corruption errors are relative.
type Reference struct {
	Name       string `json:"name"`
	Source     string `json:"source"`
	Comparable bool   `json:"comparable"` // with published figures of the suite
	Note       string `json:"note,omitempty"`
}

// Chosen is the mix that the rule chose by validation data, or without validation data the one that convention marks.
type Chosen struct {
	ID       string   `json:"id"`
	Alpha    *float64 `json:"alpha"`
	Params   []Param  `json:"params,omitempty"`
	Repaired bool     `json:"repaired,omitempty"` // as that of the model
	// Statistics is that of the model.
	Statistics string `json:"statistics,omitempty"`
	Rule       string `json:"rule"`              // a sentence
	RuleName   string `json:"rule_name"`         // as registered, or Convention
	OnTest     bool   `json:"on_test,omitempty"` // the choice was made by test data: the figures are optimistic
	// Validation is the mean clean accuracy on the validation sets that chose; null if none did.
	Validation Number  `json:"validation_accuracy"`
	Robustness *Number `json:"validation_robustness,omitempty"`
	// ValidationScore is the mean clean score on them, if Settings.Score is set; Validation is then unknown, and Robustness
	// the mean score under corruption.
	ValidationScore *Number `json:"validation_score,omitempty"`
	// Indistinguishable are the IDs of the mixes whose figures on the validation data do not differ measurably from
	// those of the chosen one; nil if no data chose.
	Indistinguishable []string `json:"indistinguishable,omitempty"`
	Reason            string   `json:"reason,omitempty"` // why this mix
	// Command is the command line that writes the measured model; "" if there is none.
	Command string `json:"command,omitempty"`
}

// Convention is the RuleName of a mix that no data chose: alpha .5, as WiSE-FT recommends without validation data.
const Convention = "convention"

// ByConvention reports whether no data chose. The receiver may be nil.
func (c *Chosen) ByConvention() bool { return c != nil && c.RuleName == Convention }

// Settings are all that can change a result, besides the models.
type Settings struct {
	Wiseft  string   `json:"wiseft,omitempty"`
	Go      string   `json:"go"`
	Runtime string   `json:"runtime"`
	Tensor  string   `json:"tensor,omitempty"`
	Heads   bool     `json:"own_heads,omitempty"` // models have their own head beside the probe
	OwnHead bool     `json:"own_head,omitempty"`  // Tensor has class scores, or what Score is of
	Score   *Scoring `json:"score,omitempty"`     // of the user's own, measured instead of accuracy; nil = accuracy
	// HeadLabels has the label of each class score of the own head; nil = its number.
	HeadLabels map[int64]int64 `json:"head_labels,omitempty"`
	Train      *Data           `json:"train"`
	Val        *Data           `json:"val"`                 // the first validation set; nil = none
	MoreVals   []*Data         `json:"more_vals,omitempty"` // the others
	Validation string          `json:"validation"`          // where validation data comes from; "" = there is none
	// ValFromTest is the share of every test set that validates and is in no test figure.
	ValFromTest float64           `json:"val_from_test,omitempty"`
	Shared      []string          `json:"shared_samples,omitempty"` // samples that are in two of the data sets
	Doubts      []string          `json:"data_doubts,omitempty"`    // differences between the data sets
	Tests       []*Data           `json:"tests"`
	Transfers   []*TransferSet    `json:"transfers,omitempty"`
	Suite       string            `json:"suite,omitempty"`
	Reference   *metric.Reference `json:"reference,omitempty"`
	Baselines   []string          `json:"baselines,omitempty"`
	Corruptions []string          `json:"corruptions"`
	Severities  []int             `json:"severities"`
	Seed        uint64            `json:"seed"`
	Fit         fit.Options       `json:"probe"`
	Start       string            `json:"probe_start,omitempty"` // hash of the classifier at which fits start; "" is zero
	Probes      []ProbeSettings   `json:"further_heads,omitempty"`
	Statistics  string            `json:"norm_statistics,omitempty"` // of the path; "" if no running statistics are mixed
	Method      string            `json:"method,omitempty"`          // of the mixes
	WarmStart   bool              `json:"warm_start,omitempty"`      // probes start from the variant before
	Choose      choose.Choice     `json:"choose,omitzero"`
	Search      *Search           `json:"search,omitempty"` // how the variants were found; nil = they were given
	Layout      probe.Layout      `json:"layout,omitempty"`
	Pool        *probe.Pooling    `json:"pool,omitempty"` // of features; nil = fixed axes are flattened
	Batch       int               `json:"batch,omitempty"`
}

// Vals lists the validation sets.
func (s *Settings) Vals() []*Data {
	if s.Val == nil {
		return nil
	}
	return append([]*Data{s.Val}, s.MoreVals...)
}

// Data describes a data set.
type Data struct {
	datasets.Info
	SHA256 string `json:"sha256"`
	N      int    `json:"n"`
}
