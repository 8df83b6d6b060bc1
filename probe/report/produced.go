package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// settingsSheet has what the result depends on besides models and data.
func settingsSheet(r *result.Result) sheet {
	s := sheet{ID: "settings", Title: "Settings", Head: []string{"setting", "value"}}
	add := func(name, value string) {
		if value != "" {
			s.Rows = append(s.Rows, row{Cells: []string{name, value}})
		}
	}
	set := r.Settings
	add("wiseft", set.Wiseft)
	add("Go", set.Go)
	add("runtime", set.Runtime)
	add("tensor", set.Tensor)
	if set.Score != nil {
		add("score", set.Score.Command+", "+set.Score.Direction())
		for _, f := range set.Score.Files {
			add("SHA-256 of "+f.Name, f.SHA256)
		}
	} else {
		add("head", headText(set))
	}
	if n := len(set.HeadLabels); n > 0 {
		add("class scores", fmt.Sprintf("%d have a label; of several with one label the highest counts", n))
	}
	add("validation", set.Validation)
	if r.Chosen != nil {
		add("rule of the choice", r.Chosen.Rule)
	}
	add("suite", set.Suite)
	if len(set.Corruptions) > 0 {
		add("corruptions", strings.Join(set.Corruptions, ", "))
		add("severities", strings.Trim(fmt.Sprint(set.Severities), "[]"))
	}
	if r.Reference != nil {
		add("reference", join(r.Reference.Name, r.Reference.Source))
	}
	add("seed", fmt.Sprint(set.Seed))
	add("layout", string(set.Layout))
	if set.Batch > 0 {
		add("batch", fmt.Sprint(set.Batch))
	}
	if s := r.Statistics; s != nil {
		add("intervals", level(r))
		add("tests", fmt.Sprintf("%d random signs, %d resamples, seed %d", s.Flips, s.Resamples, s.Seed))
	}
	add("units", fmt.Sprint(r.NUnits))
	return s
}

// headText names the classifier: a probe, or the model's own head.
func headText(s result.Settings) string {
	if s.OwnHead {
		return "the model's own"
	}
	f := s.Fit
	text := fmt.Sprintf("probe %s, C %g, tolerance %g, at most %d iterations", f.Solver, f.C, f.Tol, f.MaxIter)
	if f.Standardize {
		text += ", standardised"
	}
	if f.Balanced {
		text += ", classes balanced"
	}
	return text
}

// dataSheet has the data sets with their preprocessing.
func dataSheet(r *result.Result) sheet {
	s := sheet{ID: "data", Title: "Data", Head: []string{"data", "part", "samples", "processing", "SHA-256"}}
	add := func(part string, d *result.Data) {
		if d == nil {
			return
		}
		history := slices.Concat([]string{d.Format}, d.History, d.Notes)
		if d.SelfMade {
			history = append(history, "self-made")
		}
		s.Rows = append(s.Rows, row{Cells: []string{d.Name, part, fmt.Sprint(d.N), strings.Join(history, "; "), d.SHA256}})
	}
	add("training", r.Settings.Train)
	for _, d := range r.Settings.Vals() {
		add("validation", d)
	}
	for _, d := range r.Settings.Tests {
		add("test", d)
	}
	for _, t := range r.Settings.Transfers {
		for i, d := range t.Parts() {
			add(fmt.Sprintf("transfer %s %d", t.Name, i+1), d)
		}
	}
	return s
}

// modelsSheet has the models' hashes.
func modelsSheet(r *result.Result) sheet {
	return modelSheet(r, "models", "Models", []column{
		{"SHA-256", func(m *result.Model) string { return m.ModelSHA256 }},
		{"probe", func(m *result.Model) string {
			switch {
			case m.Probe == nil && hasScores(r):
				return "none"
			case m.Probe == nil:
				return "own head"
			case !m.Probe.Converged:
				return fmt.Sprintf("NOT converged after %d iterations", m.Probe.Iterations)
			default:
				return fmt.Sprintf("converged after %d iterations", m.Probe.Iterations)
			}
		}},
	})
}

// readingSheet explains the figures that the result has.
func readingSheet(r *result.Result) sheet {
	s := sheet{ID: "reading", Title: "How to read it", Head: []string{"figure", "meaning"}}
	add := func(name, meaning string) { s.Rows = append(s.Rows, row{Cells: []string{name, meaning}}) }
	if r.Chosen != nil && r.Chosen.Alpha != nil {
		add("alpha",
			"theta(alpha) = (1 - alpha) * pretrained + alpha * finetuned: 0 is the pre-trained model, 1 the fine-tuned one")
	}
	if hasScores(r) {
		addScoreMeanings(r, add)
		return s
	}
	add("clean", "overall accuracy on the test data as it is, in percent; mAcc is the mean over classes")
	if hasValidation(r) {
		add("val", "overall accuracy on "+validationText(r)+", by which the mix is chosen")
	}
	if hasOwnHeads(r) {
		add("own", "accuracy of the merged model's own head, without a probe (WiSE-FT); all other figures are of the probe that is "+
			"fitted on the merged model's features (WiSE-FT-LP)")
	}
	if r.Barrier != nil {
		add("barrier", "the largest fall of the own head's clean accuracy below the straight line between alpha 0 and 1, with a "+
			"simultaneous interval over all alphas; from 2 points on the ends are not linearly connected")
	}
	if len(r.Settings.Transfers) > 0 {
		add("transfer", "accuracy of classifiers that are fitted on a model's frozen features of other data, which the target's "+
			"training did not see: the quality of the backbone. No label of that data chooses anything")
	}
	if len(r.Order) > 0 {
		add("mOA", "mean accuracy over all corruptions and severities of the suite; not computed for a part of it")
	}
	if r.Reference != nil {
		add("mCE",
			"mean corruption error: each corruption's error divided by that of "+r.Reference.Name+
				", averaged over corruptions; lower is better")
		add("RmCE", "relative mCE: each corruption's loss of accuracy against clean data divided by the reference's")
	}
	if len(paretoSet(r)) > 0 && len(r.Order) > 0 {
		add("Pareto set",
			"models to which no other is superior in both clean accuracy and mOA; "+
				"it is computed on test data, and not used for the choice")
	}
	if r.Baseline != nil {
		add("effective robustness",
			"points of mOA above the value that the baseline models' line predicts from the clean accuracy, "+
				"on logit axes (Taori et al. 2020)")
	}
	if hasIntervals(r) {
		add("intervals",
			"confidence intervals: they would contain the true figure in "+level(r)+
				" of repetitions with other test samples; variation between trainings is not included")
	}
	return s
}
