package main

import (
	"context"
	"fmt"
	"time"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
)

// taken returns the chosen models, the best one first.
func (k *soupRun) taken() (list []int) {
	for _, s := range k.steps {
		if s.Taken {
			list = append(list, s.Model)
		}
	}
	return list
}

// serve writes the soup.
func (k *soupRun) serve(ctx context.Context, layout graph.WriteOptions) (result, error) {
	settings, err := k.validator.Settings(ctx)
	if err != nil {
		return nil, err
	}
	settings.Fit = k.probe
	taken := k.taken()
	r := &soupReport{Schema: "wiseft.soup/1", Output: k.c.String("out"), Rule: k.rule, N: k.n, Warnings: append([]string{}, k.notes...), Settings: settings}
	for _, s := range k.steps {
		r.Candidates = append(r.Candidates, soupCandidate{k.paths[s.Model], k.tensors[s.Model], s.Alone, s.Soup, s.Taken})
		if s.Taken {
			r.Chosen, r.Accuracy = append(r.Chosen, k.paths[s.Model]), s.Soup
		}
	}
	if len(taken) == 1 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("no average is better than %s alone, which is what the output holds", r.Chosen[0]))
	}
	if err := k.write(ctx, r, taken, layout); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(k.started).Seconds()
	return r, nil
}

// write merges the chosen models.
func (k *soupRun) write(ctx context.Context, r *soupReport, taken []int, layout graph.WriteOptions) error {
	if !k.c.Bool("no-provenance") {
		selection, err := k.selection(ctx, r)
		if err != nil {
			return err
		}
		var names []string
		for _, i := range order(taken) {
			names = append(names, k.paths[i])
		}
		k.opt.Origin = &onnxmerge.Origin{Version: buildVersion(), Files: baseNames(names), Selection: selection}
	}
	plan, err := k.plan(ctx, taken)
	if err != nil {
		return err
	}
	out := &modelOut{path: r.Output, force: k.c.Bool("force"), inputs: k.models.paths()}
	made, err := k.c.writeMerge(ctx, plan, layout, out)
	if err != nil {
		return err
	}
	r.Data, r.Tensors, r.SHA256, r.Bytes = made.Data, made.Tensors, made.SHA256, made.Bytes
	r.Warnings = append(r.Warnings, made.Warnings...)
	return nil
}

// selection is what the soup says of how it was chosen.
func (k *soupRun) selection(ctx context.Context, r *soupReport) (*onnxmerge.Selection, error) {
	s := &onnxmerge.Selection{Rule: r.Rule, Validation: r.Settings.Validation, Train: r.Settings.Train.SHA256}
	if r.Settings.Val != nil {
		s.Val = r.Settings.Val.SHA256
	}
	names := baseNames(k.paths)
	for _, step := range k.steps {
		files, err := k.models[step.Model].Files(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.paths[step.Model], err)
		}
		s.Candidates = append(s.Candidates, onnxmerge.Candidate{File: names[step.Model], SHA256: files[0].Hash, Score: step.Alone, With: step.Soup, Chosen: step.Taken})
	}
	return s, nil
}
