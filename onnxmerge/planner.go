package onnxmerge

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// decision is a [Decision] with the state that planning and execution need.
type decision struct {
	Tensor string
	Action Action
	Reason string
	DType  onnx.DType
	Dims   []int64

	a, b       *onnx.Tensor  // a is nil unless Action is Merge
	how        pair.How      // what proves the pair
	among      int           // see [pair.Pair]
	perm       []int         // the order of a's axes in b, nil if it is the same
	fold       reader        // reads the pre-trained tensor with a normalisation folded into it; nil without one
	foldType   onnx.DType    // of the elements that fold reads; 0 is that of b
	unfolded   bool          // fold undoes the normalisation that b has
	isVariance bool          // of a normalisation: never negative
	further    []decision    // the pairs with the models between the first and the last
	fisher     []decision    // the pairs with the Fisher informations; Merge where there is one
	params     method.Params // complete, of this tensor
	depth      float64
	// headLike: it is refused for a reason that another head would explain. displaced: one more operator before the head
	// would explain it.
	headLike, displaced bool
	kind                kind       // of a copied tensor
	differs             bool       // a setting differs between the models
	deselected          bool       // it would be merged or refused, and is excluded
	suspect             bool       // it is refused because one weight may be the other times a scale
	doubtful            *GivenPair // it is refused, and running both models can decide this pair
	advice              string     // what to do if it is refused
}

// merges reports whether a tensor is merged; one without a decision, nil, is copied.
func (d *decision) merges() bool { return d != nil && d.Action == Merge }

// data returns the exported part.
func (d *decision) data() Decision {
	x := Decision{Tensor: d.Tensor, Action: d.Action, Reason: d.Reason, DType: d.DType, Dims: d.Dims, Advice: d.advice,
		Depth: d.depth}
	if d.Action == Merge {
		x.How, x.Among, x.Transposed, x.Folded, x.Params = d.how, d.among, d.perm != nil, d.fold != nil, d.params
		if d.a != nil {
			x.From = d.a.ID()
		}
	}
	return x
}

// planner decides a merge. Its first part pairs the tensors of all models (pair, joinFurther); its second part,
// decideParams, adds what depends on the method's parameters, and can be repeated for others.
type planner struct {
	pretrained, finetuned *onnx.Model
	models                []*onnx.Model // all, in the order of the method
	opt                   Options
	method                method.Method
	params                method.Params // complete
	workers               int

	decisions []decision // in the order of the fine-tuned file
	onlyA     []string   // tensors that only the pre-trained model has
	warnings  []string
	backbone  Backbone
	kept      Kept
	norms     Shrink
	paired    paired
	measured  map[*onnx.Tensor][]byte // payloads in place of mixed ones; see [Plan.Replacing]

	inViews     *computedViews  // while tensors are decided in views; nil otherwise
	roles       *roles          // set with the pairing
	foldedA     map[string]bool // tensors of the pre-trained model that are folded into others
	differences []string        // operators of pairs that compute something else; see [pair.Alignment]
	others      []*planner      // the pairings of the models between the first and the last
}

// paired is the part of a plan that does not depend on the method's parameters.
type paired struct {
	decisions []decision
	warnings  []string
}

// plan returns the plan as data.
func (p *planner) plan() *Plan {
	plan := &Plan{Method: p.method, Params: p.params, OnlyA: p.onlyA, Unused: p.unusedIDs(), Warnings: p.warnings,
		Backbone: p.backbone, Kept: p.kept, Norms: p.norms, planner: p}
	plan.Decisions = slices.Grow(plan.Decisions, len(p.decisions))
	for i := range p.decisions {
		plan.Decisions = append(plan.Decisions, p.decisions[i].data())
	}
	return plan
}

