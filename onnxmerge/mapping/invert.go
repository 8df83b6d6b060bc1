package mapping

import (
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
	// values computes expressions over tensors of the model, which have their IDs as names. It bounds what tensors take that are
	// rearranged; those that are put together from parts are held as a whole.
	values evaluator
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
	v := &inverter{base: base, model: model, uses: map[string][]*sourceOf{}}
	v.values = evaluator{lookup: v.fromModel, limits: m.Limits, reserve: m.reserveFor(base)}
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
		case !same && e.Expression.hasConstant() && !v.hasConstants(e.Expression, t):
			out.Refused = append(out.Refused, Refused{Tensor: e.Tensor, Candidates: []*Expression{e.Expression},
				Reason: "it has other elements than in the base model where the checkpoint has none"})
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
