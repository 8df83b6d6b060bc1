package mapping

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Inverse is a mapping read backwards: tensors of a checkpoint made from those of a model.
type Inverse struct {
	Outputs []checkpoint.Output // all tensors of the checkpoint, in its order
	Written []string            // those that the model gives, sorted
	Copied  []string            // those that it does not have
	Partial []string            // those of which the model has some elements
	Refused []Refused           // tensors of the model that cannot be taken apart
}

// inverter makes tensors of a checkpoint from those of a model.
type inverter struct {
	base  *checkpoint.Checkpoint
	model *onnx.Model
	uses  map[string][]*sourceOf // by the name of a tensor of the checkpoint
	// limits bound what tensors take that are rearranged. Those that are put together from parts are held as a whole.
	limits Limits
}

// sourceOf is an expression over a tensor of the checkpoint, and the model's tensor that it gives.
type sourceOf struct {
	expression *Expression
	tensor     *onnx.Tensor
}

// Invert makes the tensors of the checkpoint base from those of a model with the graph of the mapping's, whose tensors
// have other elements. What the model does not have is copied from base. Tensors that differ from those of the
// mapping's model and cannot be taken apart are refused.
func (m *Mapping) Invert(ctx context.Context, base *checkpoint.Checkpoint, model *onnx.Model) (*Inverse, error) {
	v := &inverter{base: base, model: model, uses: map[string][]*sourceOf{}, limits: m.Limits}
	out := &Inverse{}
	if err := v.collect(m, out); err != nil {
		return nil, err
	}
	for _, t := range base.Tensors {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(v.uses[t.Name]) == 0 {
			out.Copied = append(out.Copied, t.Name)
			out.Outputs = append(out.Outputs, checkpoint.Output{Name: t.Key, DType: t.DType, Dims: t.Dims, Read: t.ReadAt})
			continue
		}
		read, covered, conflict, err := v.inverse(t)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if conflict != nil {
			out.Refused = append(out.Refused, Refused{Tensor: conflict.tensor, Candidates: []*Expression{conflict.expression},
				Reason: fmt.Sprintf("another tensor of the model gives other elements of %q", t.Name)})
			continue
		}
		if covered < t.Len() {
			out.Partial = append(out.Partial, fmt.Sprintf("%s (%d of %d elements)", t.Name, covered, t.Len()))
		}
		out.Written = append(out.Written, t.Name)
		out.Outputs = append(out.Outputs, checkpoint.Output{Name: t.Key, DType: t.DType, Dims: t.Dims, Read: read})
	}
	return out, nil
}

// collect finds which tensors of the checkpoint each tensor of the model gives.
func (v *inverter) collect(m *Mapping, out *Inverse) error {
	for _, e := range m.Mapped {
		t, same, err := v.counterpart(e.Tensor, e.uses)
		if err != nil {
			return err
		}
		exact := e.Expression.IsExact()
		switch {
		case t == nil:
			out.Refused = append(out.Refused, Refused{Tensor: e.Tensor, Reason: "the model has no such tensor of this shape and type"})
		case same && (!exact || len(e.open) > 0):
			// the checkpoint's elements give it already
		case !exact:
			out.Refused = append(out.Refused, Refused{Tensor: e.Tensor, Candidates: []*Expression{e.Expression},
				Reason: "a BatchNormalization or a factor is folded into it, and it cannot be taken apart"})
		default:
			for _, x := range slices.Concat([]*Expression{e.Expression}, e.open, e.twins) {
				v.add(x, t, x != e.Expression && len(e.open) == 0)
			}
		}
	}
	for _, r := range m.Refused {
		if err := v.refuseChanged(r.Tensor, r.Reason, out); err != nil {
			return err
		}
	}
	for _, k := range m.Kept {
		if err := v.refuseChanged(k.Tensor, "a constant of the base model, which the checkpoint does not have", out); err != nil {
			return err
		}
	}
	v.dropTwins(m)
	return nil
}

