package onnx

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"
	"time"

	"github.com/wiseft/wiseft/onnxmerge/internal/digest"
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

const (
	// maxFile is the largest protobuf message that runtimes read, in bytes.
	maxFile = math.MaxInt32
	// maxProvenance is the number of bytes below maxFile reserved for the provenance, which is appended last.
	maxProvenance = 1 << 20
)

// Replacement is a new payload of a tensor: Fill sets dst to its bytes from off on, in the layout of [Tensor.ReadAt].
// Fill may be called concurrently and in any order; off and len(dst) are multiples of the element size.
type Replacement struct {
	Tensor *Tensor
	Fill   func(dst []byte, off int64) error
}

// Layout selects where the payloads of a written model are stored.
type Layout int

// The layouts.
const (
	// Keep stores every payload where it was: in the model's file, or at the same offset of the corresponding data
	// file. A model that would exceed protobuf's 2 GiB is written as Outside.
	Keep Layout = iota
	// Inside stores all payloads in the model's file.
	Inside
	// Outside stores initializers of at least 1 KiB in data files, each payload at an offset that systems can map.
	Outside
	// Packed stores initializers in data files of the format that WriteOptions.Container has: those of floating-point types with
	// an axis or more, and of other types from 1 KiB on. Payloads are aligned to their element's size, not to pages.
	Packed
)

// WriteOptions select how a model is written.
type WriteOptions struct {
	Layout     Layout
	DataName   string     // name of the first data file, followed by .2, .3 and so on; "" allows no data files
	Container  *Container // of data files, with Packed
	ShardBytes int64      // with Outside and Packed, the size of payloads beyond which a new data file begins; 0 means no limit
	Workers    int        // goroutines that compute payloads; 0 means 1. The output does not depend on it
	Change     Change     // of the main graph and of metadata
	// Provenance returns the value of the model's metadata property [ProvenanceKey]. It is called after everything
	// else is written, with the hashes of the new data files. "" removes the property. If it is nil, the model's is copied.
	Provenance func(data []File) (string, error)
	// Times, if not nil, is what the parts of the write took, set when it succeeds.
	Times *Times
}

// Times is how long the parts of a write took. Blocks are computed by workers while one goroutine writes them in order.
type Times struct {
	Computing time.Duration // reading and computing payloads: the sum over the workers
	Waiting   time.Duration // of the writer, for a block to be computed
	Writing   time.Duration // by the writer
}

// ProvenanceKey is the metadata property that records how a model was made.
const ProvenanceKey = "wiseft.merge"

// BlockSize is the unit in which payloads are computed, in bytes; see [Replacement].
const BlockSize = wire.BlockSize

// Output receives the files of a model.
type Output interface {
	// Create begins a file and ends the previous one. The model's own file, whose name is "", is the last.
	Create(name string) (io.Writer, error)
}

// Single returns the Output of a model without data files, which is written to w.
func Single(w io.Writer) Output { return single{w} }

type single struct{ w io.Writer }

func (s single) Create(name string) (io.Writer, error) {
	if name != "" {
		return nil, fmt.Errorf("onnx: no output for the data file %q", name)
	}
	return s.w, nil
}

// Rewrite writes the model to w as one file with the given payloads replaced, using up to workers goroutines to
// compute them; the output does not depend on workers. All other bytes are copied: without replacements and data
// files the output equals the file. Payloads of data files, and replaced payloads that are stored as varints, move
// into the model as raw_data.
func (m *Model) Rewrite(ctx context.Context, w io.Writer, replacements []Replacement, workers int) error {
	_, err := m.Write(ctx, single{w}, replacements, WriteOptions{Layout: Inside, Workers: workers})
	return err
}

// Write writes the model with the given payloads replaced, and returns its data files. Everything that is neither
// replaced nor changed by opt is copied byte for byte. An impossible layout is refused before the first file is
// created.
func (m *Model) Write(ctx context.Context, out Output, replacements []Replacement, opt WriteOptions) ([]File, error) {
	made, err := m.fills(replacements)
	if err != nil {
		return nil, err
	}
	return m.write(ctx, out, made, opt)
}