// decideParams decides what depends on the method's parameters.
func (p *planner) decideParams() error {
	p.decisions, p.warnings = slices.Clone(p.paired.decisions), slices.Clone(p.paired.warnings)
	if err := p.resolve(); err != nil {
		return err
	}
	p.warn()
	return p.findShrink()
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

// newPlanner checks all that can be checked without reading the models.
func newPlanner(models []*onnx.Model, opt Options) (*planner, error) {
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
	if err := opt.Statistics.check(how); err != nil {
		return nil, err
	}
	if err := checkGlobs(opt.Include, opt.Exclude); err != nil {
		return nil, err
	}
	return &planner{method: how, params: params, pretrained: models[0], finetuned: models[len(models)-1], models: models,
		opt: opt, workers: workers}, nil
}

// pair pairs the first model with the last and decides every tensor from that.
func (p *planner) pair(ctx context.Context) error {
	sampler := newSampler(p.opt.memory() / 4)
	if err := p.checkPatterns(); err != nil {
		return err
	}
	given, err := p.given()
	if err != nil {
		return err
	}
	if p.inViews, err = p.enterViews(given); err != nil {
		return err
	}
	sampler.load(ctx, p.pretrained, p.finetuned)
	alignment, err := p.find(ctx, sampler.likeness, given...)
	if err != nil {
		return err
	}
	p.warnDifferences(alignment)
	p.differences = alignment.Differences
	scales := &scaling{sampler: sampler, conflicts: map[*onnx.Tensor]*pair.Conflict{}}
	if err := p.decide(ctx, alignment, scales); err != nil {
		return err
	}
	if p.opt.FoldNorms {
		if err := p.foldAll(append(alignment.Folds, scales.folds...)); err != nil {
			return err
		}
	}
	if err := p.decideArranged(ctx, scales, given); err != nil {
		return err
	}
	if err := p.leaveViews(); err != nil {
		return err
	}
	for _, step := range []func() error{p.decideBackbone, p.findKept} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(); err != nil {
			return err
		}
	}
	if keptSilently != nil {
		p.keepSilently()
	}
	return p.warnUnrelated(sampler)
}

// pairStructure decides every tensor by structure and names alone, for models whose weights are not comparable.
func (p *planner) pairStructure(ctx context.Context) error {
	alignment, err := p.find(ctx, nil)
	if err != nil {
		return err
	}
	return p.decide(ctx, alignment, nil)
}

// find pairs the tensors, and finds their roles meanwhile.
func (p *planner) find(ctx context.Context, similar pair.Likeness, given ...pair.Given) (al *pair.Alignment, err error) {
	var meanwhile sync.WaitGroup
	meanwhile.Go(func() { p.roles = newRoles(p.pretrained, p.finetuned) })
	al, err = pair.Find(ctx, p.pretrained, p.finetuned, similar, given...)
	meanwhile.Wait()
	return al, err
}

// defaultMemory bounds the buffers of a merge.
const defaultMemory = 256 << 20

func (o Options) memory() int64 {
	if o.Memory == 0 {
		return defaultMemory
	}
	return o.Memory
}

// workersFor returns the number of goroutines for which half of the memory suffices; the rest is for hashing. Each
// goroutine has a block of every model and two of the result: one that it fills, one that waits to be written.
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

// Kind implements the kinds of package fault.
func (*MemoryError) Kind() fault.Kind { return fault.Usage }

func (e *MemoryError) Error() string {
	return fmt.Sprintf("a memory limit of %d bytes is too low: the buffers need %d", e.Has, e.Needs)
}

func (p *planner) judge() judge {
	return judge{memory: p.opt.memory() / int64(len(p.models)+len(p.opt.Fisher)-1), roles: p.roles}
}

