package onnxmerge

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/onnxmerge/twin"
)

// Swap is what proves the pairing of a merge by running: the written graph with the weights of another of the models
// must compute that model's features. It lists the values of the two that must be equal, and the gaps that may make
// them differ.
type Swap struct {
	// Plan writes the last model's graph with the other model's weights: every tensor that the merge mixes is that of the
	// other model. Tensors that the merge refuses are kept.
	Plan          *Plan
	Model, Graph  *onnx.Model       // the other model, and the last one
	Inputs        map[string]string // the name of Model's input by that of Graph's
	MissingInputs []string          // inputs of Graph without a counterpart
	// Features are the values that the heads consume, or that the models end with: candidates, the surest first.
	Features []twin.Point
	// Points are inner values, in the order of the operators.
	Points  []twin.Point
	Refused int // tensors that the merge refuses
	// Gaps are why the values may differ although the pairs are right.
	Gaps []Gap

	model, graph *ancestry
	merged       []*onnx.Tensor // of Graph, in the order of the file
	numbered     int            // of Features: those at the front that value numbering gives
	headless     bool           // both models end with Features
}

// Swap returns what proves the pairs of one of the models with the last one. It does not pair again. model is an index
// in the order of the models; the last one has no swap.
func (p *Plan) Swap(model int) (*Swap, error) {
	if model < 0 || model >= len(p.planner.models)-1 {
		return nil, &ModelsError{fmt.Sprintf("there is no model %d beside the last one", model)}
	}
	q := p.planner.swapped(model)
	var err error
	if q.params, err = complete(q.method, q.opt, 2); err != nil {
		return nil, err
	}
	if err := q.decideParams(); err != nil {
		return nil, err
	}
	s := &Swap{Plan: q.plan(), Model: q.pretrained, Graph: q.finetuned}
	if s.model, err = newAncestry(s.Model); err == nil {
		s.graph, err = newAncestry(s.Graph)
	}
	if err != nil {
		return nil, err
	}
	s.Refused, _ = p.Count(Refuse)
	s.pairInputs()
	if err := s.findPoints(q); err != nil {
		return nil, err
	}
	s.Gaps, err = q.gaps()
	return s, err
}

// Keeping returns the swap with one weight of the fine-tuned model left in its place.
func (s *Swap) Keeping(t *onnx.Tensor) *Swap {
	q := *s.Plan.planner
	q.decisions = slices.Clone(q.decisions)
	for i := range q.decisions {
		if d := &q.decisions[i]; d.b == t {
			d.Action, d.Reason = Copy, "kept to see whether it changes a value"
		}
	}
	kept := *s
	kept.Plan = q.plan()
	return &kept
}

// Disturbed returns the swap with other numbers in place of a weight's: its own, and normal ones of their size added. It
// returns nil if its elements cannot be written.
func (s *Swap) Disturbed(t *onnx.Tensor) (*Swap, error) {
	codec, ok := t.DType.Codec()
	if !ok || codec.Bits < 8 || !t.Readable() {
		return nil, nil
	}
	values, err := t.Numbers()
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.ID(), err)
	}
	sum := 0.
	for _, v := range values {
		sum += v * v
	}
	size := math.Sqrt(sum / float64(max(1, len(values))))
	if !(size > 0) {
		size = 1
	}
	for i, v := range normal(t.ID(), 0, len(values), size) {
		values[i] += v
	}
	payload := make([]byte, t.SizeBytes())
	codec.Encode(payload, values)
	disturbed := *s
	disturbed.Plan = s.Plan.Replacing(map[*onnx.Tensor][]byte{t: payload})
	return &disturbed, nil
}

