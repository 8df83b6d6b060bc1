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
	return Decision{Action: Merge, Reason: "paired by " + pair.How, a: a}, nil
}

// conflict decides a name that stands for different things in the two models.
func (j judge) conflict(c align.Conflict) Decision {
	if c.B.DType.IsFloat() || j.quantizedB[c.B] != "" {
		return Decision{Action: Refuse, Reason: "same name, but " + c.Reason}
	}
	return Decision{Action: Copy, Reason: fmt.Sprintf("%s is not merged; it differs: %s", c.B.DType, c.Reason)}
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
		if same && d.Action == Merge && !with.a.SharesData(d.a) {
			var err error
			if same, err = with.a.Equal(d.a); err != nil {
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
