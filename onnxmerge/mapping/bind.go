package mapping

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Bound is a mapping applied to another checkpoint of the same network.
type Bound struct {
	Mapping
	// Renamed says by which prefix the names of the other checkpoint differ, "" if by none.
	Renamed string
	// Changed are integer tensors that differ between the checkpoints and are not written, but for counters of batches.
	Changed []string
	// Resized are the tensors of a classifier with another number of classes, which are written with that.
	Resized []*Resized

	base    *checkpoint.Checkpoint
	values  evaluator
	needed  map[string]bool      // values that the model computes with the resized tensors, these left out
	outputs []onnx.Value         // of the model with the resized tensors
	judged  map[*suspects]string // what suspect returns, which tensors share
}

// sameOpen is what is added to a proof of an open choice whose candidates are equal in the other checkpoint too.
const sameOpen = ", one of several that are equal in both checkpoints"

// Bind applies the mapping to another checkpoint. base is the one that the mapping was found with. The weights
// of a classifier may have another number of classes there; other tensors that the checkpoint has in another shape, or does
// not have, and open choices whose candidates differ in it, are refused.
func (m *Mapping) Bind(ctx context.Context, base, tuned *checkpoint.Checkpoint) (*Bound, error) {
	b := &Bound{base: base, judged: map[*suspects]string{}, Mapping: Mapping{Model: m.Model, Refused: slices.Clone(m.Refused), Unused: m.Unused, Limits: m.Limits}}
	lookup, renamed := alignNames(base, tuned)
	b.Renamed, b.values = renamed, evaluator{lookup: lookup, limits: m.Limits, reserve: m.reserveFor(tuned)}
	for _, k := range m.Kept {
		if reason, err := b.suspect(k.suspects); err != nil {
			return nil, err
		} else if reason != "" {
			b.Refused = append(b.Refused, Refused{Tensor: k.Tensor, Reason: reason})
			continue
		}
		b.Kept = append(b.Kept, k)
	}
	var others []*Mapped               // with another shape
	opened := map[*Expression]string{} // reasons to refuse open choices, by the first candidate: targets share lists of them
	for _, e := range m.Mapped {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		entry := *e
		reason, judged := opened[e.Expression]
		if len(e.open) > 0 {
			entry.Proof += sameOpen
			if !judged {
				var err error
				if reason, err = b.judgeOpen(e); err != nil {
					return nil, fmt.Errorf("tensor %q: %w", e.Tensor.ID(), err)
				}
				opened[e.Expression] = reason
			}
		} else {
			reason = missing(e.Expression, lookup)
		}
		if reason == "" {
			var err error
			if reason, err = b.suspect(e.suspects); err != nil {
				return nil, err
			}
		}
		switch {
		case reason != "":
			b.refuse(e, reason)
		case otherShape(e.Expression, base, lookup) != "":
			others = append(others, &entry)
		default:
			b.Mapped = append(b.Mapped, &entry)
		}
	}
	if err := b.resize(others); err != nil {
		return nil, err
	}
	if err := b.checkShared(); err != nil {
		return nil, err
	}
	return b, b.findChanged(base)
}

// judgeOpen returns the reason to refuse an open choice, "" if all candidates give the same elements.
func (b *Bound) judgeOpen(e *Mapped) (reason string, err error) {
	for _, x := range append([]*Expression{e.Expression}, e.open...) {
		if reason = missing(x, b.values.lookup); reason == "" {
			reason = otherShape(x, b.base, b.values.lookup)
		}
		if reason != "" {
			return reason, nil
		}
	}
	same, err := b.openAgree(e)
	if err != nil || same {
		return "", err
	}
	return "several tensors have its values, and nothing decides between them: they differ in the other checkpoint", nil
}

func (b *Bound) refuse(e *Mapped, reason string) {
	b.Refused = append(b.Refused, Refused{Tensor: e.Tensor, Reason: reason,
		Candidates: append([]*Expression{e.Expression}, e.open...)})
}

