package pair

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"
)

// expected is the ground truth for one weight of B.
type expected struct {
	idA        string   // "" if there is none; refuse is the reason
	also       []string // other tensors of A with the same elements and layout
	transposed []int    // axis j of B's tensor is axis transposed[j] of A's; nil for the identity
	reshaped   bool     // equal order of elements, different dims
	refuse     string
}

// truth returns the ground truth of every weight of b. Constants and BatchNorm counters are not included; pairing one
// of them with a weight is wrong.
func truth(a, b corpusFile) map[string]expected {
	out := map[string]expected{}
	for _, t := range b.Tensors {
		if t.isWeight() {
			out[t.ID] = t.find(a)
		}
	}
	return out
}

func (t *corpusTensor) isWeight() bool { return t.Constant == "" && t.DType == "" }

func (t *corpusTensor) find(a corpusFile) expected {
	best, related := expected{refuse: "no such weight"}, ""
	for _, from := range a.Tensors {
		switch {
		case !from.isWeight():
			continue
		case from.origin() != t.origin():
			if from.shares(t.corpusOrigin) {
				related = fmt.Sprintf("%s holds %s, not %s", from.ID, from.origin(), t.origin())
			}
			continue
		case from.count() != t.count():
			related = fmt.Sprintf("shape %v against %v", from.Dims, t.Dims)
			continue
		}
		e := expected{idA: from.ID, transposed: permutation(from.Transposed, t.Transposed)}
		e.reshaped = e.transposed == nil && !slices.Equal(from.Dims, t.Dims)
		better := best.idA == "" || e.effort() < best.effort()
		switch {
		case better:
			best = e
		case e.effort() == best.effort():
			best.also = append(best.also, e.idA)
		}
	}
	if best.idA == "" && related != "" {
		best.refuse = related
	}
	return best
}

// effort orders candidates of one origin: equal layouts first.
func (e expected) effort() int {
	switch {
	case e.transposed != nil:
		return 2
	case e.reshaped:
		return 1
	}
	return 0
}

// right reports whether A's tensor with this ID and layout is correct.
func (e expected) right(idA string, transposed []int) bool {
	return (idA == e.idA || slices.Contains(e.also, idA)) && slices.Equal(transposed, e.transposed)
}

// origin is equal for tensors that hold the same elements of the same parameters with the same folds, in any axis
// order and shape.
func (t *corpusTensor) origin() string {
	if t.Computed != "" {
		return fmt.Sprintf("%s, %d times", t.Computed, t.Repeated)
	}
	return t.corpusOrigin.String()
}

func (o corpusOrigin) String() string {
	if o.Parts != nil {
		return fmt.Sprintf("%v", o.Parts)
	}
	s := o.Param
	if o.Folded != nil {
		s += fmt.Sprintf(" with %v folded in", o.Folded)
	}
	if o.Sliced != nil {
		s += fmt.Sprintf(" axis %d from %d to %d", o.Sliced[0], o.Sliced[1], o.Sliced[2])
	}
	if o.Reordered != nil {
		s += fmt.Sprintf(" blocks %v of axis %d", o.Reordered.Blocks, o.Reordered.Axis)
	}
	if o.Repeated != 0 {
		s += fmt.Sprintf(" %d times", o.Repeated)
	}
	return s
}

// shares reports whether both contain elements of one parameter.
func (o corpusOrigin) shares(other corpusOrigin) bool {
	for _, p := range o.params() {
		if slices.Contains(other.params(), p) {
			return true
		}
	}
	return false
}

func (o corpusOrigin) params() []string {
	if o.Parts == nil {
		return []string{o.Param}
	}
	var list []string
	for _, p := range o.Parts {
		list = append(list, p.params()...)
	}
	return list
}

func (t *corpusTensor) count() int64 {
	n := int64(1)
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// permutation returns for each axis of a tensor with order to the axis of one with order from; nil for the identity.
// Both orders are relative to the parameter's own.
func permutation(from, to []int) []int {
	n := max(len(from), len(to))
	perm := make([]int, n)
	for j := range perm {
		axis := j
		if to != nil {
			axis = to[j]
		}
		perm[j] = axis
		if from != nil {
			perm[j] = slices.Index(from, axis)
		}
	}
	if slices.IsSorted(perm) {
		return nil
	}
	return perm
}

// TestTruth pairs exports that have equal weights, so that their bytes verify the ground truth: A's tensor,
// transposed as stated, must equal B's.
func TestTruth(t *testing.T) {
	t.Parallel()
	checked, transposed, reshaped, refused := 0, 0, 0, 0
	files := corpus(t)
	for _, a := range files {
		for _, b := range files {
			if a.Architecture != b.Architecture || a.Weights != b.Weights || a.Head != b.Head {
				continue
			}
			for id, e := range truth(a, b) {
				if e.idA == "" {
					refused++
					continue
				}
				for _, idA := range append(e.also, e.idA) {
					checkSame(t, a, b, idA, id, e)
				}
				checked++
				if e.transposed != nil {
					transposed++
				}
				if e.reshaped {
					reshaped++
				}
			}
		}
	}
	t.Logf("%d pairs, %d of them transposed and %d reshaped; %d refused", checked, transposed, reshaped, refused)
	if checked < 10000 || transposed < 1000 || reshaped < 100 || refused < 1000 {
		t.Error("too few to mean anything")
	}
}

func checkSame(t *testing.T, a, b corpusFile, idA, idB string, e expected) {
	t.Helper()
	from, to := floats(t, a, idA), floats(t, b, idB)
	dims := a.model.Lookup(idA).Dims
	if e.transposed != nil {
		from, dims = transpose(from, dims, e.transposed)
	}
	if !e.reshaped && !slices.Equal(dims, b.model.Lookup(idB).Dims) {
		t.Errorf("%s %s becomes %v, %s %s is %v", a.File, idA, dims, b.File, idB, b.model.Lookup(idB).Dims)
	}
	for i := range to {
		// Exporters' folds change the last bits; the tolerance is that of scripts/corpus/truth.py.
		if math.Abs(from[i]-to[i]) > 2e-5*math.Abs(to[i])+2e-6 {
			t.Errorf("%s %s[%d] = %v, %s %s = %v", a.File, idA, i, from[i], b.File, idB, to[i])
			return
		}
	}
}

// floats returns the elements of a float32 tensor of the corpus.
func floats(t *testing.T, f corpusFile, id string) []float64 {
	t.Helper()
	tensor := f.model.Lookup(id)
	data := make([]byte, tensor.SizeBytes())
	if err := tensor.ReadAt(data, 0); err != nil {
		t.Fatal(err)
	}
	out := make([]float64, tensor.Len())
	for i := range out {
		out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
	}
	return out
}

// transpose is NumPy's: axis j of the result is axis perm[j] of x.
func transpose(x []float64, dims []int64, perm []int) ([]float64, []int64) {
	moved := make([]int64, len(dims))
	steps := make([]int64, len(dims)) // in x, by axis of the result
	for j, axis := range perm {
		moved[j], steps[j] = dims[axis], 1
		for _, d := range dims[axis+1:] {
			steps[j] *= d
		}
	}
	out := make([]float64, len(x))
	at := make([]int64, len(dims))
	for i := range out {
		off := int64(0)
		for j := range at {
			off += at[j] * steps[j]
		}
		out[i] = x[off]
		for j := len(at) - 1; j >= 0; j-- {
			if at[j]++; at[j] < moved[j] {
				break
			}
			at[j] = 0
		}
	}
	return out, moved
}
