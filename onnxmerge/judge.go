package onnxmerge

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/graph"
)

// reasonDiffers is why an integer, a bool or a string is copied although the two
// models do not agree on it.
const reasonDiffers = "not a floating-point number; it differs, and the fine-tuned one is kept"

// judge decides single tensors.
type judge struct {
	memory                 int64
	quantizedA, quantizedB map[*graph.Tensor]string
}

// pair decides a tensor that both models have.
func (j judge) pair(pair align.Pair) (Decision, error) {
	a, b := pair.A, pair.B
	role := j.quantizedB[b]
	if role == "" {
		role = j.quantizedA[a]
	}
	if role != "" {
		return decideQuantized(a, b, role)
	}
	if !b.DType.IsFloat() {
		return decideInteger(a, b)
	}
	if b.Len() == 0 {
		return Decision{Action: Copy, Reason: "it has no elements"}, nil
	}
	if _, ok := b.DType.Codec(); !ok {
		return Decision{Action: Refuse, Reason: fmt.Sprintf("merging %s is not supported", b.DType)}, nil
	}
	for _, t := range []*graph.Tensor{a, b} {
		if !t.Readable() {
			return Decision{Action: Refuse, Reason: fmt.Sprintf("its %s payload cannot be read", t.Store)}, nil
		}
	}
	if a.Indices != nil || b.Indices != nil {
		if same, err := sameIndices(a, b); err != nil || !same {
			return Decision{Action: Refuse, Reason: "sparse, and its values are not at the same places in both models"}, err
		}
	}
	if b.Len() == 1 && a.ID() != b.ID() {
		return Decision{Action: Copy, Reason: fmt.Sprintf("a single number under another name (%q): such constants are kept", a.ID())}, nil
	}
	d := Decision{Action: Merge, Reason: "paired by " + pair.How, byStructure: pair.How != "name", a: a, perm: pair.Perm}
	if a.ID() != b.ID() {
		d.Reason += fmt.Sprintf(" with %q", a.ID())
	}
	if pair.Perm != nil {
		d.Reason += ", transposed"
		if a.SizeBytes() > j.memory/4 || b.DType.Bits() < 8 {
			d = Decision{Action: Refuse, Reason: fmt.Sprintf("it is transposed in the pre-trained model, and %d bytes are too many to hold "+
				"in a quarter of the memory limit", a.SizeBytes())}
		}
	}
	return d, nil
}

// conflict decides a tensor whose counterpart structure leaves open. Where name,
// shape and operator agree, weights that are as close as fine-tuning leaves them are the
// proof.
func (j judge) conflict(c align.Conflict) (Decision, error) {
	t := c.B
	switch {
	case !t.DType.IsFloat() && j.quantizedB[t] == "":
		return Decision{Action: Copy, Reason: fmt.Sprintf("%s is not merged; it differs: %s", t.DType, c.Reason)}, nil
	case t.Len() == 1 && j.quantizedB[t] == "":
		// Exporters share and split such numbers as they like: mostly they are constants.
		return Decision{Action: Copy, Reason: "a single number; " + c.Reason}, nil
	case c.Alike && j.quantizedB[t] == "" && j.quantizedA[c.A] == "":
		cosine, ok, err := cosine(c.A, t, nil)
		if err != nil || ok && cosine >= related {
			return Decision{Action: Merge, Reason: fmt.Sprintf("paired by name, operator and weights (cosine %.2f)", cosine), a: c.A}, err
		}
	}
	return Decision{Action: Refuse, Reason: c.Reason}, nil
}

// decideQuantized never mixes: integers, scale and zero point of a quantised weight
// mean something only together.
func decideQuantized(a, b *graph.Tensor, role string) (Decision, error) {
	same, err := a.Equal(b)
	if err != nil || same {
		return Decision{Action: Copy, Reason: "part of a quantised tensor, the same in both models"}, err
	}
	return Decision{Action: Refuse, Reason: fmt.Sprintf("part of a quantised tensor (%s), whose numbers mean nothing alone: "+
		"merge the models before quantising them, or exclude the whole of it", role)}, nil
}

func decideInteger(a, b *graph.Tensor) (Decision, error) {
	same, err := a.Equal(b)
	if err != nil || !same {
		return Decision{Action: Copy, Reason: reasonDiffers}, err
	}
	return Decision{Action: Copy, Reason: fmt.Sprintf("%s is not merged; the same in both models", b.DType)}, nil
}

func sameIndices(a, b *graph.Tensor) (bool, error) {
	if a.Indices == nil || b.Indices == nil || fmt.Sprint(a.DenseDims, a.Indices.Dims) != fmt.Sprint(b.DenseDims, b.Indices.Dims) {
		return false, nil
	}
	return a.Indices.Equal(b.Indices)
}

// decideShared refuses tensors that share one range of a data file and would need
// different bytes in it: one is merged and the other not, or the pre-trained model
// has two weights where the fine-tuned has one.
func (p *Plan) decideShared() error {
	first := map[string]*Decision{}
	for i := range p.Decisions {
		d := &p.Decisions[i]
		key := d.b.SharedRange()
		if key == "" {
			continue
		}
		with := first[key]
		if with == nil {
			first[key] = d
			continue
		}
		same := with.Action == d.Action
		if same && d.Action == Merge {
			var err error
			if same, err = d.mixesLike(with); err != nil {
				return fmt.Errorf("tensor %q: %w", d.Tensor, err)
			}
		}
		if !same {
			reason := "it shares its bytes with %q in the fine-tuned model, and the two would differ after the merge"
			d.Action, d.Reason = Refuse, fmt.Sprintf(reason, with.Tensor)
		}
	}
	return nil
}
