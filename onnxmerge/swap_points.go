package onnxmerge

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/twin"
)

// findPoints sets Features and Points.
func (s *Swap) findPoints(q *planner) error {
	models := twin.Models{A: s.Model, B: s.Graph, Inputs: s.Inputs}
	paired := map[*onnx.Tensor]bool{}
	for i := range q.decisions {
		d := &q.decisions[i]
		if d.Action == Merge {
			s.merged = append(s.merged, d.b)
			if d.a != nil {
				paired[d.a] = true
				models.Pairs = append(models.Pairs, twin.Pair{A: d.a, B: d.b,
					Whole: d.perm == nil && d.fold == nil, Folded: d.fold != nil})
			}
		}
	}
	matching, err := twin.Find(models)
	if err != nil {
		return err
	}
	for id := range q.foldedA {
		paired[s.Model.Lookup(id)] = true
	}
	s.Points = matching.Points
	return s.findFeatures(q, matching, paired)
}

// findFeatures sets the values that must be equal last: the one that the head consumes, or the outputs.
func (s *Swap) findFeatures(q *planner, matching *twin.Matching, paired map[*onnx.Tensor]bool) error {
	h, err := findHead(s.Model, paired)
	if err != nil {
		return err
	}
	var ends []string // of the other model's backbone
	if len(h.inputs) == 1 {
		ends = h.inputs
	} else if len(h.weights) == 0 {
		for _, out := range s.Model.Graph.Outputs {
			ends = append(ends, out.Name)
		}
	}
	own := []string{q.backbone.Output}
	if q.backbone.Output == "" {
		own = nil
		for _, out := range s.Graph.Graph.Outputs {
			own = append(own, out.Name)
		}
	}
	for _, b := range own {
		if p, ok := matching.Counterpart(b); ok {
			s.Features = append(s.Features, p)
		}
	}
	s.numbered, s.headless = len(s.Features), len(h.weights) == 0 && q.backbone.Output == "" && len(q.backbone.Head) == 0
	for _, b := range own {
		for _, a := range ends {
			guess := matching.Guess(a, b)
			known := func(p twin.Point) bool { return p.A == a && p.B == b }
			if (a == b || len(ends) == 1 && len(own) == 1) && !slices.ContainsFunc(s.Features, known) &&
				s.Model.Graph.Computes(a) && s.Graph.Graph.Computes(b) {
				s.Features = append(s.Features, guess)
			}
		}
	}
	return nil
}
