package onnx

import (
	"cmp"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// Container is a format of data files in which payloads follow a header one after another, without gaps, each at a multiple of
// its element's size. Package checkpoint has that of safetensors.
type Container struct {
	// Holds reports whether the format has elements of a type. Types of less than 8 bits are not asked for.
	Holds func(DType) bool
	// Header returns the file up to the first payload, a multiple of 8 bytes, for tensors whose payloads follow in their order.
	// They are called by their IDs.
	Header func([]*Tensor) ([]byte, error)
}

// packed lays the payloads out in data files of a container's format.
func (w *writing) packed(edits []wire.Edit) error {
	if w.opt.DataName == "" || w.opt.Container == nil {
		return UnsupportedError("the layout needs data files, and WriteOptions.DataName or Container is not set")
	}
	shaping := w.m.shaping()
	var moved []*Tensor
	for t := range w.m.stored() {
		switch {
		case removed(edits, t.start()):
		case t.canPack(w.opt.Container, shaping):
			moved = append(moved, t)
		default:
			if err := w.stay(t); err != nil {
				return err
			}
		}
	}
	slices.SortStableFunc(moved, func(a, b *Tensor) int { return cmp.Compare(b.DType.Bits(), a.DType.Bits()) })
	for _, shard := range shards(moved, w.opt.ShardBytes) {
		if err := w.pack(shard); err != nil {
			return err
		}
	}
	return nil
}

// pack adds a data file with the payloads of tensors.
func (w *writing) pack(tensors []*Tensor) error {
	header, err := w.opt.Container.Header(tensors)
	if err != nil {
		return err
	}
	d := &newData{name: w.dataName(len(w.data)), source: wire.NewBytesSource(nil)}
	d.edits = append(d.edits, wire.NewEdit(wire.Span{}, header, nil))
	off := int64(len(header))
	for _, t := range tensors {
		f := w.made[t]
		if f == nil {
			f = t.ReadAt
		}
		fields, err := t.outsideEdits(d.name, off)
		if err != nil {
			return err
		}
		w.edits = append(w.edits, fields...)
		d.edits = append(d.edits, wire.Edit{Size: t.SizeBytes(), Fill: f.inContext})
		off += t.SizeBytes()
	}
	w.data = append(w.data, d)
	return nil
}

// shards divides tensors into runs of at most so many bytes, or of one tensor; 0 is no limit.
func shards(tensors []*Tensor, limit int64) (list [][]*Tensor) {
	size := int64(0)
	for _, t := range tensors {
		if len(list) == 0 || limit > 0 && size > 0 && size+t.SizeBytes() > limit {
			list, size = append(list, nil), 0
		}
		last := len(list) - 1
		list[last] = append(list[last], t)
		size += t.SizeBytes()
	}
	return list
}

// canPack reports whether a container may hold the payload: that of an initializer with axes of a floating-point type, however
// small, and of others as with [Outside]. Runtimes infer shapes from the others, and from tensors that shaping has, for which
// they must be in the model.
func (t *Tensor) canPack(c *Container, shaping map[string]bool) bool {
	if t.Site != Initializer || !t.Readable() || t.DType.Bits() < 8 || !c.Holds(t.DType) || shaping[t.Name] {
		return false
	}
	return t.SizeBytes() >= minOutside || t.DType.IsFloat() && len(t.Dims) > 0 && t.SizeBytes() > 0
}

// shaping returns the names of values from which operators compute shapes although they are floating-point numbers.
func (m *Model) shaping() map[string]bool {
	names := map[string]bool{}
	for g := range m.Bodies() {
		for _, n := range g.Nodes {
			switch n.Op() {
			case "Resize", "Upsample", "Range":
				for _, name := range n.Inputs {
					names[name] = true
				}
			}
		}
	}
	return names
}
