package onnx

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/digest"
	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

const (
	// maxFile is the largest protobuf message that runtimes read.
	maxFile = math.MaxInt32
	// maxProvenance is kept free below maxFile for what is appended last.
	maxProvenance = 1 << 20
)

// Replacement is new payload for a tensor: Fill sets dst to its bytes from off on,
// in the layout of [Tensor.ReadAt]. Fill may be called for several parts at once
// and in any order; off and len(dst) are multiples of the element size.
type Replacement struct {
	Tensor *Tensor
	Fill   func(dst []byte, off int64) error
}

// Layout says where the payloads of a written model go.
type Layout int

// The layouts.
const (
	// Keep leaves every payload where it is: in the model's file, or at the same offset
	// of as many data files. A model that would outgrow protobuf's 2 GiB becomes Outside.
	Keep Layout = iota
	// Inside puts all payloads into the model's file.
	Inside
	// Outside puts initializers of a kilobyte and more into data files, each payload on
	// a boundary that systems can map.
	Outside
)

// WriteOptions say how a model is written.
type WriteOptions struct {
	Layout     Layout
	DataName   string // of the first data file; further ones get .2, .3 and so on. "" allows none
	ShardBytes int64  // with Outside, a new data file begins beyond this size; 0 means never
	Workers    int    // goroutines that make payloads; 0 means 1. The output does not depend on it
	// Provenance makes the model's metadata property of [ProvenanceKey] when all else is
	// written, so that it can name the hashes of data, the files just made. nil keeps
	// what the model has.
	Provenance func(data []File) (string, error)
}

// ProvenanceKey is the metadata property that says how a model was made.
const ProvenanceKey = "wiseft.merge"

// BlockSize is the unit in which payloads are made, in bytes; see [Replacement].
const BlockSize = wire.BlockSize

// Output takes the files of a model.
type Output interface {
	// Create begins a file; the one before it is complete. The model's own file, whose
	// name is "", comes last.
	Create(name string) (io.Writer, error)
}

// Single returns the output of a model without data files, which goes to w.
func Single(w io.Writer) Output { return single{w} }

type single struct{ w io.Writer }

func (s single) Create(name string) (io.Writer, error) {
	if name != "" {
		return nil, fmt.Errorf("graph: nowhere to put the data file %q", name)
	}
	return s.w, nil
}

// Rewrite copies the model to w with the given payloads replaced, using up to workers
// goroutines to make them. Every other byte is copied as it is, so no replacements
// give the file itself. The output does not depend on workers. Payloads from other
// files move into the model, and so do replaced ones that are stored as varints.
func (m *Model) Rewrite(ctx context.Context, w io.Writer, replacements []Replacement, workers int) error {
	_, err := m.Write(ctx, single{w}, replacements, WriteOptions{Layout: Inside, Workers: workers})
	return err
}

// Write writes the model with the given payloads replaced, and returns its data files.
// What is neither replaced nor moved by the layout is copied byte for byte. Nothing is
// created before it is clear that the layout is possible.
func (m *Model) Write(ctx context.Context, out Output, replacements []Replacement, opt WriteOptions) ([]File, error) {
	made, err := m.fills(replacements)
	if err != nil {
		return nil, err
	}
	return m.write(ctx, out, nil, made, opt)
}

// fills returns the functions that make replaced payloads.
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

// fill makes the bytes of a payload from off on.
type fill func(dst []byte, off int64) error

// inContext makes an edit's function of one that is too quick to be cancelled.
func (f fill) inContext(_ context.Context, dst []byte, off int64) error { return f(dst, off) }

// writing is a model on its way out.
type writing struct {
	m     *Model
	made  map[*Tensor]fill
	opt   WriteOptions
	edits []wire.Edit // of the model's own file
	data  []*newData
}

// newData is a data file to be written.
type newData struct {
	name     string
	source   *wire.Source // copied with edits
	edits    []wire.Edit
	checksum hash.Hash // nil if the model does not carry one
}

