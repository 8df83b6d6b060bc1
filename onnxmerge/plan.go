// Package onnxmerge merges the weights of ONNX models.
//
// [NewPlan] decides for every tensor of the fine-tuned model whether it is merged,
// copied or refused, and why, before anything is written. [Plan.Run] then writes the
// merged model: the fine-tuned file byte for byte, with the payloads of the merged
// tensors replaced. The convention everywhere is
//
//	theta(alpha) = (1 - alpha) * PRETRAINED + alpha * FINETUNED
package onnxmerge

import (
	"fmt"
	"path"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

// Action is what happens to one tensor.
type Action int

// The actions.
const (
	Merge  Action = iota + 1 // replaced by a mix of both models
	Copy                     // kept from the fine-tuned model
	Refuse                   // cannot be merged, and nobody said to keep it: the plan cannot run
)

func (a Action) String() string {
	switch a {
	case Merge:
		return "merge"
	case Copy:
		return "copy"
	case Refuse:
		return "refuse"
	}
	return fmt.Sprintf("action %d", int(a))
}

// Decision is what the plan does to one tensor of the fine-tuned model, and why.
type Decision struct {
	Tensor string
	Action Action
	Reason string
	DType  graph.DType
	Dims   []int64

	a, b *graph.Tensor // a is nil unless Action is Merge
}

// Options choose how to merge.
type Options struct {
	Method string        // a registered name; "" is "linear"
	Params method.Params // nil takes the method's defaults
	// Include and Exclude are globs over tensor IDs; * also matches slashes. If
	// Include is not empty, only what it matches is merged. What Exclude matches is
	// copied from the fine-tuned model.
	Include, Exclude []string
	Workers          int // goroutines that mix; 0 means 1. The output does not depend on it
}

// Plan is a merge that has been decided and not yet run. The models must stay open
// until it has run. It may be run several times, also at once.
type Plan struct {
	Decisions []Decision // in the order of the fine-tuned file
	OnlyA     []string   // tensors that only the pre-trained model has
	Warnings  []string
	Method    method.Method
	Params    method.Params // complete

	finetuned *graph.Model
	workers   int
}

// MismatchError reports that the two models do not match. Reasons has one line per
// tensor or other finding; all of them, not only the first.
type MismatchError struct {
	Summary string
	Reasons []string
}

func (e *MismatchError) Error() string {
	return strings.Join(append([]string{e.Summary}, e.Reasons...), "\n  ")
}

// NewPlan decides a merge of pretrained and finetuned. It reads structure only. A
// plan with refused tensors is returned together with a [MismatchError], so that it
// can be shown; it does not run.
func NewPlan(pretrained, finetuned *graph.Model, opt Options) (*Plan, error) {
	if opt.Method == "" {
		opt.Method = "linear"
	}
	how, err := method.Lookup(opt.Method)
	if err != nil {
		return nil, err
	}
	params, err := how.Complete(opt.Params)
	if err != nil {
		return nil, err
	}
	if err := checkGlobs(opt.Include, opt.Exclude); err != nil {
		return nil, err
	}
	alignment, err := align.ByName(pretrained, finetuned)
	if err != nil {
		return nil, err
	}
	p := &Plan{Method: how, Params: params, finetuned: finetuned, workers: opt.Workers}
	p.decide(alignment, opt)
	p.warn(pretrained, finetuned)
	return p, p.check()
}

// decide fills Decisions in the order of the fine-tuned file.
func (p *Plan) decide(al *align.Alignment, opt Options) {
	byID := map[string]Decision{}
	for _, pair := range al.Pairs {
		byID[pair.B.ID()] = decidePair(pair)
	}
	for _, c := range al.Conflicts {
		d := Decision{Action: Refuse, Reason: "same name, but " + c.Reason}
		if !c.B.DType.IsFloat() {
			d = Decision{Action: Copy, Reason: fmt.Sprintf("%s is not merged; it differs: %s", c.B.DType, c.Reason)}
		}
		byID[c.B.ID()] = d
	}
	for _, t := range al.OnlyB {
		byID[t.ID()] = Decision{Action: Copy, Reason: "only in the fine-tuned model"}
	}
	for _, t := range p.finetuned.Tensors {
		d := byID[t.ID()]
		if d.Action != Copy && !selected(t.ID(), opt.Include, opt.Exclude) {
			d = Decision{Action: Copy, Reason: "not selected"}
		}
		d.Tensor, d.DType, d.Dims, d.b = t.ID(), t.DType, t.Dims, t
		p.Decisions = append(p.Decisions, d)
	}
	for _, t := range al.OnlyA {
		p.OnlyA = append(p.OnlyA, t.ID())
	}
}

func decidePair(pair align.Pair) Decision {
	a, b := pair.A, pair.B
	if !b.DType.IsFloat() {
		return Decision{Action: Copy, Reason: fmt.Sprintf("%s is not merged", b.DType)}
	}
	if _, ok := b.DType.Codec(); !ok {
		return Decision{Action: Refuse, Reason: fmt.Sprintf("merging %s is not supported", b.DType)}
	}
	if b.Len() == 0 {
		return Decision{Action: Copy, Reason: "it has no elements"}
	}
	for _, t := range []*graph.Tensor{a, b} {
		if !t.Readable() {
			return Decision{Action: Refuse, Reason: fmt.Sprintf("payload stored as %s is not supported", t.Store)}
		}
	}
	return Decision{Action: Merge, Reason: "paired by " + pair.How, a: a}
}

// warn notes what may hold weights and is copied unseen.
func (p *Plan) warn(pretrained, finetuned *graph.Model) {
	for _, m := range []*graph.Model{pretrained, finetuned} {
		side := "fine-tuned"
		if m == pretrained {
			side = "pre-trained"
		}
		for _, what := range m.Unread {
			p.Warnings = append(p.Warnings, fmt.Sprintf("the %s model has %s; weights in it are not merged", side, what))
		}
	}
	p.warnUnused(pretrained)
}

// warnUnused names pre-trained weights that found no counterpart. A projection head
// is a good reason; that the names drifted between two exports is a bad one.
func (p *Plan) warnUnused(pretrained *graph.Model) {
	lonely := map[string]bool{} // shapes that only the fine-tuned model has a name for
	for _, d := range p.Decisions {
		if d.Action == Copy && d.b.DType.IsFloat() && len(d.Dims) > 0 {
			lonely[shapeKey(d.b)] = true
		}
	}
	only := map[string]bool{}
	for _, id := range p.OnlyA {
		only[id] = true
	}
	var unused []string
	alike := 0
	for _, t := range pretrained.Tensors {
		if !only[t.ID()] || !t.DType.IsFloat() || len(t.Dims) == 0 {
			continue
		}
		unused = append(unused, t.ID())
		if lonely[shapeKey(t)] {
			alike++
		}
	}
	if len(unused) == 0 {
		return
	}
	text := fmt.Sprintf("%d weights of the pre-trained model are not used: the fine-tuned one has none of their names (%s)",
		len(unused), strings.Join(unused[:min(3, len(unused))], ", "))
	if alike > 0 {
		text += fmt.Sprintf("; %d have the shape of a weight that was copied, so the names may have drifted", alike)
	}
	p.Warnings = append(p.Warnings, text)
}

func shapeKey(t *graph.Tensor) string { return fmt.Sprint(t.DType, t.Dims) }

// check refuses a plan that cannot run or would do nothing.
func (p *Plan) check() error {
	var reasons []string
	merged := 0
	for _, d := range p.Decisions {
		switch d.Action {
		case Merge:
			merged++
		case Refuse:
			reasons = append(reasons, fmt.Sprintf("tensor %q: %s", d.Tensor, d.Reason))
		}
	}
	switch {
	case len(reasons) > 0:
		return &MismatchError{fmt.Sprintf("%d of %d tensors cannot be merged", len(reasons), len(p.Decisions)), reasons}
	case merged == 0:
		return &MismatchError{"no weight of the fine-tuned model has a counterpart in the pre-trained one", nil}
	}
	return nil
}

// Count returns how many tensors the plan treats with the given action, and how
// many elements these have together.
func (p *Plan) Count(a Action) (tensors int, elements int64) {
	for _, d := range p.Decisions {
		if d.Action == a {
			tensors++
			elements += d.b.Len()
		}
	}
	return tensors, elements
}

func checkGlobs(lists ...[]string) error {
	for _, globs := range lists {
		for _, g := range globs {
			if _, err := path.Match(g, ""); err != nil {
				return &GlobError{g}
			}
		}
	}
	return nil
}

// GlobError reports a malformed pattern.
type GlobError struct{ Glob string }

func (e *GlobError) Error() string { return fmt.Sprintf("pattern %q is malformed", e.Glob) }

func selected(id string, include, exclude []string) bool {
	return (len(include) == 0 || matchAny(include, id)) && !matchAny(exclude, id)
}

// matchAny matches as path.Match does, except that * and ? match slashes too: to
// the user a tensor's name is one word.
func matchAny(globs []string, id string) bool {
	const slash = "\x00"
	id = strings.ReplaceAll(id, "/", slash)
	for _, g := range globs {
		if ok, _ := path.Match(strings.ReplaceAll(g, "/", slash), id); ok {
			return true
		}
	}
	return false
}
