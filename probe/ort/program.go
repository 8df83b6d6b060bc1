package ort

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/probe"
)

// Program is a model with any number of inputs of any type, and with outputs of type float32. Close it.
type Program struct {
	binding binding
	runner  runner // nil after Close
	inputs  []string
	outputs int
	remove  func() error // removes files that the model was opened from; nil = there are none
}

// RemoveFiles has the files removed that the model was opened from: at once, or where the system does not remove files that
// are mapped into memory, by Close.
func (p *Program) RemoveFiles(remove func() error) {
	if remove() != nil {
		p.remove = remove
	}
}

// OpenProgram loads a model. inputs are the names of all its inputs, outputs those of the outputs that [Program.Run]
// or [Program.Compute] returns. Errors about the model are [ModelError].
func (e Engine) OpenProgram(ctx context.Context, model Source, inputs, outputs []string) (*Program, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(inputs) == 0 || len(outputs) == 0 {
		return nil, modelErrorf("a model that runs has %d inputs and %d outputs", len(inputs), len(outputs))
	}
	b, err := e.bound()
	if err != nil {
		return nil, err
	}
	p := &Program{binding: b, inputs: slices.Clone(inputs), outputs: len(outputs)}
	if p.runner, err = b.open(model, inputs, outputs, e.options()); err != nil {
		return nil, refused(err)
	}
	return p, nil
}

// Run runs one forward pass, whose outputs must be float32. inputs have the order of the names that the program was
// opened with. Only one pass may be active at a time.
func (p *Program) Run(ctx context.Context, inputs []Array) (_ []probe.Batch, err error) {
	if len(inputs) != len(p.inputs) {
		return nil, fmt.Errorf("ort: %d inputs, want %d", len(inputs), len(p.inputs))
	}
	values := make([]*Value, len(inputs))
	defer func() { err = errors.Join(err, CloseValues(values)) }()
	for i, in := range inputs {
		if values[i], err = newValue(p.binding, in); err != nil {
			return nil, fmt.Errorf("input %q: %w", p.inputs[i], err)
		}
	}
	outputs, err := p.Compute(ctx, values)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, CloseValues(outputs)) }()
	results := make([]probe.Batch, len(outputs))
	for i, out := range outputs {
		if results[i], err = out.batch(); err != nil {
			return nil, fmt.Errorf("output %d: %w", i, err)
		}
	}
	return results, nil
}

// Close releases the model. Closing twice is harmless.
func (p *Program) Close() error {
	if p.runner == nil {
		return nil
	}
	err := p.runner.close()
	p.runner = nil
	if p.remove != nil {
		err = errors.Join(err, p.remove())
		p.remove = nil
	}
	return err
}
