package wiseft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// samples are unlabelled samples in memory, on which activations are measured.
type samples struct {
	data datasets.Dataset
	hash string
}

// drawSamples draws samples without replacement: want of them, or all if the data set has fewer. exact demands so many.
func drawSamples(
	ctx context.Context, source Data, want int, exact bool, seed uint64, monitor Monitor,
) (_ *samples, err error) {
	all, err := openData(ctx, source, monitor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.close(all)) }()
	if exact && want > all.Len() {
		return nil, fault.Usagef("%d samples are wanted, and %s has %d", want, all.Info().Name, all.Len())
	}
	indices := rand.New(rand.NewPCG(seed, drawStream)).Perm(all.Len())
	indices = slices.Sorted(slices.Values(indices[:min(want, all.Len())]))
	drawn := datasets.Subset(all, indices, fmt.Sprintf("%d samples drawn with seed %d", len(indices), seed))
	s := &samples{}
	if s.data, err = datasets.InMemory(ctx, drawn, nil); err != nil {
		return nil, err
	}
	s.hash, err = drawn.Hash(ctx)
	return s, err
}

// described records samples that were drawn from the train split of data, how they are prepared, and how they are run.
func (d Data) described(layout string, seed uint64, drawn *samples, runtime RuntimeOptions, engine *Runtime) onnxmerge.Drawn {
	r := d.recorded(layout, seed, drawn.data.Len())
	r.Batch, r.Runtime = runtime.BatchSize(), engine.Platform()
	return r
}

// recorded records how samples are prepared, of which count are drawn.
func (d Data) recorded(layout string, seed uint64, count int) onnxmerge.Drawn {
	d = d.asSplit("train")
	if d.Interpolation == datasets.DefaultInterpolation {
		d.Interpolation = ""
	}
	r := onnxmerge.Drawn{File: filepath.Base(d.Path), Split: d.Split, Format: d.Format, Points: d.Points, Sample: d.Sample,
		Normalize: d.Normalize, Resize: d.Resize, Crop: d.Crop, Interpolation: d.Interpolation, Axes: d.Axes, DropNaN: d.DropNaN, Pad: d.Pad,
		EXIF: d.EXIF, Constants: assigned(d.Constants), Layout: layout, Count: count, Seed: seed}
	if r.Inputs = assigned(d.Inputs); len(r.Inputs) == 1 {
		r.Input, r.Inputs = r.Inputs[0], nil
	}
	return r
}

// assigned lists a map as NAME=VALUE, sorted; the name "" is left out.
func assigned(m map[string]string) (list []string) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if name == "" {
			list = append(list, m[name])
			continue
		}
		list = append(list, name+"="+m[name])
	}
	return list
}

// assignments reads what assigned writes.
func assignments(list []string) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, text := range list {
		name, value, named := strings.Cut(text, "=")
		if !named {
			name, value = "", text
		}
		m[name] = value
	}
	return m
}

// preparedAs returns data at a path, prepared as recorded.
func preparedAs(d onnxmerge.Drawn, path string) Data {
	if d.Input != "" {
		d.Inputs = []string{d.Input}
	}
	return Data{Path: path, Split: d.Split, Format: d.Format, Points: d.Points, Sample: d.Sample, Normalize: d.Normalize,
		Resize: d.Resize, Crop: d.Crop, Interpolation: d.Interpolation, Axes: d.Axes, DropNaN: d.DropNaN, Pad: d.Pad, EXIF: d.EXIF,
		Inputs: assignments(d.Inputs), Constants: assignments(d.Constants), Seed: d.Seed}
}

// calibrationSets returns the samples that an alignment and a repair measure activations of models like m on.
func (o MergeOptions) calibrationSets(ctx context.Context, m *onnx.Model) (list []datasets.Dataset, err error) {
	add := func(source Data, want int, seed uint64) {
		if err != nil {
			return
		}
		var drawn *samples
		if drawn, err = drawSamples(ctx, source.forModel(m).asSplit("train"), want, false, seed, Monitor{}); err == nil {
			list = append(list, drawn.data)
		}
	}
	if o.Align != nil && o.Align.By == "activations" {
		for i := range max(o.Align.Draws, 1) {
			add(o.Align.Data, cmp.Or(o.Align.Samples, AlignSamples), o.Align.Seed+uint64(i))
		}
	}
	if o.Repair != nil {
		add(o.Repair.Data, cmp.Or(o.Repair.Samples, RepairSamples), o.Repair.Seed)
	}
	return list, err
}

// drawStream keeps the draw apart from other uses of the same seed.
const drawStream = 0x7265706169720001

// fed returns the inputs of a model that the samples feed.
func (s *samples) fed(m *Model) ([]probe.Input, error) {
	declared, err := modelInputs(m.Model)
	if err != nil {
		return nil, withPath(m.path, err)
	}
	inputs, err := probe.Fed(declared, s.data.Info())
	return inputs, withPath(m.path, err)
}

// each calls f with every batch as the inputs of a model, in their order; f closes the values. Batches that are padded to a
// fixed length are left out, and it is an error if none remains.
func (s *samples) each(ctx context.Context, inputs []probe.Input, layout string, batch int,
	f func(values []*ort.Value, rows int) error) error {
	parsed, err := ParseLayout(layout)
	if err != nil {
		return err
	}
	passed, length := 0, int64(0)
	err = probe.EachBatch(ctx, inputs, s.data, probe.ExtractOptions{Batch: batch, Layout: parsed},
		func(b probe.Batch, rows int) error {
			if length = b.Shape[0]; int64(rows) < length {
				return nil
			}
			passed++
			values, err := newValues(b)
			if err != nil {
				return err
			}
			return f(values, rows)
		})
	if err == nil && passed == 0 {
		err = fault.Usagef("the model takes batches of %d samples, and %d are drawn", length, s.data.Len())
	}
	return err
}

// arraysOf returns the arrays of a batch, in the order of the inputs.
func arraysOf(b probe.Batch) []ort.Array {
	if b.Arrays != nil {
		return b.Arrays
	}
	return []ort.Array{{Type: ort.Float32, Shape: b.Shape, Data: onnx.Float32Bytes(b.X)}}
}

// newValues returns copies of the arrays of a batch.
func newValues(b probe.Batch) (list []*ort.Value, err error) {
	for _, a := range arraysOf(b) {
		v, err := ort.NewValue(ort.Array{Type: a.Type, Shape: slices.Clone(a.Shape), Data: slices.Clone(a.Data), Text: a.Text})
		if err != nil {
			return nil, errors.Join(err, ort.CloseValues(list))
		}
		list = append(list, v)
	}
	return list, nil
}
