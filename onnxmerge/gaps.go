package onnxmerge

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/twin"
)

// Gap keeps the two graphs of a [Swap] from computing the same: a tensor that is not swapped, or operators that differ.
type Gap struct {
	Reason string
	// tensor is nil if the gap may be anywhere.
	tensor  *onnx.Tensor
	inModel bool // the tensor is the other model's
}

// GapsBefore returns the gaps that may explain why the values of a point differ, where those of other points are equal.
func (s *Swap) GapsBefore(p twin.Point, equal []twin.Point) (gaps []Gap) {
	return s.gapsBefore(s.model.tensors([]string{p.A}), s.graph.tensors([]string{p.B}), equal)
}

// GapsBeforeEnd returns the gaps before the features that values of equal points do not depend on.
func (s *Swap) GapsBeforeEnd(equal []twin.Point) (gaps []Gap) {
	var endsA []string
	for _, p := range s.Features {
		endsA = append(endsA, p.A)
	}
	return s.gapsBefore(s.model.tensors(endsA), s.graph.tensors(s.ends()), equal)
}

// gapsBefore returns the gaps among some tensors of both graphs that equal points do not depend on.
func (s *Swap) gapsBefore(inA, inB map[*onnx.Tensor]bool, equal []twin.Point) (gaps []Gap) {
	var equalA, equalB []string
	for _, e := range equal {
		equalA, equalB = append(equalA, e.A), append(equalB, e.B)
	}
	harmless := s.graph.tensors(equalB)
	maps.Copy(harmless, s.model.tensors(equalA))
	for _, g := range s.Gaps {
		reached := inB
		if g.inModel {
			reached = inA
		}
		if g.tensor == nil || reached[g.tensor] && !harmless[g.tensor] {
			gaps = append(gaps, g)
		}
	}
	return gaps
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
		gap := Gap{Reason: fmt.Sprintf("%q is kept from the fine-tuned model: %s", d.Tensor, reason), tensor: d.b}
		if d.DType.IsFloat() {
			gaps = append(gaps, gap)
		} else {
			integers = append(integers, gap)
		}
	}
	settings := p.roles.settingsA
	for _, id := range p.onlyA {
		if t := p.pretrained.Lookup(id); isWeight(t) && settings[t] == "" {
			gaps = append(gaps, Gap{fmt.Sprintf("%q of the other model has no counterpart", id), t, true})
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
			gaps = append(gaps, Gap{Reason: reason, tensor: t})
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
