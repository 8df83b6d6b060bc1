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
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// Action is what happens to one tensor.
type Action int

// The actions.
const (
	Merge  Action = iota + 1 // replaced by a mix of all models
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
	DType  onnx.DType
	Dims   []int64

	a, b       *onnx.Tensor  // a is nil unless Action is Merge
	how        pair.How      // what proves the pair
	among      int           // see [pair.Pair]
	perm       []int         // the order of a's axes in b, nil if it is the same
	fold       reader        // the pre-trained part if a normalisation is folded into it, else nil
	unfolded   bool          // fold undoes the normalisation that b has
	isVariance bool          // of a normalisation: never negative
	further    []Decision    // the pairs with the models between the first and the last
	fisher     []Decision    // the pairs with the Fisher informations; Merge where there is one
	params     method.Params // complete, of this tensor
	depth      float64
	// headLike says that it is refused for a reason that another head would be a reason
	// for, and displaced that one more operator before the head would be.
	headLike, displaced bool
	advice              string // what to do if it is refused
}

// Options choose how to merge.
type Options struct {
	Method string        // a registered name; "" is "linear"
	Params method.Params // nil takes the method's defaults
	// Include and Exclude are globs over tensor IDs; * also matches slashes. If
	// Include is not empty, only what it matches is merged. What Exclude matches is
	// copied from the fine-tuned model.
	Include, Exclude []string
	// BackboneOutput names a value of the fine-tuned model. Weights that it does not depend
	// on are copied. "" finds the backbone: see [Backbone].
	BackboneOutput string
	// FoldNorms folds BatchNormalizations that only one model has; else weights before them
	// are refused.
	FoldNorms bool
	// Set are parameters of single tensors; later ones win.
	Set []Override
	// Fisher are the diagonal Fisher informations of all models, in their order, for a
	// method that takes them.
	Fisher []*onnx.Model
	// Extrapolate accepts parameters beyond the range in which a method interpolates,
	// such as an alpha of 1.2.
	Extrapolate bool
	Workers     int   // goroutines that mix; 0 means 1. The output does not depend on it
	Memory      int64 // bytes that buffers may take together; 0 means 256 MiB. It limits Workers
	// Origin, if not nil, is written into the merged model together with the recipe and
	// the hashes of the inputs; see [Provenance].
	Origin *Origin
}

// Plan is a merge that has been decided and not yet run. The models must stay open
// until it has run. It may be run several times, also at once.
type Plan struct {
	Decisions []Decision // in the order of the fine-tuned file
	OnlyA     []string   // tensors that only the pre-trained model has
	Warnings  []string
	Backbone  Backbone
	Method    method.Method
	Params    method.Params // complete

	pretrained, finetuned *onnx.Model
	models                []*onnx.Model // all, in the order of the method
	paired                paired
	opt                   Options
	workers               int
}

// Backbone is what both models have, from the input on.
type Backbone struct {
	// Output is the value of the fine-tuned model that its head consumes: the features. It
	// is "" if there is no head, or if it takes several values of the backbone.
	Output string
	Head   []string // weights behind it, which are kept from the fine-tuned model
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

// NewPlan decides a merge of pretrained and finetuned; see [NewPlanOf].
func NewPlan(ctx context.Context, pretrained, finetuned *onnx.Model, opt Options) (*Plan, error) {
	return NewPlanOf(ctx, []*onnx.Model{pretrained, finetuned}, opt)
}

// NewPlanOf decides a merge of two or more models: the pre-trained one first, and last
// the fine-tuned one whose file is written, with which all others are paired. A tensor is
// merged if all models have it. NewPlanOf reads structure, the payloads that are
// compared instead of merged, such as integers, and the beginnings of the others. A plan
// with refused tensors is returned together with a [MismatchError], so that it can be
// shown; it does not run.
func NewPlanOf(ctx context.Context, models []*onnx.Model, opt Options) (*Plan, error) {
	p, err := newPlan(models, opt)
	if err != nil {
		return nil, err
	}
	if err := p.pair(ctx); err != nil {
		return nil, err
	}
	if err := p.joinFurther(ctx); err != nil {
		return nil, err
	}
	p.paired = paired{p.Decisions, p.Warnings}
	return p.settle()
}

// paired is what a plan knows before it looks at parameters.
type paired struct {
	decisions []Decision
	warnings  []string
}

// With returns the plan of the same merge with other parameters. It does not look at the
// models again. Errors are those of [NewPlanOf].
func (p *Plan) With(params method.Params) (*Plan, error) {
	q := *p
	q.opt.Params = params
	var err error
	if q.Params, err = complete(q.Method, q.opt, len(q.models)); err != nil {
		return nil, err
	}
	return q.settle()
}

// settle decides what depends on parameters.
func (p *Plan) settle() (*Plan, error) {
	p.Decisions, p.Warnings = slices.Clone(p.paired.decisions), slices.Clone(p.paired.warnings)
	if err := p.resolve(); err != nil {
		return nil, err
	}
	if err := p.decideShared(); err != nil { // last: it compares decisions
		return nil, err
	}
	p.warn()
	return p, p.check()
}

// complete fills in the parameters of a merge and checks them.
func complete(how method.Method, opt Options, models int) (method.Params, error) {
	fill := how.Complete
	if opt.Extrapolate {
		fill = how.CompleteBeyond
	}
	params, err := fill(opt.Params)
	if err != nil {
		return nil, err
	}
	return params, how.CheckModels(params.At(0), models)
}

// newPlan checks all that can be checked without looking into the models.
func newPlan(models []*onnx.Model, opt Options) (*Plan, error) {
	if opt.Method == "" {
		opt.Method = "linear"
	}
	how, err := method.Lookup(opt.Method)
	if err != nil {
		return nil, err
	}
	if len(models) < 2 {
		return nil, &ModelsError{fmt.Sprintf("a merge takes two models or more, and there are %d", len(models))}
	}
	params, err := complete(how, opt, len(models))
	if err != nil {
		return nil, err
	}
	if err := checkFisher(how, len(models), len(opt.Fisher)); err != nil {
		return nil, err
	}
	workers, err := opt.workersFor(len(models) + len(opt.Fisher))
	if err != nil {
		return nil, err
	}
	if err := checkGlobs(opt.Include, opt.Exclude); err != nil {
		return nil, err
	}
	return &Plan{Method: how, Params: params, pretrained: models[0], finetuned: models[len(models)-1], models: models, opt: opt, workers: workers}, nil
}

// pair decides every tensor by the first model and the last.
func (p *Plan) pair(ctx context.Context) error {
	sampler := newSampler(p.opt.memory() / 4)
	alignment, err := pair.Find(p.pretrained, p.finetuned, sampler.alike)
	if err != nil {
		return err
	}
	if err := p.decide(ctx, alignment); err != nil {
		return err
	}
	if p.opt.FoldNorms {
		if err := p.foldAll(alignment.Folds); err != nil {
			return err
		}
	}
	if err := p.decideBackbone(); err != nil {
		return err
	}
	return p.checkRelatives(sampler)
}

// pairStructure decides every tensor by structure and names, of models whose weights have
// nothing to say about each other.
func (p *Plan) pairStructure(ctx context.Context) error {
	alignment, err := pair.Find(p.pretrained, p.finetuned, nil)
	if err != nil {
		return err
	}
	return p.decide(ctx, alignment)
}

// defaultMemory bounds the buffers of a merge.
const defaultMemory = 256 << 20

func (o Options) memory() int64 {
	if o.Memory == 0 {
		return defaultMemory
	}
	return o.Memory
}

// workersFor is how many goroutines half of the memory allows; the rest is for hashing.
// Each has a block of every model and one to fill, while another waits to be written.
func (o Options) workersFor(models int) (int, error) {
	memory := o.memory() / 2
	perWorker := int64(models+2) * onnx.BlockSize
	n := (memory - onnx.BlockSize) / perWorker
	if n < 1 {
		return 0, &MemoryError{Needs: 2 * (perWorker + onnx.BlockSize), Has: o.memory()}
	}
	return int(min(n, int64(max(o.Workers, 1)))), nil
}

// MemoryError reports a memory limit below what one worker needs.
type MemoryError struct{ Needs, Has int64 }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%d bytes of memory are too few for buffers: the least is %d", e.Has, e.Needs)
}

