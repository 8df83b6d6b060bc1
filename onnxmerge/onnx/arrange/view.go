// Package arrange reads through operators that only rearrange stored tensors. Exporters differ in what they compute
// when a model runs and what they store computed: the gates of an LSTM in the order of ONNX, a bias joined from three,
// rows of a table of positions, a class token for each sample of a batch. [View] returns a model in which such a value
// is a stored tensor, with the places of its elements in the tensors of the file. Layers of one operand that are joined
// into one, whose result is split, are layers of their own in it.
//
// Operators of the main graph are read through if they move elements of floating-point tensors, with indices and shapes
// that are stored or computed from those of stored tensors. An array has at most 4 million elements, all arrays of a
// model 32 million; larger ones stay as they are.
package arrange

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Arrangement says where the elements of a value are stored. Value element i is element Elements[i] of tensor
// Sources[Of[i]].
type Arrangement struct {
	Sources  []*onnx.Tensor
	Of       []int32
	Elements []int64
	// Copies is how many times the source has the value, one after the other; 1 for most. The elements are those of the
	// first.
	Copies int
}

// Viewed is a model with values in place of what they are computed from. It can be read, not written.
type Viewed struct {
	Model *onnx.Model
	// Arranged has the arrangements of those of its tensors that are computed in the file.
	Arranged map[*onnx.Tensor]Arrangement
}

// View returns the view of a model; nil if nothing is rearranged. Its other tensors are those of m.
func View(m *onnx.Model) (*Viewed, error) {
	w := &viewer{model: m, known: map[string]*array{}, dropped: map[int]bool{}, layers: map[int][]onnx.Node{},
		copied: map[*onnx.Tensor]bool{}}
	for i := range m.Graph.Nodes {
		if err := w.visit(i); err != nil {
			return nil, err
		}
	}
	if err := w.splitLayers(); err != nil {
		return nil, err
	}
	if err := w.findCopies(); err != nil {
		return nil, err
	}
	if len(w.dropped)+len(w.layers)+len(w.copied) == 0 {
		return nil, nil
	}
	return w.view(), nil
}

// UsesOthers reports whether the view uses an element of a stored tensor for which covered is false: as an operand, or
// in an arrangement.
func (v *Viewed) UsesOthers(t *onnx.Tensor, covered func(element int64) bool) bool {
	for g := range v.Model.Bodies() {
		for _, n := range g.Nodes {
			if slices.Contains(n.Inputs, t.Name) && v.Model.LookupIn(t.Scope, t.Name) == t {
				return true
			}
		}
	}
	for _, a := range v.Arranged {
		k := slices.Index(a.Sources, t)
		for i, of := range a.Of {
			if int(of) == k && !covered(a.Elements[i]) {
				return true
			}
		}
	}
	return false
}

// viewer is the state of one [View].
type viewer struct {
	model   *onnx.Model
	known   map[string]*array // by name of the value
	sources []*onnx.Tensor
	total   int64                 // elements of all arrays
	dropped map[int]bool          // nodes whose results are known and rearranged
	layers  map[int][]onnx.Node   // what is in the place of a Split of the result of a linear operator, by index
	copied  map[*onnx.Tensor]bool // stored tensors that are several equal parts
}

// visit computes the results of a node if its operands are known.
func (w *viewer) visit(i int) error {
	n := &w.model.Graph.Nodes[i]
	rule := rules[n.Op()]
	if rule == nil || len(n.Subgraphs) > 0 {
		return nil
	}
	ins := make([]*array, len(n.Inputs))
	for k, name := range n.Inputs {
		if name == "" {
			continue
		}
		var err error
		if ins[k], err = w.operand(name); err != nil {
			return err
		}
		if ins[k] == nil && !(n.Op() == "Shape" && k == 0) {
			return nil
		}
	}
	outs := rule(n, ins)
	if len(outs) != len(n.Outputs) {
		return nil
	}
	moved := false
	for k, out := range outs {
		if w.total += int64(len(out.v)); w.total > maxTotal {
			return nil
		}
		w.known[n.Outputs[k]] = out
		moved = moved || out.moved && !out.isInt
	}
	if moved {
		w.dropped[i] = true
	}
	return nil
}

// operand returns the array of a name; nil if it is not known.
func (w *viewer) operand(name string) (*array, error) {
	if a := w.known[name]; a != nil {
		return a, nil
	}
	t := w.model.LookupIn(w.model.Graph.Scope, name)
	if t == nil || t.Indices != nil || !t.Readable() {
		return nil, nil
	}
	n, ok := count(t.Dims)
	if !ok || w.total+n > maxTotal {
		return nil, nil
	}
	a, err := w.stored(t, int(n))
	if err != nil || a == nil {
		return nil, err
	}
	w.known[name] = a
	w.total += n
	return a, nil
}

// stored returns the array of a stored tensor of n elements; nil for other types than integers of 32 and 64 bits and
// floats.
func (w *viewer) stored(t *onnx.Tensor, n int) (*array, error) {
	a := &array{dims: slices.Clone(t.Dims), v: make([]int64, n)}
	switch {
	case t.DType.IsFloat() && t.DType.Bits() >= 8:
		a.dtype = t.DType
		for i := range a.v {
			a.v[i] = reference(len(w.sources), int64(i))
		}
		w.sources = append(w.sources, t)
		return a, nil
	case t.DType != onnx.Int64 && t.DType != onnx.Int32:
		return nil, nil
	}
	var err error
	a.isInt = true
	a.v, err = t.Integers()
	return a, err
}

