package onnxmerge

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/arrange"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// Weights that one exporter stores rearranged, and another one rearranges when the model runs, have no counterpart of
// their shape: an LSTM's gates, a bias joined from three, rows of a table. They are paired in views of the models, in
// which such values are stored, and every element of the fine-tuned tensor then has its place in the pre-trained model.
// Weights behind them, whose structure is the same only in the views, are paired there, too.

// place is an element of a stored tensor.
type place struct {
	tensor  *onnx.Tensor // nil if it has none
	element int64
}

// arrangement is where the elements of one tensor of the fine-tuned model are in the pre-trained one.
type arrangement struct {
	places []place
	// again are further places of elements, which must have equal values: rows of a table that several positions use.
	again []repetition
}

// repetition is a further place of an element.
type repetition struct {
	index int64
	at    place
}

// decideArranged decides tensors without a counterpart whose elements have places in the pre-trained model.
func (p *planner) decideArranged(ctx context.Context, s *scaling, given []pair.Given) error {
	open := map[*onnx.Tensor]*decision{}
	for i := range p.decisions {
		if d := &p.decisions[i]; d.isOpen() {
			open[d.b] = d
		}
	}
	if len(open) == 0 {
		return nil
	}
	a, b, err := p.views()
	if err != nil || a == nil && b == nil {
		return err
	}
	alignment, err := pair.Find(ctx, modelOf(a, p.pretrained), modelOf(b, p.finetuned), s.sampler.likeness, given...)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	if err := p.decideInViews(a, b, alignment, open, s, used); err != nil {
		return err
	}
	found, err := arrangements(a, b, alignment, open)
	if err != nil {
		return err
	}
	for t, arranged := range found {
		if !arranged.complete(b, t) {
			continue
		}
		same, err := arranged.isConsistent()
		if err != nil {
			return err
		}
		if same {
			p.mergeArranged(open[t], arranged, used)
		}
	}
	p.useFolded(used)
	return nil
}

// isOpen reports whether the tensor is a weight that is neither merged nor kept on demand.
func (d *decision) isOpen() bool {
	isUnpaired := d.Action == Refuse || d.Action == Copy && d.kind == unpaired
	_, known := d.DType.Codec()
	return isUnpaired && d.DType.IsFloat() && known && d.DType.Bits() >= 8 && d.b.Len() > 1 && d.b.Readable()
}

// views returns the views of both models; nil for one that rearranges nothing.
func (p *planner) views() (a, b *arrange.Viewed, err error) {
	if a, err = arrange.View(p.pretrained); err != nil {
		return nil, nil, err
	}
	b, err = arrange.View(p.finetuned)
	return a, b, err
}

// modelOf returns the view's model, or the model without a view.
func modelOf(v *arrange.Viewed, m *onnx.Model) *onnx.Model {
	if v == nil {
		return m
	}
	return v.Model
}

// decideInViews decides open tensors that are stored alike in both models and that pair in the views only.
func (p *planner) decideInViews(
	a, b *arrange.Viewed, alignment *pair.Alignment, open map[*onnx.Tensor]*decision, s *scaling, used map[string]bool,
) error {
	j := p.judge()
	for _, x := range alignment.Pairs {
		d := open[x.B]
		if d == nil || isArranged(a, x.A) || isArranged(b, x.B) {
			continue
		}
		decided, err := j.decide(x, s)
		if err != nil {
			return err
		}
		if decided.Action != Merge {
			continue
		}
		decided.Tensor, decided.DType, decided.Dims = d.Tensor, d.DType, d.Dims
		decided.b, decided.isVariance = d.b, d.isVariance
		*d = decided
		delete(open, x.B)
		used[x.A.ID()] = true
	}
	return nil
}

// isArranged reports whether a view computes a tensor.
func isArranged(v *arrange.Viewed, t *onnx.Tensor) bool {
	if v == nil {
		return false
	}
	_, ok := v.Arranged[t]
	return ok
}

// arrangements returns the places of all open tensors that the pairs of two views give.
func arrangements(
	a, b *arrange.Viewed, alignment *pair.Alignment, open map[*onnx.Tensor]*decision,
) (map[*onnx.Tensor]*arrangement, error) {
	found := map[*onnx.Tensor]*arrangement{}
	for _, x := range alignment.Pairs {
		if !isArranged(a, x.A) && !isArranged(b, x.B) || len(x.Tied) > 0 {
			continue
		}
		placesA, err := placesOf(a, x.A, x.Perm)
		if err != nil {
			return nil, err
		}
		placesB, err := placesOf(b, x.B, nil)
		if err != nil {
			return nil, err
		}
		if len(placesA) != len(placesB) {
			continue
		}
		copies := int64(1)
		if isArranged(b, x.B) {
			copies = int64(b.Arranged[x.B].Copies)
		}
		for i, at := range placesB {
			if open[at.tensor] == nil {
				continue
			}
			if found[at.tensor] == nil {
				found[at.tensor] = &arrangement{places: make([]place, at.tensor.Len())}
			}
			for c := range copies {
				found[at.tensor].set(at.element+c*int64(len(placesB)), placesA[i])
			}
		}
	}
	return found, nil
}

