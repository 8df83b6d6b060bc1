package onnxmerge

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Why is the explanation of a decision; see [Plan.Why].
type Why struct {
	Decision     Decision      `json:"decision"`
	Uses         []string      `json:"uses"`         // operators that use it
	Counterparts []Counterpart `json:"counterparts"` // the most similar first; at most eight, and its namesake
}

// Counterpart is a tensor of the pre-trained model that has the shape of one of the fine-tuned model.
type Counterpart struct {
	Tensor   string   `json:"tensor"`
	Cosine   *float64 `json:"cosine"` // nil where it is not defined
	Uses     []string `json:"uses"`
	Namesake bool     `json:"namesake"`
	Chosen   bool     `json:"chosen"`
	PairOf   string   `json:"pair_of"` // the tensor of the fine-tuned model that it is merged into; "" if none
}

// Why explains the decision about a tensor of the fine-tuned model. The error is of kind Usage if it has no such
// tensor.
func (p *Plan) Why(id string) (*Why, error) { return p.planner.why(id) }

// maxCounterparts bounds the tensors that are explained.
const maxCounterparts = 8

func (p *planner) why(id string) (*Why, error) {
	i := slices.IndexFunc(p.decisions, func(d decision) bool { return d.Tensor == id })
	if i < 0 {
		return nil, fault.Usagef("the fine-tuned model has no tensor %q", id).WithHint("see wiseft inspect --tensors")
	}
	d := &p.decisions[i]
	pairOf := map[*onnx.Tensor]string{}
	for _, x := range p.decisions {
		if x.Action == Merge && x.a != nil {
			pairOf[x.a] = x.Tensor
		}
	}
	usesA, usesB := flow.Places(p.pretrained), flow.Places(p.finetuned)
	w := &Why{Decision: d.data(), Uses: usesB[d.b].Ops, Counterparts: []Counterpart{}}
	s := newSampler(p.opt.memory() / 4)
	for _, a := range p.pretrained.Tensors {
		perm, ok := givenPerm(a.Dims, d.Dims, false)
		if d.a == a {
			perm, ok = d.perm, true
		}
		named := a.ID() == id
		if !ok && !named || a.DType.IsFloat() != d.b.DType.IsFloat() {
			continue
		}
		c := Counterpart{Tensor: a.ID(), Uses: usesA[a].Ops, Namesake: named, Chosen: d.a == a, PairOf: pairOf[a]}
		if ok {
			cosine, known, err := s.likeness(a, d.b, perm)
			if err != nil {
				return nil, fmt.Errorf("tensor %q: %w", id, err)
			}
			if known {
				c.Cosine = &cosine
			}
		}
		w.Counterparts = append(w.Counterparts, c)
	}
	slices.SortStableFunc(w.Counterparts, func(x, y Counterpart) int { return y.rank(x) })
	if n := maxCounterparts; len(w.Counterparts) > n {
		isMinor := func(c Counterpart) bool { return !c.Namesake && !c.Chosen }
		rest := slices.DeleteFunc(slices.Clone(w.Counterparts[n:]), isMinor)
		w.Counterparts = append(w.Counterparts[:n:n], rest...)
	}
	return w, nil
}

// rank compares two candidates by their cosines; an undefined one is the least.
func (c Counterpart) rank(d Counterpart) int {
	value := func(c Counterpart) float64 {
		if c.Cosine == nil {
			return -2
		}
		return *c.Cosine
	}
	switch x, y := value(c), value(d); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
