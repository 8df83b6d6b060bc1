package onnxmerge

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/static"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// An exporter may write a normalisation as s x + t, where the model computes s = gamma / sqrt(variance + epsilon) and
// t = beta - s mean each time it runs; another one stores s and t, or folds them into the layer before. With
// [Options.FoldNorms] such models are paired and folded in views that store s and t (package static). A vector that
// both models compute stays computed, so that its parts are mixed.
//
// A computed vector of the pre-trained model is read as if it were stored. One of the fine-tuned model is written through
// a tensor in which it is linear, s through gamma and t through beta; the others stay those of the fine-tuned model.

// computedViews are the views in which the tensors of two models are decided, and the models of the files.
type computedViews struct {
	a, b                  *static.View // nil for a model without computed vectors
	pretrained, finetuned *onnx.Model
}

// enterViews replaces the models by views with stored vectors, until leaveViews. The result is nil if none is needed.
// Given pairs of tensors that a view lacks are kept: nothing is replaced then.
func (p *planner) enterViews(given []pair.Given) (*computedViews, error) {
	if !p.opt.FoldNorms {
		return nil, nil
	}
	ofA, err := static.Find(p.pretrained)
	if err != nil {
		return nil, err
	}
	ofB, err := static.Find(p.finetuned)
	if err != nil {
		return nil, err
	}
	formsA, formsB := normForms(p.pretrained, ofA), normForms(p.finetuned, ofB)
	ofA.Keep(func(v *static.Vector) bool { return !formsB[v.Form()] })
	ofB.Keep(func(v *static.Vector) bool { return !formsA[v.Form()] })
	c := &computedViews{a: ofA.View(false), b: ofB.View(true), pretrained: p.pretrained, finetuned: p.finetuned}
	if c.a == nil && c.b == nil {
		return nil, nil
	}
	for _, g := range given {
		if c.a != nil && slices.Contains(c.a.Consumed, g.A) || c.b != nil && slices.Contains(c.b.Consumed, g.B) {
			return nil, nil
		}
	}
	if c.a != nil {
		p.pretrained = c.a.Model
	}
	if c.b != nil {
		p.finetuned = c.b.Model
	}
	return c, nil
}

// normForms returns the forms of a model's computed vectors, and of those that its BatchNormalizations compute.
func normForms(m *onnx.Model, vectors *static.Vectors) map[static.Form]bool {
	forms := map[static.Form]bool{}
	for _, v := range vectors.All() {
		forms[v.Form()] = true
	}
	if flow.CountOps(m, "BatchNormalization") > 0 {
		forms[static.Form{Vectors: 2, Root: true}], forms[static.Form{Vectors: 4, Root: true}] = true, true
	}
	return forms
}

// isComputed reports whether a tensor of the fine-tuned model's view is a computed vector.
func (c *computedViews) isComputed(t *onnx.Tensor) bool {
	return c != nil && c.b != nil && c.b.Computed[t] != nil
}

// leaveViews restores the models of the files, and decides their tensors as those of the views are decided.
func (p *planner) leaveViews() error {
	c := p.inViews
	if c == nil {
		return nil
	}
	p.inViews = nil
	p.pretrained, p.finetuned = c.pretrained, c.finetuned
	p.roles = newRoles(p.pretrained, p.finetuned)
	if c.a != nil {
		p.readComputed(c.a)
	}
	if c.b != nil {
		return p.writeComputed(c.b)
	}
	return nil
}

// readComputed replaces computed vectors of the pre-trained model as counterparts by the tensors that they are computed
// from.
func (p *planner) readComputed(w *static.View) {
	used := map[string]bool{}
	for i := range p.decisions {
		d := &p.decisions[i]
		v := w.Computed[d.a]
		if d.a == nil || v == nil {
			continue
		}
		p.foldedA = noted(p.foldedA, d.a.ID())
		if d.fold == nil {
			d.fold, d.foldType = source(d.a, d.perm, d.a.DType.Bits()/8), d.a.DType
			d.Reason += ", which the pre-trained model computes from " + quotedIDs(v.Vectors())
		}
		d.a, d.perm = v.Vectors()[0], nil
	}
	byID := map[string]*static.Vector{}
	for t, v := range w.Computed {
		byID[t.ID()] = v
		if p.foldedA[t.ID()] {
			for _, leaf := range v.Leaves() {
				used[leaf.ID()] = true
			}
		}
	}
	var only []string
	for _, id := range p.onlyA {
		if byID[id] == nil {
			only = append(only, id)
		}
	}
	for _, t := range w.Consumed {
		only = append(only, t.ID())
	}
	p.onlyA = only
	p.useFolded(used)
}

// noted adds a name to a set, which may be nil.
func noted(set map[string]bool, id string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	set[id] = true
	return set
}

// quotedIDs lists the names of tensors.
func quotedIDs(list []*onnx.Tensor) string {
	var names []string
	for _, t := range list {
		names = append(names, fmt.Sprintf("%q", t.ID()))
	}
	return strings.Join(names, ", ")
}

// writeComputed decides the tensors of the fine-tuned file: those of which vectors are computed so that the vectors are
// what the view's decisions say.
func (p *planner) writeComputed(w *static.View) error {
	inView := map[*onnx.Tensor]*decision{}
	for i := range p.decisions {
		inView[p.decisions[i].b] = &p.decisions[i]
	}
	carried, err := p.carry(w, inView)
	if err != nil {
		return err
	}
	list := make([]decision, len(p.finetuned.Tensors))
	for i, t := range p.finetuned.Tensors {
		d := inView[t]
		if d == nil {
			d = carried[t]
		}
		x := &list[i]
		if *x = *d; d.Action != Copy && !p.isSelected(t) {
			*x = notSelected()
		}
		x.Tensor, x.DType, x.Dims, x.b, x.isVariance = t.ID(), t.DType, t.Dims, t, p.roles.variancesB[t]
	}
	p.decisions = list
	return nil
}

