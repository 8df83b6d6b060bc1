package onnx

import (
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// minOutside is the least size in bytes of a payload that Outside moves to a data file, as in the onnx Python
// package.
const minOutside = 1 << 10

// Payloads begin on a page, and those of 1 MiB and more on the 64 KiB granularity of Windows, as onnxruntime demands.
const (
	pageBytes    = 4 << 10
	granuleBytes = 64 << 10
	largeBytes   = 1 << 20
)

// outside lays the payloads out in new data files.
func (w *writing) outside(edits []wire.Edit) error {
	if w.opt.DataName == "" {
		return UnsupportedError("the layout needs data files, and WriteOptions.DataName is empty")
	}
	var d *newData
	end := int64(0)
	for t := range w.m.stored() {
		if removed(edits, t.start()) {
			continue
		}
		if !t.canMoveOut() {
			if err := w.stay(t); err != nil {
				return err
			}
			continue
		}
		f := w.made[t]
		if f == nil {
			f = t.ReadAt
		}
		size := t.SizeBytes()
		off := align(end, size)
		if d == nil || w.opt.ShardBytes > 0 && off > 0 && off+size > w.opt.ShardBytes {
			d = &newData{name: w.dataName(len(w.data)), source: wire.NewBytesSource(nil)}
			w.data = append(w.data, d)
			off, end = 0, 0
		}
		d.edits = append(d.edits, padding(off-end), wire.Edit{Size: size, Fill: f.inContext})
		end = off + size
		fields, err := t.outsideEdits(d.name, off)
		if err != nil {
			return err
		}
		w.edits = append(w.edits, fields...)
	}
	return nil
}

// canMoveOut reports whether a data file may hold the payload. Runtimes support that for initializers only.
func (t *Tensor) canMoveOut() bool {
	return t.Site == Initializer && t.Readable() && t.SizeBytes() >= minOutside
}

// align returns the first offset from end on where a payload of size bytes may begin.
func align(end, size int64) int64 {
	to := int64(pageBytes)
	if size >= largeBytes {
		to = granuleBytes
	}
	return (end + to - 1) / to * to
}

func padding(size int64) wire.Edit {
	zero := fill(func(dst []byte, _ int64) error {
		clear(dst)
		return nil
	})
	return wire.Edit{Size: size, Fill: zero.inContext}
}

// start returns the offset of the tensor's message, or of the attribute that is its value.
func (t *Tensor) start() int64 { return t.place.Start() }

// within returns the fields that enclose the payload, outermost first; the last is the tensor's own.
func (t *Tensor) within() []wire.Field { return append(slices.Clip(t.around), t.place.Field()) }

// isPlain reports whether the bytes that ReadAt gives are stored in the model's file, so that a payload of equal size
// can overwrite them.
func (t *Tensor) isPlain() bool {
	switch t.payload.(type) {
	case *stored, *pieced:
		return t.external == nil
	}
	return false
}

// inPlace returns edits that overwrite a plain payload.
func (t *Tensor) inPlace(f fill) []wire.Edit {
	var edits []wire.Edit
	start := int64(0)
	for _, p := range t.pieces {
		from := start
		edits = append(edits, wire.Edit{At: p, Size: p.Len, Fill: fill(func(dst []byte, off int64) error {
			return f(dst, from+off)
		}).inContext})
		start += p.Len
	}
	return edits
}

// rawEdits returns edits that remove the payload and append it as raw_data.
func (t *Tensor) rawEdits(f fill) ([]wire.Edit, error) {
	edits, err := t.dropPayload()
	end := wire.Span{Off: t.place.Body().End()}
	size := t.SizeBytes()
	head := protowire.AppendVarint(protowire.AppendTag(nil, tensorRawData, protowire.BytesType), uint64(size))
	edits = append(edits, wire.NewEdit(end, head, t.within()))
	return append(edits, wire.Edit{At: end, Size: size, Fill: f.inContext, Within: t.within()}), err
}

// outsideEdits returns edits that remove the payload and refer to a data file.
func (t *Tensor) outsideEdits(location string, off int64) ([]wire.Edit, error) {
	edits, err := t.dropPayload()
	var fields []byte
	for _, e := range [][2]string{
		{keyLocation, location},
		{keyOffset, strconv.FormatInt(off, 10)},
		{keyLength, strconv.FormatInt(t.SizeBytes(), 10)},
	} {
		entry := appendText(appendText(nil, entryKey, e[0]), entryValue, e[1])
		fields = appendMessage(fields, tensorExternalData, entry)
	}
	fields = appendInt(fields, tensorDataLocation, locationExt)
	end := wire.Span{Off: t.place.Body().End()}
	return append(edits, wire.NewEdit(end, fields, t.within())), err
}

// dropPayload returns edits that remove every field of the tensor with its payload or the payload's position.
func (t *Tensor) dropPayload() ([]wire.Edit, error) {
	var edits []wire.Edit
	err := t.eachField(func(f wire.Field) error {
		_, isStore := storeFields[f.Num]
		if isStore || f.Num == tensorExternalData || f.Num == tensorDataLocation {
			edits = append(edits, wire.Edit{At: f.Whole(), Within: t.within()})
		}
		return nil
	})
	return edits, err
}

// eachField calls visit for the fields of the tensor's message.
func (t *Tensor) eachField(visit func(wire.Field) error) error {
	source := wire.NewSource(t.model.tap, t.model.SizeBytes()) // the model's window is shared
	for f, err := range source.Fields(t.place.Body()) {
		if err == nil {
			err = visit(f)
		}
		if err != nil {
			return asFormat(err, "tensor "+strconv.Quote(t.ID()))
		}
	}
	return nil
}

// eachEntry calls visit for the entries of the tensor's external_data, with the enclosing fields of the value and the
// value.
func (t *Tensor) eachEntry(visit func(key string, value []wire.Field)) error {
	return t.eachField(func(entry wire.Field) error {
		if entry.Num != tensorExternalData {
			return nil
		}
		source := wire.NewSource(t.model.tap, t.model.SizeBytes())
		var key []byte
		var value *wire.Field
		for f, err := range source.Fields(entry.Body) {
			if err != nil {
				return err
			}
			switch f.Num {
			case entryKey:
				if key, err = source.Read(f.Body, maxName); err != nil {
					return err
				}
			case entryValue:
				value = &f
			}
		}
		if value != nil {
			visit(string(key), append(t.within(), entry, *value))
		}
		return nil
	})
}
