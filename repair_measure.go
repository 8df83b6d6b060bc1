package wiseft

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/repair"
	"github.com/wiseft/wiseft/probe/ort"
)

// largestRepaired is the size of the largest model that can be repaired: its stages run from memory as one file, and files
// of ONNX end at 2 GiB. Statistics change between stages, so that a model beyond that would have to be written as often.
const largestRepaired = math.MaxInt32 - spareBytes

// mostRepaired returns the size of the largest model that is repaired: --model-memory, but not less than its default, and
// at most [largestRepaired].
func (o RuntimeOptions) mostRepaired() int64 {
	return min(max(o.maxModel(), DefaultModelMemory), largestRepaired)
}

// tooLargeToRepair is the error for a model of that size, beyond o.mostRepaired().
func (o RuntimeOptions) tooLargeToRepair(size int64) error {
	err := fault.Mismatchf("the model has %d MiB, and a repair holds it in memory, up to %d MiB", size>>20, o.mostRepaired()>>20)
	if size > largestRepaired {
		return err.WithHint("merge without --repair: onnxruntime takes at most 2 GiB from memory")
	}
	return err.WithHint("allow it with --model-memory %dMiB, or merge without --repair", size>>20+1)
}

// write returns the model that a plan makes, in memory.
func (c *calibration) write(ctx context.Context, plan *onnxmerge.Plan) (*onnx.Model, error) {
	size := weightBytes(c.last.Model)
	if size > c.opt.Runtime.mostRepaired() {
		return nil, withPath(c.last.path, c.opt.Runtime.tooLargeToRepair(size))
	}
	var out bytes.Buffer
	out.Grow(int(size) + spareBytes)
	if _, err := onnxmerge.Run(ctx, &out, plan, nil); err != nil {
		return nil, err
	}
	return onnx.Open(bytes.NewReader(out.Bytes()), int64(out.Len()))
}

// corrected are tensors with measured values.
type corrected struct {
	values map[string][]byte // payloads by ID
}

// add computes the tensors of a corrected site, unless it is only to be reported.
func (c *corrected) add(at repair.Place, by *repair.Correction, write bool) (onnxmerge.RepairedLayer, error) {
	layer := onnxmerge.RepairedLayer{Name: at.Name, Factor: by.Median(), Dead: by.Dead, Floor: by.Floor,
		Ceiling: by.Ceiling}
	if !write {
		return layer, nil
	}
	for _, r := range by.Replaced {
		codec, _ := r.Tensor.DType.Codec()
		raw := make([]byte, codec.SizeBytes(len(r.Values)))
		if !codec.Encode(raw, r.Values) {
			return layer, fault.Mismatchf("the corrected values of %q are too large for %s", r.Tensor.ID(), r.Tensor.DType)
		}
		c.values[r.Tensor.ID()] = raw
		layer.Tensors = append(layer.Tensors, r.Tensor.ID())
	}
	return layer, nil
}

// replacements returns the corrected tensors for a copy of the model.
func (c *corrected) replacements(m *onnx.Model) (list []onnx.Replacement) {
	for _, t := range m.Tensors {
		if value, ok := c.values[t.ID()]; ok {
			list = append(list, onnx.Replacement{Tensor: t, Fill: func(dst []byte, off int64) error {
				copy(dst, value[off:])
				return nil
			}})
		}
	}
	return list
}

// measuring passes samples through one model, stage by stage. A pass begins at the values that an earlier one has left,
// as far as memory holds them, else at the samples. Close it.
type measuring struct {
	*calibration
	m     *onnx.Model
	what  string   // for progress
	names []string // of the values that are held; nil begins at the samples
	held  []batch

	some  *measuring // of the same model on some positions of the held values; nil if the stages need all
	whole bool       // held values have the positions that the model declares
}

// batch are values of some samples.
type batch struct {
	values map[string]*ort.Value
	rows   int
}

// close releases the values.
func (b batch) close() {
	_ = ort.CloseValues(slices.Collect(maps.Values(b.values))) // it releases memory alone
}

// sizeBytes is the memory of the values.
func (b batch) sizeBytes() (size int64) {
	for _, v := range b.values {
		size += v.SizeBytes()
	}
	return size
}

func (c *calibration) newMeasuring(m *onnx.Model, what string) *measuring {
	return &measuring{calibration: c, m: m, what: what, whole: true}
}

// close releases the values that are held.
func (p *measuring) close() {
	for _, b := range p.held {
		b.close()
	}
	p.held, p.names = nil, nil
	if p.some != nil {
		p.some.close()
		p.some = nil
	}
}

// pass returns the moments of the values of a stage's sites in the model with some tensors replaced.
func (p *measuring) pass(ctx context.Context, stage *repair.Stage, corrected []onnx.Replacement,
) ([]*repair.Moments, error) {
	some, err := p.somePositions(stage)
	if err != nil {
		return nil, err
	}
	if some != nil {
		return some.pass(ctx, stage, corrected)
	}
	moments, err := p.run(ctx, stage, stage.Carry, corrected)
	if errors.Is(err, errTooLarge) {
		moments, err = p.run(ctx, stage, nil, corrected)
	}
	return moments, err
}

// errTooLarge reports values that memory does not hold.
var errTooLarge = errors.New("activations exceed the memory")

