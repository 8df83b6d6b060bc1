package onnxmerge

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Repair records how activations of a merged model were corrected: in running statistics of normalisations, or without
// any in weights and biases. Package onnxmerge/repair has the formulas.
type Repair struct {
	Mode    string `json:"mode"`    // affine, scale or reset; auto has measured, and changed nothing
	Samples int    `json:"samples"` // that were measured
	// Positions is how many positions of a sample, such as points or pixels, were measured of each value that has more.
	Positions int             `json:"positions"`
	Hash      string          `json:"data_sha256"` // of these samples
	Data      Drawn           `json:"data"`
	Layers    []RepairedLayer `json:"layers"`
	// Kept are operators that are as the merge made them, each with the reason.
	Kept []string `json:"kept,omitempty"`
}

// RepairedLayer is a place where activations were measured.
type RepairedLayer struct {
	Name    string   `json:"name"`              // of the operator's output
	Tensors []string `json:"tensors,omitempty"` // that are corrected instead of mixed
	// Factor is the median over channels of the quotient of the measured deviation and its goal; 1 for the mode reset.
	Factor float64 `json:"factor"`
	// Dead, Floor and Ceiling are channels that do not vary on the data, or whose quotient is below or above what is
	// trusted and was limited.
	Dead    []int `json:"dead,omitempty"`
	Floor   []int `json:"floor,omitempty"`
	Ceiling []int `json:"ceiling,omitempty"`
}

// Tensors returns the IDs of all tensors that are measured instead of mixed.
func (r *Repair) Tensors() (ids []string) {
	for _, l := range r.Layers {
		ids = append(ids, l.Tensors...)
	}
	return ids
}

// String describes the repair in a line, and names in further ones what is not repaired or was limited.
func (r *Repair) String() string {
	if len(r.Layers) == 0 {
		return "repair: every place is as in one of the models, and keeps its tensors"
	}
	smallest, largest := r.Layers[0], r.Layers[0]
	limited, dead := "", 0
	for _, l := range r.Layers {
		if l.Factor < smallest.Factor {
			smallest = l
		}
		if l.Factor > largest.Factor {
			largest = l
		}
		if n := len(l.Floor) + len(l.Ceiling); n > 0 {
			limited += fmt.Sprintf(" %s (%s)", l.Name, text.Count(n, "channel"))
		}
		dead += len(l.Dead)
	}
	if r.Mode == "auto" {
		return fmt.Sprintf("repair: the network normalises its activations itself: deviations behind %s are %.3g (%s) to %.3g (%s) "+
			"of their goal on %s; nothing is changed, --repair-mode affine or scale corrects linear operators",
			text.Count(len(r.Layers), "linear operator"), smallest.Factor, smallest.Name, largest.Factor, largest.Name,
			text.Count(r.Samples, "sample"))
	}
	lines := fmt.Sprintf("repair: activations at %s measured on %s (%s)", text.Count(len(r.Layers), "place"),
		text.Count(r.Samples, "sample"), r.Mode)
	if r.Mode != "reset" {
		lines += fmt.Sprintf("; deviations were %.3g (%s) to %.3g (%s) of their goal", smallest.Factor, smallest.Name,
			largest.Factor, largest.Name)
	}
	for _, kept := range r.Kept {
		lines += "\n  not repaired: " + kept
	}
	if dead > 0 {
		lines += fmt.Sprintf("\n  %s not vary on the samples, and have mixed deviations", text.Count(dead, "channel")+verb(dead))
	}
	if limited != "" {
		lines += "\n  too far from their goal, and limited:" + limited
	}
	return lines
}

// verb is the auxiliary verb behind a count.
func verb(n int) string {
	if n == 1 {
		return " does"
	}
	return " do"
}

// Replacing returns the plan with measured payloads in place of mixed ones. The tensors are merged ones of the
// fine-tuned model, and the payloads have their size. Earlier ones of other tensors stay; [Plan.With] drops all.
func (p *Plan) Replacing(payloads map[*onnx.Tensor][]byte) *Plan {
	q := *p.planner
	q.measured = maps.Clone(payloads)
	for t, payload := range p.planner.measured {
		if _, ok := payloads[t]; !ok {
			q.measured[t] = payload
		}
	}
	plan := *p
	plan.planner = &q
	return &plan
}

// replace takes the mixers of tensors with measured payloads out, and returns replacements by these.
func (e *executor) replace(mixers []*mixer) ([]*mixer, []onnx.Replacement) {
	if len(e.measured) == 0 {
		return mixers, nil
	}
	var list []onnx.Replacement
	for i := range e.decisions { // in the order of the file
		t := e.decisions[i].b
		if payload, ok := e.measured[t]; ok {
			list = append(list, onnx.Replacement{Tensor: t, Fill: reading(payload)})
		}
	}
	isMeasured := func(m *mixer) bool { return e.measured[m.dst] != nil }
	return slices.DeleteFunc(mixers, isMeasured), list
}