// view makes the model.
func (w *viewer) view() *Viewed {
	v := &Viewed{Arranged: map[*onnx.Tensor]Arrangement{}}
	var tensors []*onnx.Tensor
	add := func(name string, a *array, copies int) {
		t, arranged := w.tensor(name, a, copies)
		tensors = append(tensors, t)
		v.Arranged[t] = arranged
	}
	for _, t := range w.model.Tensors {
		if w.copied[t] {
			a := w.known[t.Name]
			add(t.Name, a.first(), int(a.dims[0]))
		} else {
			tensors = append(tensors, t)
		}
	}
	used := w.used()
	var nodes []onnx.Node
	for i, n := range w.model.Graph.Nodes {
		for _, layer := range w.layers[i] {
			nodes = append(nodes, layer)
			for _, name := range layer.Inputs[1:] {
				add(name, w.known[name], 1)
			}
		}
		if !w.dropped[i] && w.layers[i] == nil {
			nodes = append(nodes, n)
		}
		if !w.dropped[i] {
			continue
		}
		for _, name := range n.Outputs {
			if used[name] {
				add(name, w.known[name].once(), 1)
			}
		}
	}
	if len(v.Arranged) == 0 {
		return nil
	}
	v.Model = w.model.Derive(nodes, tensors)
	return v
}

// maxCopies bounds the samples of a batch for each of which a value is stored.
const maxCopies = 64

// findCopies finds stored tensors of several equal parts along the first axis that are only joined with or added to
// other values: a class token or positions for each sample of a batch.
func (w *viewer) findCopies() error {
	if !slices.ContainsFunc(w.model.Tensors, mayBeCopies) {
		return nil
	}
	others := map[string]bool{}
	var candidates []string
	for g, n := range w.remaining() {
		if g == w.model.Graph && (n.Op() == "Concat" || n.Op() == "Add") {
			candidates = append(candidates, n.Inputs...)
			continue
		}
		for _, name := range n.Inputs {
			others[name] = true
		}
	}
	slices.Sort(candidates)
	for _, name := range slices.Compact(candidates) {
		t := w.model.LookupIn(w.model.Graph.Scope, name)
		if t == nil || others[name] || !mayBeCopies(t) {
			continue
		}
		a, err := w.operand(name)
		if err != nil {
			return err
		}
		if a == nil || len(a.v) == 0 {
			continue
		}
		raw := make([]byte, t.SizeBytes())
		if err := t.ReadAt(raw, 0); err != nil {
			return fmt.Errorf("tensor %q: %w", t.ID(), err)
		}
		if size := len(raw) / int(t.Dims[0]); bytes.Equal(raw[size:], raw[:len(raw)-size]) {
			w.copied[t] = true
		}
	}
	return nil
}

// mayBeCopies reports whether the shape of a tensor is one of several samples.
func mayBeCopies(t *onnx.Tensor) bool {
	return t.DType.IsFloat() && len(t.Dims) >= 3 && t.Dims[0] >= 2 && t.Dims[0] <= maxCopies
}

// remaining yields the operators that the view has, with their graphs: those of bodies and functions, too.
func (w *viewer) remaining() iter.Seq2[*onnx.Graph, *onnx.Node] {
	return func(yield func(*onnx.Graph, *onnx.Node) bool) {
		for g := range w.model.Bodies() {
			for i := range g.Nodes {
				list := g.Nodes[i : i+1]
				if g == w.model.Graph && (w.dropped[i] || w.layers[i] != nil) {
					list = w.layers[i]
				}
				for k := range list {
					if !yield(g, &list[k]) {
						return
					}
				}
			}
		}
	}
}

// used returns the names that the remaining operators and the outputs use.
func (w *viewer) used() map[string]bool {
	used := map[string]bool{}
	for _, n := range w.remaining() {
		for _, name := range n.Inputs {
			used[name] = true
		}
	}
	for g := range w.model.Bodies() {
		for _, out := range g.Outputs {
			used[out.Name] = true
		}
	}
	return used
}

// tensor returns the tensor of a value that its sources have in several copies.
func (w *viewer) tensor(name string, a *array, copies int) (*onnx.Tensor, Arrangement) {
	arranged := Arrangement{Of: make([]int32, len(a.v)), Elements: make([]int64, len(a.v)), Copies: copies}
	local := map[int]int32{}
	for i, ref := range a.v {
		source, at := element(ref)
		k, ok := local[source]
		if !ok {
			k = int32(len(arranged.Sources))
			local[source] = k
			arranged.Sources = append(arranged.Sources, w.sources[source])
		}
		arranged.Of[i], arranged.Elements[i] = k, at
	}
	return onnx.NewTensor(name, w.model.Graph.Scope, a.dtype, a.dims, arranged.reader(a.dtype)), arranged
}

// reader returns a reader of the value's payload. It holds the sources in memory from the first call on.
func (a Arrangement) reader(dtype onnx.DType) func(dst []byte, off int64) error {
	load := sync.OnceValues(func() ([]byte, error) {
		list := make([][]byte, len(a.Sources))
		for i, t := range a.Sources {
			list[i] = make([]byte, t.SizeBytes())
			if err := t.ReadAt(list[i], 0); err != nil {
				return nil, fmt.Errorf("tensor %q: %w", t.ID(), err)
			}
		}
		size := int64(dtype.Bits() / 8)
		payload := make([]byte, 0, size*int64(len(a.Of)))
		for i, of := range a.Of {
			at := a.Elements[i] * size
			payload = append(payload, list[of][at:at+size]...)
		}
		return payload, nil
	})
	return func(dst []byte, off int64) error {
		payload, err := load()
		if err == nil {
			copy(dst, payload[off:])
		}
		return err
	}
}
