package pair

import "github.com/wiseft/wiseft/onnxmerge/onnx"

// record is what a search knows of a tensor that operators use. Uses refer to their tensor's, so that no map is searched
// for it.
type record struct {
	uses []*use // in the order of the operators

	// Of the fine-tuned model's tensors, in one round.
	candidates []candidate
	cosines    []likeCosine // of candidates
}

// likeCosine is the cosine between a tensor and one of the pre-trained model.
type likeCosine struct {
	a      *onnx.Tensor
	cosine float64
}

// records are those of a model's tensors.
type records struct {
	list []record
	at   map[*onnx.Tensor]int // index into list
}

// newRecords makes the records of the tensors that the graph's operators use.
func newRecords(f *reduced) records {
	r := records{at: make(map[*onnx.Tensor]int, len(f.uses))}
	list := make([]int, len(f.uses)) // by use: index of its record
	for i, u := range f.uses {
		at, known := r.at[u.tensor]
		if !known {
			at = len(r.at)
			r.at[u.tensor] = at
		}
		list[i] = at
	}
	r.list = make([]record, len(r.at))
	for i, u := range f.uses {
		u.record = &r.list[list[i]]
		u.record.uses = append(u.record.uses, u)
	}
	return r
}

// of returns the record of a tensor; an empty one if no operator uses it.
func (r records) of(t *onnx.Tensor) *record {
	if i, ok := r.at[t]; ok {
		return &r.list[i]
	}
	return &record{}
}

// reset forgets the results of a round.
func (r records) reset() {
	for i := range r.list {
		x := &r.list[i]
		x.candidates, x.cosines = x.candidates[:0], x.cosines[:0]
		for _, u := range x.uses {
			u.placed = false
		}
	}
}

// cosine returns the cosine of the pair; known is false if the two were not compared in this round.
func (c candidate) cosine() (cosine float64, known bool) {
	for _, k := range c.b.record.cosines {
		if k.a == c.a.tensor {
			return k.cosine, true
		}
	}
	return 0, false
}

// knownCosine returns the cosine of the pair, 0 if the two were not compared.
func (c candidate) knownCosine() float64 {
	cosine, _ := c.cosine()
	return cosine
}

// setCosine sets the cosine of the pair.
func (c candidate) setCosine(cosine float64) {
	r := c.b.record
	for i := range r.cosines {
		if r.cosines[i].a == c.a.tensor {
			r.cosines[i].cosine = cosine
			return
		}
	}
	r.cosines = append(r.cosines, likeCosine{c.a.tensor, cosine})
}
