package onnxmerge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// warn adds warnings about parts of the models that are not interpreted, tensors that differ and are copied, and
// weights that are not used.
func (p *planner) warn() {
	for i, m := range p.models {
		side := "fine-tuned"
		switch {
		case i == 0:
			side = "pre-trained"
		case i < len(p.models)-1:
			side = ordinal(i)
		}
		for _, what := range m.Unread {
			p.addWarning("the %s model has %s; weights in it are not merged", side, what)
		}
		if names := p.undefined(i); len(names) > 0 {
			p.addWarning("no operator, input or tensor of the %s model gives %s, so that no runtime computes it", side,
				shortList(names))
		}
	}
	var differ []string
	for _, d := range p.decisions {
		if d.Action == Copy && d.Reason == reasonDiffers {
			differ = append(differ, d.Tensor)
		}
	}
	if len(differ) > 0 {
		p.addWarning("%d tensors that are not floating-point numbers differ and are kept "+
			"from the fine-tuned model (%s)", len(differ), strings.Join(differ[:min(3, len(differ))], ", "))
	}
	p.warnPartial()
	p.warnRescaled()
	p.warnFolded()
	p.warnUnused()
}

// addWarning appends a warning.
func (p *planner) addWarning(format string, args ...any) {
	p.warnings = append(p.warnings, fmt.Sprintf(format, args...))
}

// undefined returns the values that operators of a model take and nothing gives. A merge keeps them as they are.
func (p *planner) undefined(model int) []string {
	switch {
	case model == 0:
		return p.roles.undefinedA
	case model == len(p.models)-1:
		return p.roles.undefinedB
	}
	return p.others[model-1].roles.undefinedA
}

// warnUnused names pre-trained weights without a counterpart. A projection head explains them; so do two exports with
// different graphs, which is a fault.
func (p *planner) warnUnused() {
	lonely := map[string]bool{} // shapes of fine-tuned weights without a counterpart
	for _, d := range p.decisions {
		if d.Action == Copy && d.b.DType.IsFloat() && len(d.Dims) > 0 {
			lonely[shapeKey(d.b)] = true
		}
	}
	only := map[string]bool{}
	for _, id := range p.onlyA {
		only[id] = true
	}
	var unused []string
	alike := 0
	for _, t := range p.pretrained.Tensors {
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
	line := fmt.Sprintf("%d weights of the pre-trained model are not used, because they have no counterpart in the "+
		"fine-tuned model (%s)", len(unused), strings.Join(unused[:min(3, len(unused))], ", "))
	if alike > 0 {
		line += fmt.Sprintf("; %d have the shape of a copied weight: the models' graphs may differ there", alike)
	}
	p.warnings = append(p.warnings, line)
}

func shapeKey(t *onnx.Tensor) string { return fmt.Sprint(t.DType, t.Dims) }

// warnPartial names what is kept from the fine-tuned model although the pre-trained one may have it.
func (p *planner) warnPartial() {
	if kept := p.kept.Backbone; len(kept) > 0 {
		p.addWarning("the merge is partial: %d weights before the head have no certain counterpart "+
			"and are kept from the fine-tuned model (%s)", len(kept), shortList(kept))
	}
	if kept := p.kept.Settings; len(kept) > 0 {
		p.addWarning("%d settings of operators differ and are kept from the fine-tuned model (%s)",
			len(kept), shortList(kept))
	}
}

// warnDifferences names operators that compute something else in the two models, and numbers in attributes, which are
// not merged.
func (p *planner) warnDifferences(al *pair.Alignment) {
	if lines := al.Differences; len(lines) > 0 {
		p.addWarning("%d operators of paired weights differ, so the models are not one network: %s",
			len(lines), strings.Join(lines[:min(3, len(lines))], "; "))
	}
	if names := differingLists(p.pretrained, p.finetuned); len(names) > 0 {
		p.addWarning("numbers in attributes differ and are kept from the fine-tuned model, because "+
			"attributes are not merged: %s", strings.Join(names, ", "))
	}
}

// differingLists returns the operators and attributes whose lists of floats are not the same in both models, sorted.
func differingLists(a, b *onnx.Model) []string {
	count, inA := map[string]map[uint64]int{}, map[string]bool{}
	for sign, m := range map[int]*onnx.Model{1: a, -1: b} {
		for g := range m.Bodies() {
			for i := range g.Nodes {
				n := &g.Nodes[i]
				for name, hash := range n.Lists {
					if n.Op() == "Constant" {
						continue // a tensor of the model
					}
					key := n.Op() + "." + name
					inA[key] = inA[key] || m == a
					if count[key] == nil {
						count[key] = map[uint64]int{}
					}
					count[key][hash] += sign
				}
			}
		}
	}
	var names []string
	for key, hashes := range count {
		for _, n := range hashes {
			if n < 0 && inA[key] { // the fine-tuned model has numbers that the pre-trained one has not
				names = append(names, key)
				break
			}
		}
	}
	slices.Sort(names)
	return names
}

// shortList joins at most three names.
func shortList(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// warnRescaled names running variances whose elements the method drops at random and scales up. Negative results are
// clamped to zero, and their channels then dominate all others: a PointNet's probe fell from 84 % to 11 %, chance.
func (p *planner) warnRescaled() {
	if p.method.Rescales == nil {
		return
	}
	var found []string
	for _, d := range p.decisions {
		if d.Action == Merge && d.isVariance && p.method.Rescales(d.params) {
			found = append(found, d.Tensor)
		}
	}
	if len(found) > 0 {
		p.addWarning("%s drops elements of %d running variances and scales up the others "+
			"(%s), which can make the features useless: --set op:BatchNormalization:density=1 drops none in normalisations, "+
			"--exclude keeps the fine-tuned tensors", p.method.Name, len(found), strings.Join(found[:min(3, len(found))], ", "))
	}
}

// normReasons explains two models without common weights by their normalisations, if these differ: those of stored
// weights (weight standardisation: Qiao et al., arXiv:1903.10520), else the BatchNormalizations of what the models compute.
func (p *planner) normReasons() []string {
	a, b := countNorms(p.pretrained), countNorms(p.finetuned)
	switch {
	case (a.ofWeights > 0) != (b.ofWeights > 0):
		has, other := "fine-tuned", "pre-trained"
		if a.ofWeights > 0 {
			has, other = other, has
		}
		return []string{fmt.Sprintf("the %s model standardises %s whenever it runs (BatchNormalization of a stored weight), the "+
			"%s one none: if it stores standardised weights, those that were trained cannot be computed from them, and --fold "+
			"does not help; export both models in one form", has, text.Count(max(a.ofWeights, b.ofWeights), "weight"), other)}
	case a.ofValues == b.ofValues:
		return nil
	}
	return []string{fmt.Sprintf("the pre-trained model has %d BatchNormalization operators, the fine-tuned one %d: an "+
		"exporter may have folded them into the weights before them; export both models in one form", a.ofValues, b.ofValues)}
}

// normCount is how many BatchNormalizations of a main graph normalise stored weights, and how many other values.
type normCount struct{ ofWeights, ofValues int }

func countNorms(m *onnx.Model) (n normCount) {
	all := flow.CountOps(m, "BatchNormalization")
	a, err := newAncestry(m)
	if err != nil { // no graph of values: none is known to be of a weight
		return normCount{ofValues: all}
	}
	for i := range m.Graph.Nodes {
		if x := &m.Graph.Nodes[i]; x.Op() == "BatchNormalization" && len(x.Inputs) > 0 && !a.live[x.Inputs[0]] {
			n.ofWeights++
		}
	}
	n.ofValues = all - n.ofWeights
	return n
}
