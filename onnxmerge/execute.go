package onnxmerge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Result describes a written merge.
type Result struct {
	Data       []onnx.File // the data files, without the model's own file
	Provenance *Provenance // nil without WriteOptions.Origin
	Clamped    []Clamped   // running variances with negative results
	Notes      []string    // fallbacks that the method used, one line each, sorted
	Times      Times
}

// Times is how long the parts of a merge took while payloads were computed and written.
type Times struct {
	onnx.Times
	Reading time.Duration // of Computing: the reads of the models' files
}

// Clamped is a running variance of which the method computed negative elements. They are replaced by 0, because
// BatchNormalization takes the square root.
type Clamped struct {
	Tensor string `json:"tensor"`
	Values int64  `json:"values"` // number of replaced elements
}

// Progress receives how many bytes (tensors, in [Verify]) are done and how many there are. It is called concurrently.
// nil is allowed.
type Progress func(done, total int64)

// WriteOptions are the options of [Write].
type WriteOptions struct {
	onnx.WriteOptions // Workers and Provenance are set by the plan
	// Origin, if not nil, is written into the merged model together with the recipe and the hashes of the inputs; see
	// [Provenance].
	Origin *Origin
}

// Run writes the merged model to w as one file, without provenance. After an error the written bytes are no model.
func Run(ctx context.Context, w io.Writer, p *Plan, progress Progress) (*Result, error) {
	return Write(ctx, onnx.Single(w), p, WriteOptions{WriteOptions: onnx.WriteOptions{Layout: onnx.Inside}}, progress)
}

// Write executes a plan: it writes the merged model to out. The errors are those of [Plan.Err] and of
// [onnx.Model.Write], [OverflowError] and [NonfiniteError]. A plan may be written several times, also concurrently.
func Write(ctx context.Context, out onnx.Output, p *Plan, opt WriteOptions, progress Progress) (*Result, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	e := executor{p.planner}
	if err := opt.Origin.check(len(e.inputs())); err != nil {
		return nil, err
	}
	for _, m := range e.inputs() {
		if err := m.CheckData(ctx); err != nil {
			return nil, err
		}
	}
	r := &Result{}
	opt.Workers, opt.Provenance, opt.Times = e.workers, nil, &r.Times.Times
	if opt.Origin != nil {
		for _, m := range e.inputs() {
			m.TrackHashes(e.opt.memory() / 2 / int64(len(e.inputs())))
		}
		opt.Provenance = func(data []onnx.File) (text string, err error) {
			r.Times.Reading += e.reading() // before the provenance reads what is not hashed
			if r.Provenance, err = e.provenance(ctx, opt, data); err != nil {
				return "", err
			}
			b, err := json.Marshal(r.Provenance)
			return string(b), err
		}
	}
	mixers, notes, err := e.mixers(ctx)
	if err != nil {
		return nil, err
	}
	if opt.Layout == onnx.Keep {
		apart, err := e.apart()
		if err != nil {
			return nil, err
		}
		if apart != nil {
			opt.Layout = onnx.Outside
			notes.add(ApartNote(apart))
		}
	}
	mixers, measured := e.replace(mixers)
	if err := e.countKept(ctx, mixers); err != nil {
		return nil, err
	}
	computed := slices.DeleteFunc(slices.Clone(mixers), (*mixer).keepsFinetuned)
	list := append(replacements(computed, progress), measured...)
	r.Times.Reading -= e.reading()
	if r.Data, err = e.finetuned.Write(ctx, out, list, opt.WriteOptions); err != nil {
		return nil, err
	}
	if opt.Origin == nil {
		r.Times.Reading += e.reading()
	}
	notes.addNonfinite(mixers)
	r.Notes = notes.sorted()
	for _, m := range mixers {
		if n := m.clamped.Load(); n > 0 {
			r.Clamped = append(r.Clamped, Clamped{m.dst.ID(), n})
		}
	}
	return r, nil
}

// ApartNote says that a model is written with the layout [onnx.Outside] in place of [onnx.Keep] because of a tensor; see
// [onnx.Model.Apart].
func ApartNote(t *onnx.Tensor) string {
	return fmt.Sprintf("%s has the bytes of another tensor in the model's data file and gets others: the data file has another layout",
		t.ID())
}

// executor computes the merged payloads of a plan.
type executor struct{ *planner }

// apart returns a tensor that shares a range of a data file with an earlier one and gets another payload, or nil: one is
// merged or measured and the other not, or another model has two weights for the one of the last.
func (e executor) apart() (*onnx.Tensor, error) {
	decisions := map[*onnx.Tensor]*decision{}
	for i := range e.decisions {
		decisions[e.decisions[i].b] = &e.decisions[i]
	}
	return e.finetuned.Apart(func(first, t *onnx.Tensor) (bool, error) {
		x, y := e.measured[first], e.measured[t]
		if x != nil || y != nil {
			return x != nil && y != nil && bytes.Equal(x, y), nil
		}
		with, d := decisions[first], decisions[t]
		if !with.merges() || !d.merges() {
			return with.merges() == d.merges(), nil
		}
		same, err := d.mergesLike(with)
		if err != nil {
			return false, fmt.Errorf("tensor %q: %w", d.Tensor, err)
		}
		return same, nil
	})
}

// reading returns how long reads of the models' files took so far.
func (e executor) reading() (took time.Duration) {
	for _, m := range e.inputs() {
		d, _ := m.Reads()
		took += d
	}
	return took
}

// replacements returns the payloads that mixers compute. progress counts their bytes.
func replacements(mixers []*mixer, progress Progress) []onnx.Replacement {
	var total int64 // less than mergedBytes if the result of a tensor is the fine-tuned one
	for _, m := range mixers {
		total += m.dst.SizeBytes()
	}
	var done atomic.Int64
	var list []onnx.Replacement
	for _, m := range mixers {
		list = append(list, onnx.Replacement{Tensor: m.dst, Fill: func(dst []byte, off int64) error {
			if err := m.fill(dst, off); err != nil {
				return fmt.Errorf("tensor %q: %w", m.dst.ID(), err)
			}
			if n := done.Add(int64(len(dst))); progress != nil {
				progress(n, total)
			}
			return nil
		}})
	}
	return list
}