// reasonOnlyB is why a tensor is copied that the pre-trained model has no counterpart of.
const reasonOnlyB = "only in the fine-tuned model"

// reasonNotSelected is why a tensor is copied that the user does not want merged.
const reasonNotSelected = "not selected"

func (p *Plan) judge() judge {
	return judge{memory: p.opt.memory() / int64(len(p.models)+len(p.opt.Fisher)-1), quantizedA: flow.Quantized(p.pretrained), quantizedB: flow.Quantized(p.finetuned)}
}

// decide fills Decisions in the order of the fine-tuned file.
func (p *Plan) decide(ctx context.Context, al *pair.Alignment) error {
	j := p.judge()
	byID := map[string]Decision{}
	for _, pair := range al.Pairs {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := j.pair(pair)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", pair.B.ID(), err)
		}
		byID[pair.B.ID()] = d
	}
	for _, c := range al.Conflicts {
		d, err := j.conflict(c)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", c.B.ID(), err)
		}
		byID[c.B.ID()] = d
	}
	for _, t := range al.OnlyB {
		byID[t.ID()] = Decision{Action: Copy, Reason: reasonOnlyB}
	}
	variances := flow.Variances(p.finetuned)
	for _, t := range p.finetuned.Tensors {
		d := byID[t.ID()]
		if d.Action != Copy && !selected(t.ID(), p.opt.Include, p.opt.Exclude) {
			d = Decision{Action: Copy, Reason: reasonNotSelected}
		}
		d.Tensor, d.DType, d.Dims, d.b, d.isVariance = t.ID(), t.DType, t.Dims, t, variances[t]
		p.Decisions = append(p.Decisions, d)
	}
	for _, t := range al.OnlyA {
		p.OnlyA = append(p.OnlyA, t.ID())
	}
	return nil
}

// check refuses a plan that cannot run or would do nothing.
func (p *Plan) check() error {
	if mismatch := p.mismatch(); mismatch != nil {
		return mismatch
	}
	return nil
}

// mismatch says why the plan cannot run; it is nil if it can.
func (p *Plan) mismatch() *MismatchError {
	var reasons []string
	merged := 0
	for _, d := range p.Decisions {
		switch d.Action {
		case Merge:
			merged++
		case Refuse:
			reason := fmt.Sprintf("tensor %q: %s", d.Tensor, d.Reason)
			if d.advice != "" {
				reason += ": " + d.advice
			}
			reasons = append(reasons, reason)
		}
	}
	switch {
	case len(reasons) > 0:
		return &MismatchError{fmt.Sprintf("%d of %d tensors cannot be merged", len(reasons), len(p.Decisions)), reasons}
	case merged == 0:
		return &MismatchError{"no weight of the fine-tuned model has a counterpart in the pre-trained one", p.normReasons()}
	}
	return nil
}

// mergedBytes is the size of all merged payloads.
func (p *Plan) mergedBytes() int64 {
	total := int64(0)
	for _, d := range p.Decisions {
		if d.Action == Merge {
			total += d.b.SizeBytes()
		}
	}
	return total
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