// placesOf returns the places of the elements of a view's tensor, in the order of perm; nil for a tensor that is no
// weight of at most maxFlattened elements.
func placesOf(v *arrange.Viewed, t *onnx.Tensor, perm []int) ([]place, error) {
	if !t.DType.IsFloat() || t.Len() < 2 || t.Len() > maxFlattened {
		return nil, nil
	}
	places := make([]place, t.Len())
	for i := range places {
		places[i] = place{t, int64(i)}
	}
	if isArranged(v, t) {
		of := v.Arranged[t]
		for i := range places {
			places[i] = place{of.Sources[of.Of[i]], of.Elements[i]}
		}
	}
	if perm == nil {
		return places, nil
	}
	order, err := permutedOrder(t.Dims, perm)
	if err != nil {
		return nil, err
	}
	reordered := make([]place, len(places))
	for i, from := range order {
		reordered[i] = places[from]
	}
	return reordered, nil
}

// set notes the place of an element.
func (x *arrangement) set(i int64, at place) {
	switch {
	case x.places[i].tensor == nil:
		x.places[i] = at
	case x.places[i] != at:
		x.again = append(x.again, repetition{i, at})
	}
}

// isConsistent reports whether further places of elements have equal values.
func (x *arrangement) isConsistent() (bool, error) {
	payloads := payloads{}
	for _, r := range x.again {
		first, err := payloads.element(x.places[r.index])
		if err != nil {
			return false, err
		}
		other, err := payloads.element(r.at)
		if err != nil || !bytes.Equal(first, other) {
			return false, err
		}
	}
	return true, nil
}

// payloads holds the payloads of tensors of which elements are read.
type payloads map[*onnx.Tensor][]byte

// element returns the bytes of an element.
func (p payloads) element(at place) ([]byte, error) {
	data, ok := p[at.tensor]
	if !ok {
		data = make([]byte, at.tensor.SizeBytes())
		if err := at.tensor.ReadAt(data, 0); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", at.tensor.ID(), err)
		}
		p[at.tensor] = data
	}
	size := int64(at.tensor.DType.Bits() / 8)
	return data[at.element*size : (at.element+1)*size], nil
}

// complete reports whether every element of the fine-tuned tensor has one place, or is used by no operator.
func (x *arrangement) complete(b *arrange.Viewed, t *onnx.Tensor) bool {
	missing := slices.ContainsFunc(x.places, func(p place) bool { return p.tensor == nil })
	return !missing || b != nil && !b.UsesOthers(t, func(i int64) bool { return x.places[i].tensor != nil })
}

// mergeArranged merges a tensor with the elements in its places, and notes the tensors that have them.
func (p *planner) mergeArranged(d *decision, x *arrangement, used map[string]bool) {
	var sources []*onnx.Tensor
	for _, at := range x.places {
		if at.tensor != nil && !slices.Contains(sources, at.tensor) {
			sources = append(sources, at.tensor)
		}
	}
	own := slices.ContainsFunc(x.places, func(p place) bool { return p.tensor == nil })
	if len(sources) == 0 || own && sources[0].DType != d.DType ||
		slices.ContainsFunc(sources, func(t *onnx.Tensor) bool { return t.DType != sources[0].DType }) {
		return
	}
	var names []string
	for _, t := range sources {
		names = append(names, fmt.Sprintf("%q", t.ID()))
		used[t.ID()] = true
	}
	d.Action, d.kind, d.a, d.perm, d.how, d.among = Merge, notKept, sources[0], nil, pair.ByPart, 1
	d.Reason = "paired with elements of " + strings.Join(names[:min(len(names), 4)], ", ") + ", in another arrangement"
	if own {
		d.Reason += "; elements that no operator uses are kept"
	}
	d.headLike, d.displaced, d.suspect, d.doubtful, d.advice = false, false, false, nil, ""
	d.fold, d.foldType = x.reader(d.b, sources[0].DType), sources[0].DType
}

// reader reads the elements in their places, which are of a type, and the tensor's own where they have none. It holds
// them in memory from the first call on.
func (x *arrangement) reader(b *onnx.Tensor, dtype onnx.DType) reader {
	load := sync.OnceValues(func() ([]byte, error) {
		size, payloads := dtype.Bits()/8, payloads{}
		out := make([]byte, int64(size)*b.Len())
		if b.DType == dtype {
			if err := b.ReadAt(out, 0); err != nil {
				return nil, err
			}
		}
		for i, at := range x.places {
			if at.tensor == nil {
				continue
			}
			value, err := payloads.element(at)
			if err != nil {
				return nil, err
			}
			copy(out[i*size:], value)
		}
		return out, nil
	})
	return func(dst []byte, off int64) error {
		data, err := load()
		if err == nil {
			copy(dst, data[off:])
		}
		return err
	}
}

// permutedOrder returns the index of each element of a tensor whose axes are read in the order of perm.
func permutedOrder(dims []int64, perm []int) ([]int64, error) {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	indices := onnx.NewTensor("", "", onnx.Int64, dims, func(dst []byte, off int64) error {
		for i := range len(dst) / 8 {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(off/8)+uint64(i))
		}
		return nil
	})
	raw := make([]byte, 8*n)
	if err := source(indices, perm, 8)(raw, 0); err != nil {
		return nil, err
	}
	order := make([]int64, n)
	for i := range order {
		order[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
	}
	return order, nil
}
