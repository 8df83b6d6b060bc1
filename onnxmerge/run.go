package onnxmerge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Result is what a merge made beside the model's own file.
type Result struct {
	Data       []onnx.File // data files
	Provenance *Provenance // nil without Options.Origin
	Clamped    []Clamped
	Notes      []string // what a method fell back to, one line each
}

// Clamped is a running variance that extrapolation made negative in places. Zero took
// the place of these values: the square root of a negative one is no number.
type Clamped struct {
	Tensor string `json:"tensor"`
	Values int64  `json:"values"`
}

// Progress is told the bytes of merged payload done so far and in all, by several
// goroutines at once. nil is allowed.
type Progress func(done, total int64)

// Run writes the merged model to w as one file. On an error or when ctx ends, what was
// written is not a model.
func (p *Plan) Run(ctx context.Context, w io.Writer, progress Progress) (*Result, error) {
	return p.Write(ctx, onnx.Single(w), onnx.WriteOptions{Layout: onnx.Inside}, progress)
}

// Write writes the merged model to out. Of opt, the layout counts: how many workers
// there are and what the provenance says is decided by the plan. The errors are those
// of [onnx.Model.Write], and [OverflowError].
func (p *Plan) Write(ctx context.Context, out onnx.Output, opt onnx.WriteOptions, progress Progress) (*Result, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	for _, m := range p.inputs() {
		if err := m.CheckData(ctx); err != nil {
			return nil, err
		}
	}
	r := &Result{}
	opt.Workers, opt.Provenance = p.workers, nil
	if p.opt.Origin != nil {
		for _, m := range p.inputs() {
			m.TrackHashes(p.opt.memory() / 2 / int64(len(p.inputs())))
		}
		opt.Provenance = func(data []onnx.File) (text string, err error) {
			if r.Provenance, err = p.provenance(ctx, opt, data); err != nil {
				return "", err
			}
			b, err := json.Marshal(r.Provenance)
			return string(b), err
		}
	}
	mixers, notes, err := p.mixers(ctx)
	if err != nil {
		return nil, err
	}
	var total int64 // less than mergedBytes where the fine-tuned model's bytes stay
	for _, m := range mixers {
		total += m.dst.SizeBytes()
	}
	var done atomic.Int64
	var replacements []onnx.Replacement
	for _, m := range mixers {
		replacements = append(replacements, onnx.Replacement{Tensor: m.dst, Fill: func(dst []byte, off int64) error {
			if err := m.fill(dst, off); err != nil {
				return fmt.Errorf("tensor %q: %w", m.dst.ID(), err)
			}
			if n := done.Add(int64(len(dst))); progress != nil {
				progress(n, total)
			}
			return nil
		}})
	}
	if r.Data, err = p.finetuned.Write(ctx, out, replacements, opt); err != nil {
		return nil, err
	}
	r.Notes = notes.sorted()
	for _, m := range mixers {
		if n := m.clamped.Load(); n > 0 {
			r.Clamped = append(r.Clamped, Clamped{m.dst.ID(), n})
		}
	}
	return r, nil
}
