package wiseft

import (
	"context"
	"fmt"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// openValues opens a model that computes values as float32 from some of its inputs, with some tensors replaced.
func openValues(ctx context.Context, engine ort.Engine, m *onnx.Model, inputs, values []string, replaced []onnx.Replacement,
) (*ort.Program, error) {
	g, err := flow.New(m)
	if err != nil {
		return nil, err
	}
	outputs := make([]string, len(values))
	for i := range values {
		outputs[i] = fmt.Sprintf("wiseft.value.%d", i)
	}
	return openChanged(ctx, engine, m, surgery.CutToFloat32(m, g, values, outputs), replaced, inputs, outputs)
}

// outputRunner runs a model on the same random inputs with other tensors, and compares its outputs.
type outputRunner struct {
	engine ort.Engine
	model  *onnx.Model
	inputs []ort.Array
	want   []probe.Batch
}

// newOutputRunner returns a runner with inputs that the model takes: lengths of axes that it leaves open are tried.
func newOutputRunner(ctx context.Context, engine ort.Engine, m *onnx.Model, seed uint64) (*outputRunner, error) {
	r := &outputRunner{engine: engine, model: m}
	list := make([]*proofInput, len(m.Graph.Inputs))
	uses := flow.InputUses(m)
	for i, in := range m.Graph.Inputs {
		list[i] = &proofInput{of: [2]onnx.Value{in, in}, use: uses[in.Name]}
		if reason := list[i].check(false); reason != "" {
			return nil, fmt.Errorf("%s", reason)
		}
	}
	var last error
	for level := range openSizes {
		for _, batch := range otherBatches {
			r.inputs = nil
			sizes := newInputSizes(list)
			if batch == 0 {
				batch = sizes.batches(false)[0]
			}
			for _, x := range list {
				x.shape = sizes.shape(x, batch, level)
				r.inputs = append(r.inputs, ort.Array{Type: ort.ElementType(x.of[0].DType), Shape: x.shape,
					Data: encodeAs(x.of[0].DType, x.numbers(seed, 0))})
			}
			if r.want, last = r.run(ctx, nil); last == nil || ctx.Err() != nil {
				return r, ctx.Err()
			}
		}
	}
	return nil, last
}

// run returns the compared values with some tensors replaced.
func (r *outputRunner) run(ctx context.Context, replaced []onnx.Replacement) ([]probe.Batch, error) {
	var inputs []string
	for _, in := range r.model.Graph.Inputs {
		inputs = append(inputs, in.Name)
	}
	p, err := openValues(ctx, r.engine, r.model, inputs, align.Compared(r.model), replaced)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return p.Run(ctx, r.inputs)
}

// difference is an align.Run.
func (r *outputRunner) difference(ctx context.Context, replaced []onnx.Replacement) (float64, error) {
	got, err := r.run(ctx, replaced)
	if err != nil {
		return 0, err
	}
	worst := 0.
	for i, want := range r.want {
		if len(got[i].X) != len(want.X) {
			return 0, fmt.Errorf("output %d has another size", i)
		}
		largest, apart := 0., 0.
		for k, x := range want.X {
			largest = max(largest, math.Abs(float64(x)))
			if d := math.Abs(float64(got[i].X[k]) - float64(x)); !(d <= apart) {
				apart = d // NaN, too
			}
		}
		if apart != 0 {
			worst = max(worst, apart/largest)
		}
	}
	return worst, nil
}
