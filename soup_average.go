package wiseft

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// planAll plans the average of all models with one of them last, and decides how running variances are mixed.
func (s *soup) planAll(ctx context.Context, best int) error {
	plan, err := s.plan(ctx, s.allFrom(best))
	if err != nil {
		return err
	}
	_, err = withDeviations(plan, &s.opt.Merge, s.opt.Monitor)
	return err
}

// align brings all models into the order of the best one, once.
func (s *soup) align(ctx context.Context, best int) error {
	if s.opt.Merge.Align == nil || s.aligned != nil {
		return nil
	}
	list := s.ordered(s.allFrom(best))
	records, err := alignModels(ctx, list, false, *s.opt.Merge.Align)
	if err != nil {
		return err
	}
	s.aligned = map[*Model]onnxmerge.Aligned{}
	for i, record := range records {
		s.aligned[list[i]] = record
	}
	return s.planAll(ctx, best)
}

// alignedIn returns the records of the alignment of models that are merged.
func (s *soup) alignedIn(taken []int) (records []onnxmerge.Aligned) {
	if len(taken) == 1 {
		return nil
	}
	for _, m := range s.ordered(taken) {
		if record, ok := s.aligned[m]; ok {
			records = append(records, record)
		}
	}
	return records
}

// all returns the indices of all models.
func (s *soup) all() []int {
	indices := make([]int, len(s.models))
	for i := range indices {
		indices[i] = i
	}
	return indices
}

// allFrom returns the indices of all models, the best one first.
func (s *soup) allFrom(best int) []int {
	all := s.all()
	return append([]int{best}, slices.Delete(all, best, best+1)...)
}

// prove proves the pairing of an average; of a model alone there is nothing to prove.
func (s *soup) prove(ctx context.Context, taken []int) ([]Proof, error) {
	if s.opt.NoProof || len(taken) == 1 {
		return nil, nil
	}
	plan, err := s.plan(ctx, taken)
	if err != nil {
		return nil, err
	}
	return proveMerge(ctx, plan, s.ordered(taken), *s.proof())
}

// proof returns the options of a proof.
func (s *soup) proof() *ProveOptions {
	return &ProveOptions{Layout: s.opt.Layout, Runtime: s.opt.Runtime, Monitor: s.opt.Monitor}
}

// ordered returns models in the order of their merge.
func (s *soup) ordered(taken []int) (list models) {
	for _, i := range order(taken) {
		list = append(list, s.models[i])
	}
	return list
}

// order returns the models of an average in the order of a merge. taken has the best one first; in a merge it is last,
// because everything that is not averaged is copied from the last model. One model is merged with itself.
func order(taken []int) []int {
	if len(taken) == 1 {
		return []int{taken[0], taken[0]}
	}
	return append(slices.Clone(taken[1:]), taken[0])
}

// merge returns the options of an average of models.
func (s *soup) merge(taken []int) MergeOptions {
	opt := MergeOptions{Method: "uniform_soup", Include: s.opt.Merge.Include, Exclude: s.opt.Merge.Exclude,
		FoldNorms: s.opt.Merge.FoldNorms, Statistics: s.opt.Merge.Statistics, AllowNonfinite: s.opt.Merge.AllowNonfinite,
		MemoryBytes: s.opt.Merge.MemoryBytes, Workers: s.opt.Merge.Workers}
	if len(taken) == 1 {
		opt.Method, opt.Params = "linear", method.Params{"alpha": 1.} // copies bytes
	}
	if !s.opt.NoProof {
		opt.Prove = s.proof()
	}
	return opt
}

// plan plans the average of models. A refused tensor is an error.
func (s *soup) plan(ctx context.Context, taken []int) (*onnxmerge.Plan, error) {
	list, opt := s.ordered(taken), s.merge(taken)
	plan, err := planModels(ctx, list, nil, opt)
	if err != nil {
		return nil, err
	}
	if plan, err = settleDoubts(ctx, plan, list, nil, opt); err != nil {
		return nil, err
	}
	return plan, namePair(plan.Err(), list)
}

// write merges the chosen models.
func (s *soup) write(ctx context.Context, out string) (*SoupResult, error) {
	settings, err := s.validator.Settings(ctx)
	if err != nil {
		return nil, err
	}
	settings.Fit = s.probe
	r := &SoupResult{Candidates: s.steps, Rule: s.rule(), N: s.n,
		Warnings: append([]string{}, s.notes...), Settings: settings}
	var taken []int
	for _, step := range s.steps {
		if step.Taken {
			taken, r.Chosen, r.Accuracy = append(taken, step.Index), append(r.Chosen, step.Model), result.Number(step.Soup)
		}
	}
	if !s.opt.Score.isZero() {
		score := r.Accuracy
		r.Accuracy, r.ValidationScore = result.Unknown(), &score
	}
	if len(taken) == 1 {
		r.Warnings = append(r.Warnings,
			fmt.Sprintf("no average is better than %s alone, which is what the output holds", r.Chosen[0]))
	}
	selection, err := s.selection(ctx, settings)
	if err != nil {
		return nil, err
	}
	return s.average(ctx, out, taken, r, selection)
}

