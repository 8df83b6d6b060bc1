package onnxmerge

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// notes collects distinct texts from methods. It is safe for concurrent use.
type notes struct {
	mu    sync.Mutex
	texts map[string]bool
}

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.texts == nil {
		n.texts = map[string]bool{}
	}
	n.texts[text] = true
}

func (n *notes) sorted() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for text := range n.texts {
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// preparation has, for every merged tensor, its mixer and what the method receives to prepare it. The slices have one
// order, that of the fine-tuned file.
type preparation struct {
	mixers  []*mixer
	tensors []*method.Tensor
	params  []method.Params
	notes   *notes
}

// mixers returns the mixers of all merged tensors after every scan that the method needs, and the method's notes.
func (e *executor) mixers(ctx context.Context) ([]*mixer, *notes, error) {
	p := e.newPreparation()
	survey, err := e.survey(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	if err := e.prepare(ctx, p, survey); err != nil {
		return nil, nil, err
	}
	return p.mixers, p.notes, nil
}

// keepsFinetuned reports whether the result is a copy of the fine-tuned model's bytes.
func (m *mixer) keepsFinetuned() bool { return m.method.Copy && m.method.From == m.models-1 }

// countKept counts the elements that are not finite in the tensors of which the fine-tuned model's bytes are written as
// they are, without a mixer.
func (e *executor) countKept(ctx context.Context, mixers []*mixer) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(e.workers)
	for _, m := range mixers {
		if !m.keepsFinetuned() {
			continue
		}
		group.Go(func() error {
			buf := make([]byte, min(onnx.BlockSize, m.dst.SizeBytes()))
			for off := int64(0); off < m.dst.SizeBytes(); off += int64(len(buf)) {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := m.fill(buf[:min(int64(len(buf)), m.dst.SizeBytes()-off)], off); err != nil {
					return fmt.Errorf("tensor %q: %w", m.dst.ID(), err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// newPreparation describes the merged tensors to the method. Tensors that share a range of a data file have the ID and
// the depth of the first of them, so that random masks give all of them the same bytes.
func (e *executor) newPreparation() *preparation {
	p := &preparation{notes: &notes{}}
	firsts := map[string]*decision{} // by shared range
	for i := range e.decisions {
		d := &e.decisions[i]
		if d.Action != Merge {
			continue
		}
		first := d
		if key := d.b.SharedRange(); key != "" {
			if firsts[key] == nil {
				firsts[key] = d
			}
			first = firsts[key]
		}
		m := newMixer(*d)
		m.allowNonfinite = e.opt.AllowNonfinite
		p.mixers = append(p.mixers, m)
		p.params = append(p.params, d.params)
		p.tensors = append(p.tensors, &method.Tensor{
			ID: first.Tensor, Dims: d.Dims, Len: d.b.Len(), Models: len(e.models), Depth: first.depth,
			Lerp: m.codec.Lerp, Wide: d.DType == onnx.Float64, Note: p.notes.add,
		})
	}
	return p
}

// survey runs the method's survey, which scans all tensors together. The result is nil if the method has none.
func (e *executor) survey(ctx context.Context, p *preparation) (any, error) {
	if e.method.Survey == nil {
		return nil, nil
	}
	t := &method.Tensor{Models: len(e.models), Scan: scanner(ctx, p.mixers, e.workers), Note: p.notes.add}
	for _, x := range p.tensors {
		t.Len += x.Len
		t.Wide = t.Wide || x.Wide
	}
	return e.method.Survey(t, e.params.At(0))
}

// prepare sets the method of every mixer. Tensors of one stretch are prepared concurrently; larger ones one after the
// other, with all workers on the scans of each.
func (e *executor) prepare(ctx context.Context, p *preparation, survey any) error {
	prepareOne := func(ctx context.Context, i, workers int) error {
		t := p.tensors[i]
		t.Scan, t.Survey = scanner(ctx, p.mixers[i:i+1], workers), survey
		mixer, err := e.method.New(t, p.params[i])
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.ID, err)
		}
		if p.mixers[i].floor && e.opt.Statistics == Deviations {
			mixer = deviations(mixer)
		}
		p.mixers[i].method = mixer
		return e.checkGranule(p.mixers[i])
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(e.workers)
	for i, t := range p.tensors {
		if t.Len <= stretchLen {
			group.Go(func() error { return prepareOne(groupCtx, i, 1) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, t := range p.tensors {
		if t.Len > stretchLen {
			if err := prepareOne(ctx, i, e.workers); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkGranule returns a [MemoryError] if the float64 buffers of one granule for every worker exceed half of the memory
// limit. Methods of class Whole are exempt: their documentation states what they take.
func (e *executor) checkGranule(m *mixer) error {
	if m.granule() <= blockLen || e.method.Class == method.Whole {
		return nil
	}
	needs := m.unit() * int64(len(m.sources)+2) * 8 * int64(e.workers)
	if has := e.opt.memory(); needs > has/2 {
		return fmt.Errorf("tensor %q: a slice of %d elements: %w", m.dst.ID(), m.unit(),
			&MemoryError{Needs: 2 * needs, Has: has})
	}
	return nil
}
