package onnxmerge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// warn notes what may hold weights and is copied unseen, what differs and is copied
// all the same, and what is not used.
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
			p.warnings = append(p.warnings, fmt.Sprintf("the %s model has %s; weights in it are not merged", side, what))
		}
	}
	var differ []string
	for _, d := range p.decisions {
		if d.Action == Copy && d.Reason == reasonDiffers {
			differ = append(differ, d.Tensor)
		}
	}
	if len(differ) > 0 {
		p.warnings = append(p.warnings, fmt.Sprintf("%d tensors that are not floating-point numbers differ and are kept from the fine-tuned model (%s)",
			len(differ), strings.Join(differ[:min(3, len(differ))], ", ")))
	}
	p.warnPartial()
	p.warnRescaled()
	p.warnFolded()
	p.warnUnused()
}

// warnUnused names pre-trained weights that found no counterpart. A projection head
// is a good reason; two exports that are built differently are a bad one.
func (p *planner) warnUnused() {
	lonely := map[string]bool{} // shapes of weights without a counterpart
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
	text := fmt.Sprintf("%d weights of the pre-trained model are not used: none of the fine-tuned one plays their part (%s)",
		len(unused), strings.Join(unused[:min(3, len(unused))], ", "))
	if alike > 0 {
		text += fmt.Sprintf("; %d have the shape of a weight that was copied, so the models may be built differently there", alike)
	}
	p.warnings = append(p.warnings, text)
}

func shapeKey(t *onnx.Tensor) string { return fmt.Sprint(t.DType, t.Dims) }

// warnPartial names weights inside of the backbone that are not merged, although the
// pre-trained model has some that are not used: then the two may be one thing, written
// differently.
func (p *planner) warnPartial() {
	if !slices.ContainsFunc(p.unusedWeights(), isMatrix) {
		return
	}
	var kept []string
	for _, d := range p.decisions {
		if d.Action == Copy && d.Reason == reasonOnlyB && isMatrix(d.b) && !slices.Contains(p.backbone.Head, d.Tensor) {
			kept = append(kept, d.Tensor)
		}
	}
	if len(kept) > 0 {
		p.warnings = append(p.warnings, fmt.Sprintf("the merge is partial: %d weights inside of the backbone have no counterpart and are kept from the fine-tuned model (%s)",
			len(kept), strings.Join(kept[:min(3, len(kept))], ", ")))
	}
}

// warnRescaled names running variances of which numbers are dropped and the others scaled
// up. Some fall below zero then, become zero, and their channels drown all others: a
// PointNet's probe fell from 84 % to 11 %, which is chance.
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
		p.warnings = append(p.warnings, fmt.Sprintf("%s drops numbers of %d running variances and scales up the rest, as of weights (%s); features can become useless: "+
			"--set op:BatchNormalization:density=1 merges normalisations whole, --exclude keeps the fine-tuned ones",
			p.method.Name, len(found), strings.Join(found[:min(3, len(found))], ", ")))
	}
}

// normReasons says what is known of two models that have nothing in common.
func (p *planner) normReasons() []string {
	a, b := flow.CountOps(p.pretrained, "BatchNormalization"), flow.CountOps(p.finetuned, "BatchNormalization")
	if a == b {
		return nil
	}
	return []string{fmt.Sprintf("the pre-trained model has %d BatchNormalization operators, the fine-tuned one %d: an exporter folds them into the weights "+
		"before them; export both models in one way", a, b)}
}
