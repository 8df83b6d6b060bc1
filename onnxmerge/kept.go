package onnxmerge

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// Reasons of floating-point tensors that are not merged and are complete all the same.
const (
	reasonOnlyB       = "only in the fine-tuned model"
	reasonNotSelected = "not selected"
	reasonSame        = "the same number in both models"
)

// kind is what a floating-point tensor that is not merged means for the completeness of a merge.
type kind int

const (
	notKept   kind = iota // it is merged, refused, excluded, no floating-point tensor, or the same in both models
	setting               // it configures an operator
	unpaired              // it has no counterpart
	contested             // it has the name, place or shape of one
)

// unpairedKind is the kind of a tensor without a counterpart.
func unpairedKind(t *onnx.Tensor) kind {
	if t.DType.IsFloat() && t.Len() > 0 {
		return unpaired
	}
	return notKept
}

// decideSettings keeps the tensors that configure operators. A setting that differs between the models is named.
func (p *planner) decideSettings(al *pair.Alignment, decided decisions) error {
	inA := p.roles.settingsA
	if len(p.roles.settingsB) == 0 {
		return nil
	}
	counterpart := map[*onnx.Tensor]*onnx.Tensor{}
	for _, pair := range al.Pairs {
		counterpart[pair.B] = pair.A
	}
	for t, use := range p.roles.settingsB {
		a := counterpart[t]
		if named := p.pretrained.Lookup(t.ID()); a == nil && named != nil && inA[named] != "" {
			a = named
		}
		d := decision{Action: Copy, Reason: fmt.Sprintf("a setting (%s)", use), kind: setting}
		if a != nil {
			same, err := isSame(a, t)
			if err != nil {
				return fmt.Errorf("tensor %q: %w", t.ID(), err)
			}
			if d.Reason += ", the same in both models"; !same {
				d.Reason = fmt.Sprintf("a setting (%s) that differs from %q; the fine-tuned one is kept", use, a.ID())
				d.differs = true
			}
		}
		*decided.of(t) = d
	}
	return nil
}

// isSame reports whether two tensors have equal elements, possibly of two floating-point types.
func isSame(a, b *onnx.Tensor) (bool, error) {
	if a.DType == b.DType {
		return a.Equal(b)
	}
	if a.Len() != b.Len() || a.Len() > blockLen || !a.Readable() || !b.Readable() {
		return false, nil
	}
	x, err := valuesOrZeros(a, int(a.Len()))
	if err != nil {
		return false, err
	}
	y, err := valuesOrZeros(b, int(b.Len()))
	if err != nil {
		return false, err
	}
	for i := range x {
		if x[i] != y[i] {
			return false, nil
		}
	}
	return true, nil
}

// Kept lists the floating-point tensors of the fine-tuned model that a merge does not mix, by reason. Excluded tensors,
// tensors that are the same in both models, and the head are not among them.
type Kept struct {
	// Backbone are the weights that have no counterpart although the pre-trained model's backbone has unpaired weights:
	// the merge is partial.
	Backbone []string `json:"backbone"`
	// New are the weights that have no counterpart in a pre-trained backbone whose weights are all paired.
	New []string `json:"new"`
	// Settings configure operators and differ between the models.
	Settings []string `json:"settings"`
}

// findKept sets the tensors that are kept.
func (p *planner) findKept() error {
	k := Kept{Backbone: []string{}, New: []string{}, Settings: []string{}}
	weights, numbers, err := p.unpairedBackbone()
	if err != nil {
		return err
	}
	single, err := p.singleNumbers(numbers)
	if err != nil {
		return err
	}
	inHead := map[string]bool{}
	for _, id := range p.backbone.Head {
		inHead[id] = true
	}
	for i := range p.decisions {
		d := &p.decisions[i]
		if d.Action != Copy || d.kind == notKept {
			continue
		}
		partial := len(weights) > 0
		if d.kind == unpaired && d.b.Len() == 1 {
			isConstant, err := single.isConstant(d.b)
			if err != nil {
				return fmt.Errorf("tensor %q: %w", d.Tensor, err)
			}
			if isConstant {
				d.kind = notKept
				continue
			}
			if partial, err = single.hasCounterpart(d.b); err != nil {
				return fmt.Errorf("tensor %q: %w", d.Tensor, err)
			}
		}
		switch {
		case d.kind == setting && d.differs:
			k.Settings = append(k.Settings, d.Tensor)
		case d.kind == contested, d.kind == unpaired && !inHead[d.Tensor] && partial:
			k.Backbone = append(k.Backbone, d.Tensor)
		case d.kind == unpaired && !inHead[d.Tensor] && (d.b.Len() > 1 || d.b.Site != onnx.Constant):
			k.New = append(k.New, d.Tensor)
		}
	}
	p.kept = k
	return nil
}

// unpairedBackbone returns the weights of the pre-trained model before its head that have no counterpart: those of more
// than one element, and single numbers that are stored beside the graph.
func (p *planner) unpairedBackbone() (weights, numbers []*onnx.Tensor, err error) {
	paired := map[*onnx.Tensor]bool{}
	for _, d := range p.decisions {
		if d.Action == Merge && d.a != nil {
			paired[d.a] = true
		}
	}
	if len(paired) == 0 || len(p.onlyA) == 0 {
		return nil, nil, nil
	}
	h, err := findHead(p.pretrained, paired)
	if err != nil {
		return nil, nil, err
	}
	only := map[string]bool{}
	for _, id := range p.onlyA {
		only[id] = true
	}
	settings, used := p.roles.settingsA, flow.Places(p.pretrained)
	for _, t := range p.pretrained.Tensors {
		switch {
		case !only[t.ID()] || !t.DType.IsFloat() || settings[t] != "" || len(used[t].Ops) == 0 || h.has(t):
		case t.Len() > 1:
			weights = append(weights, t)
		case t.Len() == 1 && t.Site != onnx.Constant:
			numbers = append(numbers, t)
		}
	}
	return weights, numbers, nil
}

// keptSilently, if a test sets it, chooses tensors of the fine-tuned model that are kept and named nowhere, as they would
// be without the checks of this file. A proof must find them by running.
var keptSilently func(*onnx.Tensor) bool

// keepSilently keeps the tensors that the test chooses.
func (p *planner) keepSilently() {
	for i := range p.decisions {
		d := &p.decisions[i]
		if !keptSilently(d.b) {
			continue
		}
		*d = decision{Tensor: d.Tensor, Action: Copy, Reason: reasonSame, DType: d.DType, Dims: d.Dims, b: d.b}
		isIt := func(id string) bool { return id == d.Tensor }
		p.kept.Backbone = slices.DeleteFunc(p.kept.Backbone, isIt)
		p.kept.New = slices.DeleteFunc(p.kept.New, isIt)
	}
}
