package wiseft

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	sides := &proofSides{prover: p, names: [2][]string{namesA, namesB}}
	defer sides.close()
	for {
		results, err := p.compareOnce(ctx, sides, points)
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

// proofSides are the programs of both sides, each opened when it runs.
type proofSides struct {
	*prover
	names    [2][]string
	programs [2]*ort.Program // nil = not open
}

// program returns the program of a side. Of large models one is open at a time.
func (s *proofSides) program(ctx context.Context, side int) (*ort.Program, error) {
	if s.programs[side] != nil {
		return s.programs[side], nil
	}
	if s.isLarge(s.model(side == 0)) {
		s.close()
	}
	program, err := s.open(ctx, side == 0, s.names[side])
	s.programs[side] = program
	return program, err
}

func (s *proofSides) close() {
	for side, program := range s.programs {
		if program != nil {
			_ = program.Close() // its passes are done
			s.programs[side] = nil
		}
	}
}

// compareOnce runs the programs of both sides on the same inputs.
func (p *prover) compareOnce(ctx context.Context, sides *proofSides, points []twin.Point) (map[twin.Point]difference, error) {
	rules := comparison{tolerance: p.tolerance(), selective: p.inputs.selective, samples: p.inputs.samples}
	pairs := make([]pairedValues, len(points))
	for side := range sides.programs {
		program, err := sides.program(ctx, side)
		if err != nil {
			return nil, err
		}
		for draw := range p.inputs.draws {
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

// model returns the other model, or the written graph.
func (p *prover) model(inModel bool) *onnx.Model {
	if inModel {
		return p.swap.Model
	}
	return p.swap.Graph
}

// isLarge reports whether a model is run from files.
func (p *prover) isLarge(m *onnx.Model) bool { return weightBytes(m) > p.opt.Runtime.maxModel() }

// open opens a model that ends with some of its values: the other model, or the written graph with its weights.
func (p *prover) open(ctx context.Context, inModel bool, values []string) (*ort.Program, error) {
	m := p.model(inModel)
	outputs := make([]string, len(values))
	for i := range values {
		outputs[i] = fmt.Sprintf("wiseft.proof.%d", i)
	}
	var inputs []string
	for _, in := range m.Graph.Inputs {
		inputs = append(inputs, in.Name)
	}
	cut := p.swap.Cut(inModel, values, outputs)
	return openProgram(ctx, p.engine, p.isLarge(m), func(out onnx.Output, opt onnx.WriteOptions) ([]onnx.File, error) {
		opt.Change = cut
		return p.write(ctx, inModel, out, opt)
	}, inputs, outputs)
}

// write writes the other model, or the written graph with its weights.
func (p *prover) write(ctx context.Context, inModel bool, out onnx.Output, opt onnx.WriteOptions) ([]onnx.File, error) {
	if inModel {
		return p.swap.Model.Write(ctx, out, nil, opt)
	}
	made, err := onnxmerge.Write(ctx, out, p.swap.Plan, onnxmerge.WriteOptions{WriteOptions: opt}, nil)
	if err != nil {
		return nil, err
	}
	return made.Data, nil
}