func (v *inverter) add(e *Expression, t *onnx.Tensor, twin bool) {
	if e.Op == Constant || !e.IsExact() {
		return
	}
	for _, name := range e.Names() {
		key := name
		if twin {
			key = twinOf + name
		}
		v.uses[key] = append(v.uses[key], &sourceOf{e, t})
	}
}

// twinOf marks, during the search, tensors of the checkpoint that are equal to one that is used.
const twinOf = "\x00"

// dropTwins leaves of twins those that nothing else gives: they are tied to the tensor that is used, and must not keep
// old elements.
func (v *inverter) dropTwins(m *Mapping) {
	for key, list := range v.uses {
		name, ok := cutPrefix(key)
		if !ok {
			continue
		}
		if v.uses[name] == nil && slices.Contains(m.Unused, name) {
			v.uses[name] = list
		}
	}
	for key := range v.uses {
		if _, ok := cutPrefix(key); ok {
			delete(v.uses, key)
		}
	}
}

func cutPrefix(key string) (string, bool) {
	if len(key) > 0 && key[:1] == twinOf {
		return key[1:], true
	}
	return key, false
}

// counterpart returns the model's tensor, nil if there is none of the same shape and type, and whether its elements are
// the same. For some uses of a tensor it is the one that the model's operators read there.
func (v *inverter) counterpart(t *onnx.Tensor, uses []use) (*onnx.Tensor, bool, error) {
	x := v.model.Lookup(t.ID())
	for i, u := range uses {
		read := v.readBy(u)
		if i > 0 && read != x {
			return nil, false, nil
		}
		x = read
	}
	if x == nil || x.DType != t.DType || !slices.Equal(x.Dims, t.Dims) {
		return nil, false, nil
	}
	same, err := t.Equal(x)
	return x, same, err
}

// readBy returns the tensor that the model reads in the place of a use; nil if it has another operator there.
func (v *inverter) readBy(u use) *onnx.Tensor {
	if u.graph.Scope != "" { // shared tensors of sub-graphs are never split
		return v.model.LookupIn(u.graph.Scope, u.name)
	}
	g := v.model.Graph
	if u.node >= len(g.Nodes) || g.Nodes[u.node].OpType != u.graph.Nodes[u.node].OpType || u.slot >= len(g.Nodes[u.node].Inputs) {
		return nil
	}
	return (&graphUses{model: v.model}).behindIdentity(g, g.Nodes[u.node].Inputs[u.slot])
}

// refuseChanged refuses a tensor that no expression gives and that differs from that of the mapping's model.
func (v *inverter) refuseChanged(t *onnx.Tensor, reason string, out *Inverse) error {
	x, same, err := v.counterpart(t, nil)
	if err == nil && (x == nil || !same) {
		out.Refused = append(out.Refused, Refused{Tensor: t, Reason: "it has other elements than in the base model: " + reason})
	}
	return err
}

// inverse returns how one tensor of the checkpoint is read. covered and conflict are those of tensor.
func (v *inverter) inverse(t *checkpoint.Tensor) (
	read func(dst []byte, off int64) error, covered int64, conflict *sourceOf, err error,
) {
	rearranged := v.rearranged(t)
	if rearranged == nil {
		a, covered, conflict, err := v.tensor(t)
		return v.reader(t, len(a.data)), covered, conflict, err
	}
	values := evaluator{lookup: v.fromModel, limits: v.limits}
	first := func(dst []byte, from int64) error { return values.elements(dst, rearranged[0], t.Dims, t.DType, from) }
	for i, e := range rearranged[1:] {
		if same, err := values.equals(e, t.DType, first); err != nil || !same {
			return nil, 0, v.uses[t.Name][i+1], err
		}
	}
	return newPayload(values, rearranged[0], t.DType, t.Dims), t.Len(), nil, nil
}