// computed is a computed vector of the fine-tuned model's view with its decision.
type computed struct {
	*static.Vector
	decision *decision
	leaf     *onnx.Tensor // through which it is written; nil if it is kept
	want     []float64    // the pre-trained model's elements, or its own if it is kept
	own      []float64
}

// carry returns the decisions of the tensors that only computed vectors use.
func (p *planner) carry(w *static.View, inView map[*onnx.Tensor]*decision) (map[*onnx.Tensor]*decision, error) {
	var list []*computed
	for t, v := range w.Computed {
		c := &computed{Vector: v, decision: inView[t]}
		if !slices.ContainsFunc(v.Vectors(), p.isSelected) {
			excluded := notSelected()
			c.decision = &excluded
		}
		var err error
		if c.own, err = v.Evaluate(nil); err != nil {
			return nil, err
		}
		if c.want = c.own; c.decision.Action == Merge {
			if c.want, err = c.decision.values(); err != nil {
				return nil, err
			}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *computed) int { // a vector is part of those with more leaves
		return cmp.Or(len(a.Leaves())-len(b.Leaves()), strings.Compare(a.Name, b.Name))
	})
	values, taken := static.Values{}, map[*onnx.Tensor]bool{}
	for i, c := range list {
		if c.decision.Action != Merge {
			continue
		}
		isFree := func(t *onnx.Tensor) bool {
			has := func(o *computed) bool { return slices.Contains(o.Leaves(), t) }
			return !taken[t] && slices.Contains(w.Consumed, t) && p.isSelected(t) && !slices.ContainsFunc(list[:i], has)
		}
		if c.leaf = c.nearest(isFree); c.leaf == nil {
			continue
		}
		taken[c.leaf] = true
		var err error
		if values[c.leaf], err = c.Solve(c.leaf, c.want, values); err != nil {
			return nil, err
		}
	}
	out := map[*onnx.Tensor]*decision{}
	for _, t := range w.Consumed {
		out[t] = &decision{Action: Copy, Reason: foldKept + " are written through tensors beside it"}
	}
	for _, c := range list {
		ok, err := c.isReached(values)
		if err != nil {
			return nil, err
		}
		c.decide(out, values, ok)
	}
	return out, nil
}

// isSelected reports whether the patterns select a tensor.
func (p *planner) isSelected(t *onnx.Tensor) bool {
	return selected(t.ID(), p.opt.Include, p.opt.Exclude)
}

// nearest returns the leaf through which a vector is written: of those that are free and in which it is linear, the one
// with the fewest operators between; nil if there is none. Free is one that no vector before it in the list has.
func (c *computed) nearest(isFree func(*onnx.Tensor) bool) *onnx.Tensor {
	var best *onnx.Tensor
	least := 0
	for _, leaf := range c.Vectors() {
		if depth, ok := c.Depth(leaf); ok && isFree(leaf) && (best == nil || depth < least) {
			best, least = leaf, depth
		}
	}
	return best
}

// maxMissed is the difference, relative to the largest element, that float64 leaves where a vector is reached.
const maxMissed = 1e-9

// isReached reports whether the values of the leaves give the wanted vector, and half of them, and of those of the file,
// half of it: then every mix of the leaves gives the mix of the vectors.
func (c *computed) isReached(values static.Values) (bool, error) {
	half := static.Values{}
	for t, x := range values {
		own, err := t.Numbers()
		if err != nil {
			return false, err
		}
		half[t] = middle(own, x)
	}
	for _, test := range []struct {
		values static.Values
		want   []float64
	}{{values, c.want}, {half, middle(c.own, c.want)}} {
		got, err := c.Evaluate(test.values)
		if err != nil {
			return false, err
		}
		scale := 0.0
		for i := range c.want {
			scale = max(scale, math.Abs(c.want[i]), math.Abs(c.own[i]))
		}
		for i, x := range got {
			if !(math.Abs(x-test.want[i]) <= maxMissed*scale) { // NaN, too
				return false, nil
			}
		}
	}
	return true, nil
}

// middle returns the means of elements.
func middle(x, y []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i] = (x[i] + y[i]) / 2
	}
	return out
}

// decide decides the leaves of a vector.
func (c *computed) decide(out map[*onnx.Tensor]*decision, values static.Values, isReached bool) {
	d := *c.decision
	switch {
	case !isReached:
		d = decision{Action: Refuse, Reason: fmt.Sprintf("the model computes %q from %s, and no values of them give its mix "+
			"with the pre-trained model's", c.Name, quotedIDs(c.Vectors()))}
	case c.leaf != nil:
		d.fold, d.foldType, d.perm, d.unfolded = encoded(c.leaf.DType, values[c.leaf]), c.leaf.DType, nil, true
		d.Reason += fmt.Sprintf(", in %q, which the model computes from it", c.Name)
		out[c.leaf] = &d
		return
	case d.Action == Merge, strings.HasPrefix(d.Reason, foldKept):
		return // it is the same in both models, or is kept for the same reason
	}
	for _, t := range c.Vectors() {
		if x := out[t]; x != nil && (x.Action == Copy || d.Action == Refuse) && x.kind == notKept {
			out[t] = &d
		}
	}
}

// values returns the pre-trained model's elements of a merged tensor.
func (d *decision) values() ([]float64, error) {
	in := d.counterpart()
	raw, values := make([]byte, in.codec.SizeBytes(int(d.b.Len()))), make([]float64, d.b.Len())
	if err := in.read(raw, 0); err != nil {
		return nil, err
	}
	in.codec.Decode(values, raw)
	return values, nil
}