// fills returns the functions that compute replaced payloads.
func (m *Model) fills(replacements []Replacement) (map[*Tensor]fill, error) {
	made := map[*Tensor]fill{}
	for _, r := range replacements {
		if !r.Tensor.Replaceable() || r.Tensor.model != m {
			return nil, fmt.Errorf("onnx: tensor %q cannot be replaced in this model", r.Tensor.ID())
		}
		made[r.Tensor] = r.Fill
	}
	return made, nil
}

// fill sets dst to the bytes of a payload from off on.
type fill func(dst []byte, off int64) error

// inContext returns f as the function of an edit. f is too quick to need cancellation.
func (f fill) inContext(_ context.Context, dst []byte, off int64) error { return f(dst, off) }

// writing is the plan of one write.
type writing struct {
	m     *Model
	made  map[*Tensor]fill
	opt   WriteOptions
	edits []wire.Edit // edits of the model's own file
	data  []*newData
}

// newData is a data file to be written.
type newData struct {
	name     string
	source   *wire.Source // copied with edits
	edits    []wire.Edit
	checksum hash.Hash // nil if the model has no checksum of it
}

// write is Write with replacements that are checked.
func (m *Model) write(ctx context.Context, out Output, made map[*Tensor]fill, opt WriteOptions) ([]File, error) {
	w, err := m.layOut(m.changeEdits(opt.Change), made, opt)
	if err != nil {
		return nil, err
	}
	var files []File
	var times wire.Times
	for _, d := range w.data {
		f, err := d.write(ctx, out, opt.Workers, &times)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	model, err := out.Create("")
	if err != nil {
		return nil, err
	}
	own, err := wire.Rewrite(ctx, model, m.source, w.edits, opt.Workers)
	if err != nil {
		return nil, err
	}
	times.Add(own)
	if opt.Times != nil {
		*opt.Times = Times{Computing: times.Filling, Waiting: times.Waiting, Writing: times.Writing}
	}
	if opt.Provenance == nil {
		return files, nil
	}
	text, err := opt.Provenance(files)
	if err != nil || text == "" {
		return files, err
	}
	if len(text) > maxProvenance/2 {
		return nil, fmt.Errorf("onnx: the provenance has %d bytes, at most %d are allowed", len(text), maxProvenance/2)
	}
	_, err = model.Write(metadataField(ProvenanceKey, text)) // the order of protobuf fields is free
	return files, err
}

// layOut computes the edits for every payload. edits change the structure; payloads that they remove are left out.
func (m *Model) layOut(edits []wire.Edit, made map[*Tensor]fill, opt WriteOptions) (*writing, error) {
	w := &writing{m: m, made: made, opt: opt}
	var err error
	switch opt.Layout {
	case Keep:
		err = w.keep(edits)
	case Inside:
		err = w.inside(edits)
	case Outside:
		err = w.outside(edits)
	case Packed:
		err = w.packed(edits)
	}
	if err != nil {
		return nil, err
	}
	if opt.Provenance != nil {
		edits = append(slices.Clone(edits), m.dropMetadata(ProvenanceKey)...)
	}
	w.edits = append(w.edits, edits...) // edits within a tensor precede insertions after it
	size := m.source.Size(w.edits)
	switch {
	case size <= maxFile-maxProvenance:
		return w, nil
	case opt.Layout == Keep && opt.DataName != "":
		opt.Layout = Outside
		return m.layOut(edits, made, opt)
	case opt.Layout == Outside || opt.Layout == Packed:
		return nil, UnsupportedError(fmt.Sprintf("without the initializers of 1 KiB and more the model's file would have %d "+
			"bytes; the limit of protobuf is %d", size, maxFile))
	}
	return nil, UnsupportedError(fmt.Sprintf("as one file the model would have %d bytes; the limit of protobuf is %d",
		size, maxFile))
}

// keep replaces payloads where they are.
func (w *writing) keep(edits []wire.Edit) error {
	for t := range w.m.stored() {
		if t.external != nil || removed(edits, t.start()) {
			continue
		}
		if err := w.stay(t); err != nil {
			return err
		}
	}
	for i, f := range w.m.files {
		if w.opt.DataName == "" {
			return errors.New("onnx: the model has data files, and WriteOptions.DataName is empty")
		}
		d := &newData{name: w.dataName(i), source: f.source}
		if f.checksum != "" {
			d.checksum = digest.SHA1.New()
		}
		w.data = append(w.data, d)
		if err := w.keepData(d, f, edits); err != nil {
			return err
		}
	}
	return nil
}

// keepData replaces payloads in a data file, and the file's name in the model. Payloads of tensors that edits remove
// stay in the data file.
func (w *writing) keepData(d *newData, f *dataFile, edits []wire.Edit) error {
	var last *Tensor
	for _, t := range f.tensors {
		if removed(edits, t.start()) {
			continue
		}
		if err := w.relocate(t, d); err != nil {
			return err
		}
		if last != nil && last.SharesData(t) {
			if (w.made[t] == nil) != (w.made[last] == nil) {
				return UnsupportedError(fmt.Sprintf("tensors %q and %q share their bytes of %q, and only one of them is replaced",
					last.ID(), t.ID(), f.location))
			}
			continue
		}
		last = t
		if renewed := w.made[t]; renewed != nil {
			at := wire.Span{Off: t.external.offset, Len: t.SizeBytes()}
			d.edits = append(d.edits, wire.Edit{At: at, Size: at.Len, Fill: renewed.inContext})
		}
	}
	return nil
}

// relocate replaces the data file's name and checksum in the tensor.
func (w *writing) relocate(t *Tensor, d *newData) error {
	return t.eachEntry(func(key string, value []wire.Field) {
		at := value[len(value)-1].Body
		switch key {
		case keyLocation:
			w.edits = append(w.edits, wire.NewEdit(at, []byte(d.name), value))
		case keyChecksum:
			size := int64(digest.SHA1.Size())
			sum := fill(func(dst []byte, off int64) error {
				copy(dst, digest.Hex(d.checksum)[off:]) // the data file is complete at this point
				return nil
			})
			w.edits = append(w.edits, wire.Edit{At: at, Size: size, Within: value, Fill: sum.inContext})
		}
	})
}

// inside moves the payloads of data files into the model.
func (w *writing) inside(edits []wire.Edit) error {
	for t := range w.m.stored() {
		if removed(edits, t.start()) {
			continue
		}
		if t.external != nil && t.payload == nil {
			return UnsupportedError(fmt.Sprintf("tensor %q: its data file %q is not open; open the model with "+
				"OpenWithData", t.ID(), t.external.location))
		}
		if err := w.stay(t); err != nil {
			return err
		}
	}
	return nil
}

// stay keeps a payload in the model's file, or moves it there. A new payload overwrites an old one of the same size,
// or else is stored as raw_data.
func (w *writing) stay(t *Tensor) error {
	f := w.made[t]
	switch {
	case t.external == nil && f == nil:
		return nil
	case t.isPlain():
		w.edits = append(w.edits, t.inPlace(f)...)
		return nil
	case f == nil:
		f = t.ReadAt
	}
	edits, err := t.rawEdits(f)
	w.edits = append(w.edits, edits...)
	return err
}

// dataName returns the name of the i-th data file.
func (w *writing) dataName(i int) string {
	if i == 0 {
		return w.opt.DataName
	}
	return fmt.Sprintf("%s.%d", w.opt.DataName, i+1)
}

func (d *newData) write(ctx context.Context, out Output, workers int, times *wire.Times) (File, error) {
	w, err := out.Create(d.name)
	if err != nil {
		return File{}, err
	}
	sum := digest.XXH3.New()
	writers := []io.Writer{w, sum}
	if d.checksum != nil {
		writers = append(writers, d.checksum)
	}
	took, err := wire.Rewrite(ctx, io.MultiWriter(writers...), d.source, d.edits, workers)
	if err != nil {
		return File{}, err
	}
	times.Add(took)
	return File{d.name, d.source.Size(d.edits), string(digest.XXH3), digest.Hex(sum)}, nil
}

// removed reports whether an edit covers the byte at off.
func removed(edits []wire.Edit, off int64) bool {
	return slices.ContainsFunc(edits, func(e wire.Edit) bool { return e.At.Off <= off && off < e.At.End() })
}