// missing says why an expression cannot be evaluated, "" if it can.
func missing(e *Expression, lookup func(string) *checkpoint.Tensor) string {
	for _, name := range e.Names() {
		switch t := lookup(name); {
		case t == nil:
			return fmt.Sprintf("the other checkpoint has no tensor %q", name)
		case !isSupported(t.DType):
			return fmt.Sprintf("%q has the type %s in the other checkpoint", name, t.Type)
		}
	}
	return ""
}

// otherShape names a tensor that has another shape in the other checkpoint, "" if there is none.
func otherShape(e *Expression, base *checkpoint.Checkpoint, lookup func(string) *checkpoint.Tensor) string {
	for _, name := range e.Names() {
		if t, had := lookup(name), base.Lookup(name); t != nil && had != nil && !slices.Equal(t.Dims, had.Dims) {
			return fmt.Sprintf("%q has the shape %v in the checkpoint that the model was exported from, and %v in the other",
				name, had.Dims, t.Dims)
		}
	}
	return ""
}

// openAgree reports whether all candidates of an open choice give the same elements.
func (b *Bound) openAgree(e *Mapped) (bool, error) {
	dims, err := b.values.dims(e.Expression)
	if err != nil {
		return false, err
	}
	first := func(dst []byte, from int64) error {
		return b.values.elements(dst, e.Expression, dims, e.Tensor.DType, from)
	}
	for _, x := range e.open {
		other, err := b.values.dims(x)
		if err != nil {
			return false, err
		}
		if length(other) != length(dims) {
			return false, nil
		}
		if same, err := b.values.equals(x, e.Tensor.DType, first); !same || err != nil {
			return false, err
		}
	}
	return true, nil
}

// checkShared refuses tensors that must be split and cannot: some uses are in a sub-graph.
func (b *Bound) checkShared() error {
	for _, group := range b.shared() {
		same, err := b.sharedAgree(group)
		if err != nil {
			return err
		}
		if same {
			continue
		}
		for _, e := range group {
			if slices.ContainsFunc(e.uses, func(u use) bool { return u.graph != b.Model.Graph }) {
				b.Mapped = slices.DeleteFunc(b.Mapped, func(x *Mapped) bool { return x.Tensor == e.Tensor })
				b.refuse(e, "operators inside of a sub-graph share it, and need different values")
				break
			}
		}
	}
	return nil
}

// shared returns the entries of tensors with several sources.
func (b *Bound) shared() [][]*Mapped {
	by := map[*onnx.Tensor][]*Mapped{}
	var order []*onnx.Tensor
	for _, e := range b.Mapped {
		if len(e.uses) == 0 {
			continue
		}
		if by[e.Tensor] == nil {
			order = append(order, e.Tensor)
		}
		by[e.Tensor] = append(by[e.Tensor], e)
	}
	var groups [][]*Mapped
	for _, t := range order {
		groups = append(groups, by[t])
	}
	return groups
}

// sharedAgree reports whether all uses of a tensor have the same elements.
func (b *Bound) sharedAgree(group []*Mapped) (bool, error) {
	e := *group[0]
	for _, x := range group[1:] {
		e.open = append(e.open, x.Expression)
	}
	return b.openAgree(&e)
}

// findChanged compares integer tensors of the checkpoints.
func (b *Bound) findChanged(base *checkpoint.Checkpoint) error {
	for _, t := range base.Tensors {
		other := b.values.lookup(t.Name)
		if t.DType.IsFloat() || other == nil || strings.HasSuffix(t.Name, "num_batches_tracked") || t.SizeBytes() == 0 {
			continue
		}
		same := t.DType == other.DType && t.SizeBytes() == other.SizeBytes()
		for off := int64(0); same && off < t.SizeBytes(); off += blockElements {
			x := make([]byte, min(blockElements, t.SizeBytes()-off))
			y := bytes.Clone(x)
			if err := t.ReadAt(x, off); err != nil {
				return err
			}
			if err := other.ReadAt(y, off); err != nil {
				return err
			}
			same = bytes.Equal(x, y)
		}
		if !same {
			b.Changed = append(b.Changed, t.Name)
		}
	}
	return nil
}