// swapped returns the planner of a linear merge at alpha 0 of one model and the last one, with the pairs of p.
func (p *planner) swapped(model int) *planner {
	from := p
	if model > 0 {
		from = p.others[model-1]
	}
	linear, err := method.Lookup("linear")
	if err != nil {
		panic("onnxmerge: the method linear is not registered")
	}
	q := &planner{pretrained: p.models[model], finetuned: p.finetuned, models: []*onnx.Model{p.models[model], p.finetuned},
		method: linear, workers: p.workers, onlyA: from.onlyA, backbone: p.backbone, kept: p.kept,
		differences: from.differences, roles: from.roles, foldedA: from.foldedA}
	q.opt = Options{Params: method.Params{"alpha": 0.}, FoldNorms: p.opt.FoldNorms, Workers: p.opt.Workers,
		Memory: p.opt.Memory, Include: p.opt.Include, Exclude: p.opt.Exclude}
	for _, d := range p.decisions {
		if d.Action == Merge && model > 0 {
			x := d.further[model-1]
			d.a, d.perm, d.fold, d.foldType, d.unfolded = x.a, x.perm, x.fold, x.foldType, x.unfolded
		}
		d.further, d.fisher = nil, nil
		if d.Action == Refuse {
			d.Action, d.Reason = Copy, "refused: "+d.Reason
		}
		q.paired.decisions = append(q.paired.decisions, d)
	}
	return q
}

// pairInputs pairs the inputs by name, and by position where none has the name of another.
func (s *Swap) pairInputs() {
	s.Inputs = map[string]string{}
	named := map[string]bool{}
	for _, in := range s.Model.Graph.Inputs {
		named[in.Name] = true
	}
	var rest []string
	for _, in := range s.Graph.Graph.Inputs {
		if named[in.Name] {
			s.Inputs[in.Name] = in.Name
			delete(named, in.Name)
		} else {
			rest = append(rest, in.Name)
		}
	}
	for _, in := range s.Model.Graph.Inputs {
		if named[in.Name] && len(rest) == len(named) && len(rest) > 0 {
			s.Inputs[rest[0]] = in.Name
			rest = rest[1:]
			delete(named, in.Name)
		}
	}
	s.MissingInputs = slices.Concat(rest, slices.Sorted(maps.Keys(named)))
}

// Backbone returns the merged tensors that the features depend on, in the order of the file.
func (s *Swap) Backbone() []*onnx.Tensor { return s.Before(s.ends()...) }

// ends returns the values that the backbone of Graph ends with.
func (s *Swap) ends() []string {
	if out := s.Plan.Backbone.Output; out != "" {
		return []string{out}
	}
	var names []string
	for _, out := range s.Graph.Graph.Outputs {
		names = append(names, out.Name)
	}
	return names
}

// Ends returns the features with which both models end, so that operators behind them explain no difference: those
// that equal operators compute from the last weights on. It is nil if one of the models has a head.
func (s *Swap) Ends() []twin.Point {
	if !s.headless {
		return nil
	}
	return s.Features[:s.numbered]
}

// Before returns the merged tensors that values of Graph depend on, in the order of the file.
func (s *Swap) Before(values ...string) []*onnx.Tensor {
	before := s.graph.tensors(values)
	return slices.DeleteFunc(slices.Clone(s.merged), func(t *onnx.Tensor) bool { return !before[t] })
}

// Users returns the merged tensors that operators take together with a value of Graph.
func (s *Swap) Users(value string) (ids []string) {
	for _, use := range s.graph.values.Consumers(value) {
		for _, name := range s.Graph.Graph.Nodes[use.Node].Inputs {
			if t := flow.Tensor(s.Graph, s.Graph.Graph, name); slices.Contains(s.merged, t) {
				ids = append(ids, t.ID())
			}
		}
	}
	return ids
}

// IsSelective reports whether values of Graph depend on an operator that selects, sorts or rounds: a difference in
// rounding may change its result altogether.
func (s *Swap) IsSelective(values []string) bool { return s.graph.isSelective(values) }

// Cut returns the change that leaves values as the only outputs, of the other model or of the written graph: each as
// float32, under the name that outputs has for it. What they do not depend on is removed.
func (s *Swap) Cut(inModel bool, values, outputs []string) onnx.Change {
	f := s.graph
	if inModel {
		f = s.model
	}
	return surgery.CutToFloat32(f.model, f.values, values, outputs)
}

// Covered returns the values of Graph that points depend on, the points included.
func (s *Swap) Covered(points []twin.Point) map[string]bool {
	var names []string
	for _, p := range points {
		names = append(names, p.B)
	}
	return s.graph.values.Upstream(names...)
}
