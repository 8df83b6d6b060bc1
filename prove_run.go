package wiseft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/twin"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// run computes points in both models and compares them. Points that onnxruntime does not compute are not comparable.
func (p *prover) run(ctx context.Context, points []twin.Point) (map[twin.Point]difference, error) {
	results, err := p.runAll(ctx, points)
	_, refused := errors.AsType[*ort.ModelError](err)
	switch {
	case err == nil:
		return results, nil
	case !refused:
		return nil, err
	case len(points) == 1:
		return map[twin.Point]difference{points[0]: {refusal: err.Error()}}, nil
	}
	results = map[twin.Point]difference{}
	for _, half := range [][]twin.Point{points[:len(points)/2], points[len(points)/2:]} {
		found, err := p.run(ctx, half)
		if err != nil {
			return nil, err
		}
		for x, d := range found {
			results[x] = d
		}
	}
	return results, nil
}

// runAll computes points in one pass of each model. Until a pass has succeeded it tries several sizes of the inputs.
func (p *prover) runAll(ctx context.Context, points []twin.Point) (map[twin.Point]difference, error) {
	var namesA, namesB []string
	for _, x := range points {
		namesA, namesB = append(namesA, x.A), append(namesB, x.B)
	}
	a, err := p.open(ctx, true, namesA)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, err := p.open(ctx, false, namesB)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	for {
		results, err := p.compareOnce(ctx, a, b, points)
		if refused, ok := errors.AsType[*passError](err); ok && p.inputs.resize(refused.side) {
			continue
		}
		if err != nil {
			return nil, err
		}
		p.inputs.settled = true
		isUnequal := func(x twin.Point) bool { return results[x].verdict == unequal }
		if slices.ContainsFunc(points, isUnequal) && p.inputs.addDraws() {
			continue
		}
		return results, nil
	}
}

// passError reports a forward pass of one side, 0 or 1, that onnxruntime refuses.
type passError struct {
	error
	side int
}

// Unwrap returns the cause.
func (e *passError) Unwrap() error { return e.error }

// compareOnce runs two programs on the same inputs.
func (p *prover) compareOnce(
	ctx context.Context, a, b *ort.Program, points []twin.Point,
) (map[twin.Point]difference, error) {
	rules := comparison{tolerance: p.tolerance(), selective: p.inputs.selective, samples: p.inputs.samples}
	pairs := make([]pairedValues, len(points))
	for draw := range p.inputs.draws {
		for side, program := range []*ort.Program{a, b} {
			values, err := p.pass(ctx, program, side == 0, draw)
			if _, refused := errors.AsType[*ort.ModelError](err); refused {
				return nil, &passError{err, side}
			}
			if err != nil {
				return nil, err
			}
			for i, v := range values {
				pairs[i][side] = append(pairs[i][side], v)
			}
		}
	}
	results := map[twin.Point]difference{}
	for i, x := range points {
		results[x] = rules.compare(pairs[i])
	}
	return results, nil
}

// pass runs a program on all samples of a draw. A program with a smaller batch runs several times.
func (p *prover) pass(ctx context.Context, program *ort.Program, inModel bool, draw int) ([]probe.Batch, error) {
	var all []probe.Batch
	for _, arrays := range p.inputs.arrays(inModel, draw) {
		values, err := program.Run(ctx, arrays)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = values
			continue
		}
		for i, v := range values {
			all[i] = joinRows(all[i], v)
		}
	}
	return all, nil
}

// joinRows appends the rows of b, whose further axes are those of a.
func joinRows(a, b probe.Batch) probe.Batch {
	if len(a.Shape) == 0 || len(a.Shape) != len(b.Shape) || !slices.Equal(a.Shape[1:], b.Shape[1:]) {
		return probe.Batch{}
	}
	shape := slices.Clone(a.Shape)
	shape[0] += b.Shape[0]
	return probe.Batch{X: append(a.X, b.X...), Shape: shape}
}

// maxInMemory is the size of the weights from which on a model is written to a folder instead of into memory.
const maxInMemory = 1 << 30

// open opens a model that ends with some of its values: the other model, or the written graph with its weights.
func (p *prover) open(ctx context.Context, inModel bool, values []string) (*ort.Program, error) {
	m := p.swap.Graph
	if inModel {
		m = p.swap.Model
	}
	outputs := make([]string, len(values))
	for i := range values {
		outputs[i] = fmt.Sprintf("wiseft.proof.%d", i)
	}
	cut := p.swap.Cut(inModel, values, outputs)
	total := int64(0)
	for _, t := range m.Tensors {
		total += t.SizeBytes()
	}
	var source ort.Source
	var err error
	if total <= maxInMemory {
		var b bytes.Buffer
		err = p.write(ctx, inModel, onnx.Single(&b), onnx.WriteOptions{Layout: onnx.Inside, Change: cut})
		source.Bytes = b.Bytes()
	} else {
		source.Path, err = p.writeFolder(ctx, inModel, cut)
	}
	if err != nil {
		return nil, err
	}
	var inputs []string
	for _, in := range m.Graph.Inputs {
		inputs = append(inputs, in.Name)
	}
	return p.engine.OpenProgram(ctx, source, inputs, outputs)
}

// write writes the other model, or the written graph with its weights.
func (p *prover) write(ctx context.Context, inModel bool, out onnx.Output, opt onnx.WriteOptions) error {
	if inModel {
		_, err := p.swap.Model.Write(ctx, out, nil, opt)
		return err
	}
	_, err := onnxmerge.Write(ctx, out, p.swap.Plan, onnxmerge.WriteOptions{WriteOptions: opt}, nil)
	return err
}

// writeFolder writes a model with a data file into the folder of the proof. It replaces the one before of that side.
func (p *prover) writeFolder(ctx context.Context, inModel bool, cut onnx.Change) (string, error) {
	if p.folder == "" {
		dir, err := os.MkdirTemp("", "wiseft-proof-")
		if err != nil {
			return "", err
		}
		p.folder = dir
	}
	name := map[bool]string{true: "a.onnx", false: "b.onnx"}[inModel]
	path := filepath.Join(p.folder, name)
	files := &output.Group{Path: path, Options: output.Options{Force: true}}
	defer files.Abort()
	err := p.write(ctx, inModel, files, onnx.WriteOptions{Layout: onnx.Outside, DataName: name + ".data", Change: cut})
	if err != nil {
		return "", err
	}
	return path, files.Commit()
}

// close removes the files of the proof.
func (p *prover) close() {
	if p.folder != "" {
		_ = os.RemoveAll(p.folder)
	}
}