// run is pass for some values that are to be held for the next stage; nil holds those of before. Values that take too
// much memory are errTooLarge, before any that are held are released.
func (p *measuring) run(ctx context.Context, stage *repair.Stage, carry []string, corrected []onnx.Replacement,
) (_ []*repair.Moments, err error) {
	computed := slices.DeleteFunc(slices.Clone(carry), func(name string) bool { return slices.Contains(p.inputs(), name) })
	program, err := p.open(ctx, stage, computed, corrected)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, program.Close()) }()
	s := stagePass{measuring: p, program: program, carry: carry, computed: computed}
	for range stage.Sites {
		s.moments = append(s.moments, &repair.Moments{})
	}
	if err = p.each(ctx, s.add); err == nil {
		err = p.check(stage, s.moments)
	}
	if err != nil {
		for _, b := range s.next {
			b.close()
		}
		return nil, err
	}
	if len(carry) > 0 {
		p.names, p.held = carry, s.next
	}
	return s.moments, nil
}

// inputs are the names of the values that a pass begins with.
func (p *measuring) inputs() []string {
	if p.names == nil {
		var names []string
		for _, in := range p.calibration.inputs {
			names = append(names, in.Name)
		}
		return names
	}
	return p.names
}

// open opens the part of the model that a pass computes.
func (p *measuring) open(ctx context.Context, stage *repair.Stage, carry []string, corrected []onnx.Replacement,
) (*ort.Program, error) {
	var inputs []onnx.Value
	if p.names == nil {
		for _, in := range p.calibration.inputs {
			inputs = append(inputs, p.m.Graph.Value(in.Name))
		}
	} else {
		for _, name := range p.names {
			inputs = append(inputs, onnx.Value{Name: name, DType: onnx.DType(p.held[0].values[name].Type)})
		}
	}
	program, err := openChanged(ctx, p.engine.Engine, p.m, stage.Change(inputs, carry, !p.whole), corrected, p.inputs(),
		stage.Outputs(carry))
	return program, aboutModel(p.last.path, err)
}

// each calls f with every batch: the values that are held, or the samples. f owns values that come from samples. Batches
// that are padded to a fixed length are left out.
func (p *measuring) each(ctx context.Context, f func(context.Context, batch) error) error {
	for _, b := range p.held {
		if err := f(ctx, b); err != nil {
			return err
		}
	}
	if p.names != nil {
		return nil
	}
	names := p.inputs()
	err := p.drawn.each(ctx, p.calibration.inputs, p.opt.Layout, p.opt.Runtime.BatchSize(), func(values []*ort.Value, rows int) error {
		b := batch{map[string]*ort.Value{}, rows}
		for i, v := range values {
			b.values[names[i]] = v
		}
		return f(ctx, b)
	})
	return withPath(p.last.path, err)
}

// check refuses activations that are not finite.
func (p *measuring) check(stage *repair.Stage, moments []*repair.Moments) error {
	for i, site := range stage.Sites {
		if channel := moments[i].NonFinite(); channel >= 0 {
			return fault.Mismatchf("%s: channel %d of %q is NaN or infinite on the samples of --repair", p.last.path, channel,
				site.At().Value).WithHint("is the data prepared as for training?")
		}
	}
	return nil
}

// stagePass is one pass: what was measured so far.
type stagePass struct {
	*measuring
	program  *ort.Program
	moments  []*repair.Moments
	carry    []string // that is to be held for the next stage
	computed []string // as far as this one computes it
	next     []batch
	samples  int
}

// add passes one batch through the stage. Held values that the next stage does not take are released, samples always.
func (s *stagePass) add(ctx context.Context, b batch) error {
	made, err := s.compute(ctx, b)
	if err == nil && len(s.next) == 0 && made.sizeBytes()*s.batches(b) > s.memory {
		err = errTooLarge
	}
	if err != nil {
		made.close()
		if s.names == nil {
			b.close()
		}
		return err
	}
	for name, v := range b.values {
		switch {
		case slices.Contains(s.carry, name):
			made.values[name] = v
		case len(s.carry) > 0 || s.names == nil:
			err = errors.Join(err, v.Close())
		}
	}
	if len(s.carry) > 0 {
		s.next = append(s.next, made)
	}
	s.samples += b.rows
	s.opt.Monitor.progress(Progress{s.what, "samples", s.samples, s.record.Samples})
	return err
}

// batches returns the number of batches of all samples.
func (s *stagePass) batches(b batch) int64 { return int64((s.record.Samples + b.rows - 1) / b.rows) }

// compute adds the moments of a batch, and returns the values to be held that this stage computes.
func (s *stagePass) compute(ctx context.Context, b batch) (made batch, err error) {
	made = batch{map[string]*ort.Value{}, b.rows}
	var inputs []*ort.Value
	for _, name := range s.inputs() {
		inputs = append(inputs, b.values[name])
	}
	outputs, err := s.program.Compute(ctx, inputs)
	if err != nil {
		return made, aboutModel(s.last.path, err)
	}
	figures := outputs[:3*len(s.moments)]
	for i, name := range s.computed {
		made.values[name] = outputs[len(figures)+i]
	}
	for i, m := range s.moments {
		err = errors.Join(err, join(m, figures[3*i:3*i+3]))
	}
	return made, errors.Join(err, ort.CloseValues(figures))
}

// join adds the figures of a batch: shape, mean and root of the sum of squared deviations; see [repair.Stage.Outputs].
func join(m *repair.Moments, figures []*ort.Value) error {
	shape, err := figures[0].Int64s()
	if err != nil {
		return err
	}
	mean, err := figures[1].Float32s()
	if err != nil {
		return err
	}
	norm, err := figures[2].Float32s()
	if err != nil {
		return err
	}
	m.Join(float64(shape[0]*shape[2]), mean, norm)
	return nil
}
