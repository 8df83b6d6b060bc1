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
	at   *onnx.Table[*record] // in list
}

// newRecords makes the records of the tensors that the operators of a model's graph use.
func newRecords(m *onnx.Model, f *reduced) records {
	r := records{at: onnx.NewTable[*record](m)}
	count := onnx.NewTable[int](m) // of a tensor's uses
	tensors := 0
	for _, u := range f.uses {
		n, known := count.At(u.tensor)
		if !known {
			tensors++
		}
		count.Set(u.tensor, n+1)
	}
	r.list = make([]record, 0, tensors)
	uses := make([]*use, len(f.uses)) // of all records
	for _, u := range f.uses {
		x, known := r.at.At(u.tensor)
		if !known {
			n, _ := count.At(u.tensor)
			r.list = append(r.list, record{uses: uses[:0:n]})
			uses = uses[n:]
			x = &r.list[len(r.list)-1]
			r.at.Set(u.tensor, x)
		}
		u.record = x
		x.uses = append(x.uses, u)
	}
	return r
}

// of returns the record of a tensor, which may be nil; an empty one if no operator uses it.
func (r records) of(t *onnx.Tensor) *record {
	if t != nil {
		if x, ok := r.at.At(t); ok {
			return x
		}
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