// decide sets the decisions, in the order of the fine-tuned file. scales is nil if values are not comparable.
func (p *planner) decide(ctx context.Context, al *pair.Alignment, scales *scaling) error {
	j := p.judge()
	decided := p.undecided()
	for _, biases := range []bool{false, true} { // biases follow their weights
		for i := range al.Pairs {
			pair := &al.Pairs[i]
			if isBias := pair.Weight != nil; isBias != biases {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			d, err := j.decide(*pair, scales)
			if err != nil {
				return err
			}
			*decided.of(pair.B) = d
		}
	}
	for _, c := range al.Conflicts {
		d, err := j.decideConflict(c)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", c.B.ID(), err)
		}
		*decided.of(c.B) = d
	}
	for _, t := range al.OnlyB {
		d, err := j.decideOnlyB(t)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.ID(), err)
		}
		*decided.of(t) = d
	}
	for _, i := range al.Implied {
		if decided.of(i.Weight).Action == Merge {
			*decided.of(i.B) = decideImplied(i)
		}
	}
	if err := p.decideSettings(al, decided); err != nil {
		return err
	}
	for i, t := range p.finetuned.Tensors {
		d := &decided.list[i]
		if d.Action != Copy && !p.inViews.isComputed(t) && !p.isSelected(t) {
			*d = notSelected()
		}
		d.Tensor, d.DType, d.Dims, d.b, d.isVariance = t.ID(), t.DType, t.Dims, t, p.roles.variancesB[t]
	}
	p.decisions = decided.list
	for _, t := range al.OnlyA {
		p.onlyA = append(p.onlyA, t.ID())
	}
	return nil
}

// decisions are those of the fine-tuned model's tensors, in their order.
type decisions struct {
	list []decision
	at   *onnx.Table[int] // index into list
}

// undecided returns an empty decision for every tensor of the fine-tuned model.
func (p *planner) undecided() decisions {
	n := len(p.finetuned.Tensors)
	d := decisions{list: make([]decision, n), at: onnx.NewTable[int](p.finetuned)}
	for i, t := range p.finetuned.Tensors {
		d.at.Set(t, i)
	}
	return d
}

func (d decisions) of(t *onnx.Tensor) *decision {
	i, ok := d.at.At(t)
	if !ok {
		panic("onnxmerge: a tensor of another model is decided")
	}
	return &d.list[i]
}

// mismatch returns the reasons why the plan cannot be executed; nil if it can.
func (p *planner) mismatch() *MismatchError {
	var reasons []string
	merged, doubts := 0, 0
	for _, d := range p.decisions {
		switch d.Action {
		case Merge:
			merged++
		case Refuse:
			if d.doubtful != nil {
				doubts++
			}
			reason := fmt.Sprintf("tensor %q: %s", d.Tensor, d.Reason)
			if d.advice != "" {
				reason += ": " + d.advice
			}
			reasons = append(reasons, reason)
		}
	}
	switch {
	case len(reasons) > 0:
		summary := fmt.Sprintf("%d of %d tensors cannot be merged", len(reasons), len(p.decisions))
		return &MismatchError{Summary: summary, Reasons: reasons, Provable: doubts == len(reasons)}
	case merged == 0 && p.isFiltered():
		return &MismatchError{Summary: "no weight that has a counterpart is selected by the patterns", filtered: true}
	case p.opt.RequireComplete && len(p.kept.Backbone) > 0:
		return &MismatchError{Summary: fmt.Sprintf("%d weights before the head have no certain counterpart, and a complete "+
			"merge is required", len(p.kept.Backbone)), Reasons: p.kept.Backbone}
	case merged == 0:
		reasons := p.normReasons()
		if names := differingLists(p.pretrained, p.finetuned); len(names) > 0 {
			reasons = append(reasons, "numbers in attributes differ, and attributes are not merged: "+shortList(names))
		}
		return &MismatchError{Summary: "no weight of the fine-tuned model has a counterpart in the pre-trained one",
			Reasons: reasons}
	}
	return nil
}

// isFiltered reports whether Include or Exclude keeps a tensor from being merged or refused.
func (p *planner) isFiltered() bool {
	return slices.ContainsFunc(p.decisions, func(d decision) bool { return d.deselected })
}

// mergedBytes returns the size of all merged payloads.
func (p *planner) mergedBytes() int64 {
	total := int64(0)
	for _, d := range p.decisions {
		if d.Action == Merge {
			total += d.b.SizeBytes()
		}
	}
	return total
}

// count returns how many tensors have an action, and how many elements these have together.
func (p *planner) count(a Action) (tensors int, elements int64) {
	for _, d := range p.decisions {
		if d.Action == a {
			tensors++
			elements += d.b.Len()
		}
	}
	return tensors, elements
}