// write is Write with edits of the structure.
func (m *Model) write(ctx context.Context, out Output, edits []wire.Edit, made map[*Tensor]fill, opt WriteOptions) ([]File, error) {
	w, err := m.layOut(edits, made, opt)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, d := range w.data {
		f, err := d.write(ctx, out, opt.Workers)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	model, err := out.Create("")
	if err != nil {
		return nil, err
	}
	if err := wire.Rewrite(ctx, model, m.source, w.edits, opt.Workers); err != nil {
		return nil, err
	}
	if opt.Provenance == nil {
		return files, nil
	}
	text, err := opt.Provenance(files)
	if err != nil {
		return nil, err
	}
	if len(text) > maxProvenance/2 {
		return nil, fmt.Errorf("graph: a provenance of %d bytes", len(text))
	}
	_, err = model.Write(metadataField(ProvenanceKey, text)) // fields may come in any order
	return files, err
}

// layOut decides where every payload goes. edits change the structure; what they
// remove is left out.
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
	}
	if err != nil {
		return nil, err
	}
	if opt.Provenance != nil {
		edits = append(slices.Clone(edits), m.dropMetadata(ProvenanceKey)...)
	}
	w.edits = append(w.edits, edits...) // what goes into a tensor comes before what is put behind it
	size := m.source.Size(w.edits)
	switch {
	case size <= maxFile-maxProvenance:
		return w, nil
	case opt.Layout == Keep && opt.DataName != "":
		opt.Layout = Outside
		return m.layOut(edits, made, opt)
	case opt.Layout == Outside:
		return nil, UnsupportedError(fmt.Sprintf("without its large initializers the model still has %d bytes; a protobuf file holds %d", size, maxFile))
	}
	return nil, UnsupportedError(fmt.Sprintf("as one file the model would have %d bytes; a protobuf file holds %d", size, maxFile))
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
			return errors.New("graph: the data files have no name")
		}
		d := &newData{name: w.dataName(i), source: f.source}
		if f.checksum != "" {
			d.checksum = digest.SHA1.New()
		}
		w.data = append(w.data, d)
		if err := w.keepData(d, f); err != nil {
			return err
		}
	}
	return nil
}

// keepData replaces payloads in a data file, and the file's name in the model.
func (w *writing) keepData(d *newData, f *dataFile) error {
	var last *Tensor
	for _, t := range f.tensors {
		if err := w.relocate(t, d); err != nil {
			return err
		}
		if last != nil && last.SharesData(t) {
			if (w.made[t] == nil) != (w.made[last] == nil) {
				return UnsupportedError(fmt.Sprintf("tensors %q and %q share their bytes of %q, and only one of them changes", last.ID(), t.ID(), f.location))
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

// relocate changes the data file's name and checksum in the tensor.
func (w *writing) relocate(t *Tensor, d *newData) error {
	return t.eachEntry(func(key string, value []wire.Field) {
		at := value[len(value)-1].Body
		switch key {
		case keyLocation:
			w.edits = append(w.edits, wire.NewEdit(at, []byte(d.name), value))
		case keyChecksum:
			size := int64(digest.SHA1.Size())
			w.edits = append(w.edits, wire.Edit{At: at, Size: size, Within: value, Fill: func(_ context.Context, dst []byte, off int64) error {
				copy(dst, digest.Hex(d.checksum)[off:]) // the data file is complete by now
				return nil
			}})
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
			return UnsupportedError(fmt.Sprintf("tensor %q: its data is in another file (%s), which is not open", t.ID(), t.external.location))
		}
		if err := w.stay(t); err != nil {
			return err
		}
	}
	return nil
}

// stay leaves a payload in the model's file, or moves it there. New bytes take the
// place of as many old ones; where that is not possible they become raw_data.
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

// dataName names the i-th data file.
func (w *writing) dataName(i int) string {
	if i == 0 {
		return w.opt.DataName
	}
	return fmt.Sprintf("%s.%d", w.opt.DataName, i+1)
}

func (d *newData) write(ctx context.Context, out Output, workers int) (File, error) {
	w, err := out.Create(d.name)
	if err != nil {
		return File{}, err
	}
	sum := digest.XXH3.New()
	writers := []io.Writer{w, sum}
	if d.checksum != nil {
		writers = append(writers, d.checksum)
	}
	if err := wire.Rewrite(ctx, io.MultiWriter(writers...), d.source, d.edits, workers); err != nil {
		return File{}, err
	}
	return File{d.name, d.source.Size(d.edits), string(digest.XXH3), digest.Hex(sum)}, nil
}

// removed reports whether an edit covers the byte at off.
func removed(edits []wire.Edit, off int64) bool {
	return slices.ContainsFunc(edits, func(e wire.Edit) bool { return e.At.Off <= off && off < e.At.End() })
}