// rearranged returns, for each use of a tensor, an expression over the model's tensors that gives the tensor; nil if one of them
// does not have all elements of it and no others.
func (v *inverter) rearranged(t *checkpoint.Tensor) []*Expression {
	var list []*Expression
	dims := evaluator{lookup: v.base.Lookup}
	for _, s := range v.uses[t.Name] {
		inverse := &Expression{Op: Tensor, Name: s.tensor.ID()}
		e := s.expression
		for ; e.Op == Reshape || e.Op == Transpose; e = e.Args[0] {
			if e.Op == Transpose {
				perm := make([]int, len(e.Perm))
				for i, p := range e.Perm {
					perm[p] = i
				}
				inverse = &Expression{Op: Transpose, Args: []*Expression{inverse}, Perm: perm}
				continue
			}
			inner, err := dims.dims(e.Args[0])
			if err != nil {
				return nil
			}
			inverse = &Expression{Op: Reshape, Args: []*Expression{inverse}, Dims: inner}
		}
		if e.Op != Tensor || e.Name != t.Name {
			return nil
		}
		list = append(list, inverse)
	}
	return list
}

// fromModel returns a tensor of the model by its ID.
func (v *inverter) fromModel(id string) *checkpoint.Tensor {
	t := v.model.Lookup(id)
	if t == nil {
		return nil
	}
	return checkpoint.NewTensor(id, t.DType, t.Dims, t.ReadAt)
}

// tensor makes one tensor of the checkpoint. covered counts the elements that the model gives; conflict is a source
// that gives others than one before it.
func (v *inverter) tensor(t *checkpoint.Tensor) (a array, covered int64, conflict *sourceOf, err error) {
	a, err = read(t, t.DType, t.Dims, t.DType)
	if err != nil {
		return a, 0, nil, err
	}
	item := a.itemBytes()
	set := make([]bool, t.Len())
	for _, s := range v.uses[t.Name] {
		places, err := v.places(s.expression, t.Name)
		if err != nil {
			return a, 0, nil, err
		}
		from, err := read(s.tensor, s.tensor.DType, s.tensor.Dims, t.DType)
		if err != nil {
			return a, 0, nil, err
		}
		for i, place := range places {
			if place < 0 {
				continue
			}
			at, element := int(place)*item, from.data[i*item:(i+1)*item]
			if set[int(place)] && !bytes.Equal(a.data[at:at+item], element) {
				return a, 0, s, nil
			}
			set[int(place)] = true
			copy(a.data[at:], element)
		}
	}
	for _, ok := range set {
		if ok {
			covered++
		}
	}
	return a, covered, nil, nil
}

// places returns, for each element that an expression gives, its index in the tensor of a name; -1 for an element of
// another tensor. Indices are computed as numbers that the expression moves.
func (v *inverter) places(e *Expression, name string) ([]float64, error) {
	indices := evaluator{lookup: v.base.Lookup, read: func(dst []byte, t *checkpoint.Tensor, b box, _ onnx.DType) error {
		if t.Name != name {
			mapNumbers(dst, func(int, float64) float64 { return -1 })
			return nil
		}
		at := 0
		return b.runs(t.Dims, func(from, to int64) error {
			first := at
			at += int(to - from)
			mapNumbers(dst[8*first:8*at], func(i int, _ float64) float64 { return float64(from + int64(i)) })
			return nil
		})
	}}
	dims, err := indices.dims(e)
	if err != nil {
		return nil, err
	}
	a := newArray(onnx.Float64, dims)
	if err := indices.fill(a.data, e, wholeBox(dims), onnx.Float64); err != nil {
		return nil, err
	}
	return a.numbers(), nil
}

// reader returns a function that reads the made tensor, which is made at the first byte and held until the last.
func (v *inverter) reader(t *checkpoint.Tensor, size int) func(dst []byte, off int64) error {
	var made array
	return func(dst []byte, off int64) error {
		if made.data == nil {
			var err error
			if made, _, _, err = v.tensor(t); err != nil {
				return err
			}
		}
		copy(dst, made.data[off:])
		if off+int64(len(dst)) == int64(size) {
			made = array{}
		}
		return nil
	}
}