// reading returns a function that reads from a payload in memory.
func reading(payload []byte) func(dst []byte, off int64) error {
	return func(dst []byte, off int64) error {
		copy(dst, payload[off:])
		return nil
	}
}

// Of returns the plan that writes the last model's graph with the weights of one of the models: every tensor that the
// merge mixes is that model's.
func (p *Plan) Of(model int) (*Plan, error) {
	last := len(p.planner.models) - 1
	if model < 0 || model > last {
		return nil, &ModelsError{fmt.Sprintf("there is no model %d", model)}
	}
	q := p.planner.swapped(min(model, last-1))
	if model == last {
		q.opt.Params = method.Params{"alpha": 1.}
	}
	var err error
	if q.params, err = complete(q.method, q.opt, 2); err != nil {
		return nil, err
	}
	if err := q.decideParams(); err != nil {
		return nil, err
	}
	return q.plan(), nil
}

// Models returns the models that are merged, in the order of the method.
func (p *Plan) Models() []*onnx.Model { return p.planner.models }

// decisionOf returns the decision about a tensor of the fine-tuned model; nil if there is none.
func (p *planner) decisionOf(t *onnx.Tensor) *decision {
	i := slices.IndexFunc(p.decisions, func(d decision) bool { return d.b == t })
	if i < 0 {
		return nil
	}
	return &p.decisions[i]
}

// Coefficients returns the factor by which a merged tensor's value has every model's, in their order. It returns nil if
// the method has none, or if the tensor is not merged.
func (p *Plan) Coefficients(t *onnx.Tensor) ([]float64, error) {
	d := p.planner.decisionOf(t)
	if d == nil || d.Action != Merge || !p.Method.Combines {
		return nil, nil
	}
	n := len(p.planner.models)
	mixer, err := p.Method.New(&method.Tensor{ID: d.Tensor, Dims: d.Dims, Len: d.b.Len(), Models: n, Depth: d.depth,
		Note: func(string) {}}, d.params)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", d.Tensor, err)
	}
	c := make([]float64, n)
	if mixer.Copy {
		c[mixer.From] = 1
		return c, nil
	}
	for i := range c { // a linear map of unit vectors
		src := make([][]float64, n)
		for k := range src {
			src[k] = []float64{0}
		}
		src[i][0] = 1
		mixer.Mix(c[i:i+1], src, 0)
	}
	return c, nil
}

// Source returns one model's values of a merged tensor, in the order of the fine-tuned one.
func (p *Plan) Source(t *onnx.Tensor, model int) ([]float64, error) {
	d := p.planner.decisionOf(t)
	if d == nil || d.Action != Merge {
		return nil, &ModelsError{fmt.Sprintf("tensor %q is not merged", t.ID())}
	}
	values, err := d.inputs()[model].numbers(t.Len())
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.ID(), err)
	}
	return values, nil
}

// Counterparts returns, for the merged tensors of the first model, those of the last model that they are paired with.
func (p *Plan) Counterparts() map[*onnx.Tensor]*onnx.Tensor {
	paired := map[*onnx.Tensor]*onnx.Tensor{}
	for i := range p.planner.decisions {
		if d := &p.planner.decisions[i]; d.Action == Merge && d.a != nil {
			paired[d.a] = d.b
		}
	}
	return paired
}

// Unchanged returns, for every merged tensor, which of the models have the merged bytes, in their order. It mixes
// all tensors once.
func (p *Plan) Unchanged(ctx context.Context) (map[*onnx.Tensor][]bool, error) {
	e := executor{p.planner}
	mixers, _, err := e.mixers(ctx)
	if err != nil {
		return nil, err
	}
	same := map[*onnx.Tensor][]bool{}
	for _, m := range mixers {
		if same[m.dst], err = m.unchanged(ctx); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", m.dst.ID(), err)
		}
	}
	for i := range e.decisions {
		d := &e.decisions[i]
		if d.Action != Merge || same[d.b] != nil {
			continue
		}
		m := newMixer(*d) // it copies the last model's bytes
		m.method = method.Mixer{Copy: true, From: len(e.models) - 1}
		if same[d.b], err = m.unchanged(ctx); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", d.Tensor, err)
		}
	}
	return same, nil
}

// unchanged returns which of the models have the bytes that m computes.
func (m *mixer) unchanged(ctx context.Context) ([]bool, error) {
	same := make([]bool, m.models)
	for i := range same {
		same[i] = m.sources[i].dtype == m.dst.DType
	}
	size := m.dst.SizeBytes()
	made, own := make([]byte, min(size, onnx.BlockSize)), make([]byte, min(size, onnx.BlockSize))
	for off := int64(0); off < size && slices.Contains(same, true); off += onnx.BlockSize {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(onnx.BlockSize, size-off)
		if err := m.fill(made[:n], off); err != nil {
			return nil, err
		}
		for i := range same {
			if !same[i] {
				continue
			}
			if err := m.sources[i].read(own[:n], off); err != nil {
				return nil, err
			}
			same[i] = bytes.Equal(made[:n], own[:n])
		}
	}
	return same, nil
}
