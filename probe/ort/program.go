//go:build cgo

package ort

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/wiseft/wiseft/probe"
	onnxruntime "github.com/yalue/onnxruntime_go"
)

// Program is a model with any number of inputs of any type, and with outputs of type float32. Close it.
type Program struct {
	session *onnxruntime.DynamicAdvancedSession
	run     *onnxruntime.RunOptions
	inputs  []string
	outputs int
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
	options, err := e.options()
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	p := &Program{inputs: inputs, outputs: len(outputs)}
	if p.run, err = onnxruntime.NewRunOptions(); err != nil {
		return nil, err
	}
	if model.Bytes != nil {
		p.session, err = onnxruntime.NewDynamicAdvancedSessionWithONNXData(model.Bytes, inputs, outputs, options)
	} else {
		p.session, err = onnxruntime.NewDynamicAdvancedSession(model.Path, inputs, outputs, options)
	}
	if err != nil {
		return nil, errors.Join(modelErrorf("onnxruntime refuses the model: %s", message(err)), p.run.Destroy())
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
		if values[i], err = NewValue(in); err != nil {
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
	if p.session == nil {
		return nil
	}
	err := errors.Join(p.session.Destroy(), p.run.Destroy())
	p.session = nil
	return err
}

// newValue returns an array as onnxruntime takes it. The binding has separate types for single numbers.
func newValue(a Array) (onnxruntime.Value, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if len(a.Shape) > 0 {
		return onnxruntime.NewCustomDataTensor(a.Shape, a.Data, onnxruntime.TensorElementDataType(a.Type))
	}
	switch d := a.Data; a.Type {
	case Float32:
		return onnxruntime.NewScalar(math.Float32frombits(binary.LittleEndian.Uint32(d)))
	case Float64:
		return onnxruntime.NewScalar(math.Float64frombits(binary.LittleEndian.Uint64(d)))
	case Int32:
		return onnxruntime.NewScalar(int32(binary.LittleEndian.Uint32(d)))
	case Int64:
		return onnxruntime.NewScalar(int64(binary.LittleEndian.Uint64(d)))
	case Uint8:
		return onnxruntime.NewScalar(d[0])
	case Bool:
		return onnxruntime.NewScalar(d[0] != 0)
	}
	return nil, fmt.Errorf("ort: a single number of element type %d; it is not supported", a.Type)
}

// message returns what an error of onnxruntime says about the model, on one line.
func message(err error) string {
	text := cause(err)
	if _, status, ok := strings.Cut(text, "Status Message: "); ok {
		node := ""
		if _, after, ok := strings.Cut(text, "while running "); ok {
			node, _, _ = strings.Cut(after, " Status Message")
			node = strings.TrimSuffix(node, ".") + ": "
		}
		text = node + status
	}
	return strings.Join(strings.Fields(text), " ")
}
