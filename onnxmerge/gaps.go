package onnxmerge

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/twin"
)

// Gap keeps the two graphs of a [Swap] from computing the same: a tensor that is not swapped, or operators that differ.
type Gap struct {
	Reason string
	Tensor string // ID of the tensor; "" if operators differ
	// tensor is nil if the gap may be anywhere.
	tensor  *onnx.Tensor
	inModel bool // the tensor is the other model's
}

// GapsBefore returns the gaps that may explain why the values of a point differ, where those of other points are equal:
// those that it depends on otherwise than through an equal value.
func (s *Swap) GapsBefore(p twin.Point, equal []twin.Point) (gaps []Gap) {
	return s.gapsBefore([]string{p.A}, []string{p.B}, equal)
}

// GapsBeforeEnd returns the gaps before the features, without those that act through equal values alone.
func (s *Swap) GapsBeforeEnd(equal []twin.Point) (gaps []Gap) {
	var endsA []string
	for _, p := range s.Features {
		endsA = append(endsA, p.A)
	}
	return s.gapsBefore(endsA, s.ends(), equal)
}

// gapsBefore returns the gaps before values of both graphs, without those that act through values of equal points alone.
func (s *Swap) gapsBefore(valuesA, valuesB []string, equal []twin.Point) (gaps []Gap) {
	equalA, equalB := names(equal)
	inA, inB := s.model.tensors(valuesA, equalA...), s.graph.tensors(valuesB, equalB...)
	for _, g := range s.Gaps {
		if g.tensor == nil || g.inModel && inA[g.tensor] || !g.inModel && inB[g.tensor] {
			gaps = append(gaps, g)
		}
	}
	return gaps
}

// names returns the values of points in the other model and in the graph.
func names(points []twin.Point) (inA, inB []string) {
	for _, p := range points {
		inA, inB = append(inA, p.A), append(inB, p.B)
	}
	return inA, inB
}

// KeptGaps returns the gaps of the weights that make the merge partial: of those on which no value of equal points depends,
// and of those on which one does.
func (s *Swap) KeptGaps(equal []twin.Point) (beside, before []Gap) {
	_, equalB := names(equal)
	reached := s.graph.tensors(equalB)
	for _, g := range s.Gaps {
		switch {
		case g.inModel || !slices.Contains(s.Plan.Kept.Backbone, g.Tensor):
		case reached[g.tensor]:
			before = append(before, g)
		default:
			beside = append(beside, g)
		}
	}
	return beside, before
}

// KeptBefore returns the floating-point tensors of Graph that are not merged and that a point depends on otherwise than
// through equal values, without settings.
func (s *Swap) KeptBefore(p twin.Point, equal []twin.Point) (ids []string) {
	_, equalB := names(equal)
	before := s.graph.tensors([]string{p.B}, equalB...)
	settings := s.Plan.planner.roles.settingsB
	for _, t := range s.Graph.Tensors {
		isKept := t.DType.IsFloat() && t.Site != onnx.Constant && settings[t] == "" && !slices.Contains(s.merged, t)
		if isKept && before[t] {
			ids = append(ids, t.ID())
		}
	}
	return ids
}

// gaps returns what a swap cannot make equal, weights first.
func (p *planner) gaps() ([]Gap, error) {
	var gaps, integers []Gap
	for i := range p.decisions {
		d := &p.decisions[i]
		reason := d.gap()
		if reason == "" {
			continue
		}
		gap := Gap{Reason: fmt.Sprintf("%q is kept from the fine-tuned model: %s", d.Tensor, reason), Tensor: d.Tensor, tensor: d.b}
		if d.DType.IsFloat() {
			gaps = append(gaps, gap)
		} else {
			integers = append(integers, gap)
		}
	}
	settings := p.roles.settingsA
	for _, id := range p.onlyA {
		if t := p.pretrained.Lookup(id); isWeight(t) && settings[t] == "" {
			gaps = append(gaps, Gap{Reason: fmt.Sprintf("%q of the other model has no counterpart", id), Tensor: id, tensor: t,
				inModel: true})
		}
	}
	for _, line := range p.differences {
		gaps = append(gaps, Gap{Reason: "operators differ: " + line})
	}
	for _, line := range differingLists(p.pretrained, p.finetuned) {
		gaps = append(gaps, Gap{Reason: "numbers in attributes differ: " + line})
	}
	unmatched, err := p.settingGaps()
	return slices.Concat(gaps, unmatched, integers), err
}

// gap returns the reason why a tensor that is not merged may differ from the other model's; "" if there is none.
func (d *decision) gap() string {
	switch {
	case d.Action == Merge, d.Reason == reasonSame, d.kind == setting:
		return ""
	case d.Reason == reasonDiffers:
		return "it differs"
	case !d.DType.IsFloat(), strings.HasPrefix(d.Reason, "part of a quantised tensor, the same"),
		strings.HasPrefix(d.Reason, foldKept):
		return ""
	case d.Reason == reasonNotSelected:
		return "it is excluded"
	case isWeight(d.b), d.kind == contested, d.kind == unpaired && d.b.Site != onnx.Constant:
		return d.Reason
	}
	return ""
}

// settingGaps returns the settings of the fine-tuned model that no setting or constant of the pre-trained one equals:
// bounds, epsilons, scales of Resize and the like.
func (p *planner) settingGaps() (gaps []Gap, err error) {
	inA := map[string]bool{}
	for _, t := range p.pretrained.Tensors {
		if t.DType.IsFloat() && t.SizeBytes() <= maxSettingBytes {
			key, err := valueKey(t)
			if err != nil {
				return nil, err
			}
			inA[key] = true
		}
	}
	for g := range p.pretrained.Bodies() {
		for i := range g.Nodes {
			for _, v := range g.Nodes[i].Floats {
				inA[fmt.Sprint([]float64{float64(v)})] = true
			}
		}
	}
	settings := p.roles.settingsB
	for _, t := range p.finetuned.Tensors { // in the order of the file
		if settings[t] == "" || t.SizeBytes() > maxSettingBytes {
			continue
		}
		key, err := valueKey(t)
		if err != nil {
			return nil, err
		}
		if !inA[key] {
			reason := fmt.Sprintf("%q is a setting (%s) that the other model has not", t.ID(), settings[t])
			gaps = append(gaps, Gap{Reason: reason, Tensor: t.ID(), tensor: t})
		}
	}
	return gaps, nil
}

// maxSettingBytes is the size of a setting from which on it is a weight in all but its use.
const maxSettingBytes = 4 << 10

// valueKey returns the numbers of a tensor as text, whatever its type and shape; a hash where they cannot be decoded.
func valueKey(t *onnx.Tensor) (string, error) {
	if codec, ok := t.DType.Codec(); ok && codec.Bits >= 8 && t.Readable() {
		values, err := valuesOrZeros(t, int(t.Len()))
		return fmt.Sprint(values), err
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(t.ID()))), nil
}