// average writes the average of models, and adds what was written to r. selection is nil if nothing was chosen.
func (s *soup) average(ctx context.Context, out string, taken []int, r *SoupResult,
	selection *onnxmerge.Selection) (*SoupResult, error) {
	if len(taken) > 1 {
		if err := s.align(ctx, taken[0]); err != nil {
			return nil, err
		}
	}
	proofs, err := s.prove(ctx, taken)
	if err != nil {
		return nil, err
	}
	r.Aligned = s.alignedIn(taken)
	r.Proof, r.Proofs = oneProof(proofs)
	origin := s.origin(taken, selection)
	if origin != nil {
		origin.Proofs, origin.Aligned = proofs, r.Aligned
	}
	plan, err := s.plan(ctx, taken)
	if err != nil {
		return nil, err
	}
	last := s.models[taken[0]]
	plan, r.Repair, err = repairPlan(ctx, plan, last, s.opt.Merge.Repair, s.opt.Merge.MemoryBytes)
	if err != nil {
		return nil, err
	}
	if origin != nil {
		origin.Repair = r.Repair
	}
	made, err := writePlan(ctx, out, plan, s.models, origin, s.opt.Write, s.opt.Monitor)
	if err != nil {
		return nil, err
	}
	r.Command = s.command(taken, out)
	r.Output, r.Data, r.Tensors, r.SHA256, r.Bytes = made.Output, made.Data, made.Tensors, made.SHA256, made.Bytes
	r.Warnings = slices.Concat(r.Warnings, s.models.notes(), made.Warnings)
	r.Seconds = time.Since(s.started).Seconds()
	return r, nil
}

// command returns the command line that writes an average; "" if checkpoints would get another graph by it.
func (s *soup) command(taken []int, out string) string {
	opt, list := s.merge(taken), s.ordered(taken)
	if slices.ContainsFunc(list, func(m *Model) bool { return m.made != nil }) {
		if list.graphOf() != s.models.graphOf() {
			return ""
		}
		opt.BaseWeights = s.opt.Merge.BaseWeights
	}
	if opt.Repair = s.opt.Merge.Repair; len(taken) > 1 {
		opt.Align = s.opt.Merge.Align
	}
	var paths []string
	for _, m := range list {
		paths = append(paths, m.path)
	}
	return opt.Command(paths, out)
}

// rule says which models are taken, and by what.
func (s *soup) rule() string {
	rule := choose.SoupOptions{Strict: s.opt.Strict}.Rule()
	switch {
	case s.opt.Score.isZero():
		return rule
	case s.opt.Score.Lower:
		rule = strings.NewReplacer("accuracy rises", "score falls", "accuracy does not fall", "score does not rise").Replace(rule)
	}
	return strings.ReplaceAll(rule, "accuracy", "score") + "; scores by " + s.opt.Score.Command
}

// selection describes how the models were chosen.
func (s *soup) selection(ctx context.Context, settings *result.Settings) (*onnxmerge.Selection, error) {
	selection := &onnxmerge.Selection{Rule: s.rule(), Validation: settings.Validation}
	if settings.Train != nil {
		selection.Train = settings.Train.SHA256
	}
	if settings.Val != nil {
		selection.Val = settings.Val.SHA256
	}
	names := s.models.baseNames()
	for _, step := range s.steps {
		m := s.models[step.Index]
		files, err := m.Files(ctx)
		if err != nil {
			return nil, withPath(m.path, err)
		}
		selection.Candidates = append(selection.Candidates,
			onnxmerge.Candidate{File: names[step.Index], SHA256: files[0].Hash,
				Score: step.Alone, With: step.Soup, Chosen: step.Taken})
	}
	return selection, nil
}

// origin returns the provenance of an average, or nil if it gets none.
func (s *soup) origin(taken []int, selection *onnxmerge.Selection) *onnxmerge.Origin {
	if s.opt.Write.NoProvenance {
		return nil
	}
	o := &onnxmerge.Origin{Version: Version, Selection: selection}
	names, references := s.models.baseNames(), s.models.references()
	for _, i := range order(taken) {
		o.Files, o.Stored = append(o.Files, names[i]), append(o.Stored, s.models[i].stored)
		o.References = append(o.References, references[i])
	}
	return o
}
