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

// notes collects what methods have to say, from several goroutines.
type notes struct {
	mu   sync.Mutex
	said map[string]bool
}

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.said == nil {
		n.said = map[string]bool{}
	}
	n.said[text] = true
}

func (n *notes) sorted() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for text := range n.said {
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// mixers returns what makes the merged payloads, after all passes that methods need
// before they mix. What would be a copy of the fine-tuned model's own bytes is left out.
func (e *executor) mixers(ctx context.Context) ([]*mixer, *notes, error) {
	said := &notes{}
	var all []*mixer
	var tensors []*method.Tensor
	var params []method.Params
	keys := map[string]*decision{} // by shared range: who decides what is drawn
	for i := range e.decisions {
		d := &e.decisions[i]
		if d.Action != Merge {
			continue
		}
		m := newMixer(*d)
		all = append(all, m)
		first := d
		if key := d.b.SharedRange(); key != "" {
			if keys[key] == nil {
				keys[key] = d
			}
			first = keys[key]
		}
		tensors = append(tensors, &method.Tensor{ID: first.Tensor, Dims: d.Dims, Len: d.b.Len(), Models: len(e.models), Depth: first.depth,
			Lerp: m.codec.Lerp, Wide: d.DType == onnx.Float64, Note: said.add})
		params = append(params, d.params)
	}
	survey, err := e.survey(ctx, all, tensors, said)
	if err != nil {
		return nil, nil, err
	}
	if err := e.prepare(ctx, all, tensors, params, survey); err != nil {
		return nil, nil, err
	}
	last := len(e.models) - 1
	return slices.DeleteFunc(all, func(m *mixer) bool { return m.how.Copy && m.how.From == last }), said, nil
}

// survey lets the method see all tensors at once, if it needs to.
func (e *executor) survey(ctx context.Context, all []*mixer, tensors []*method.Tensor, said *notes) (any, error) {
	if e.how.Survey == nil {
		return nil, nil
	}
	t := &method.Tensor{Models: len(e.models), Scan: scanner(ctx, all, e.workers), Note: said.add}
	for _, x := range tensors {
		t.Len += x.Len
		t.Wide = t.Wide || x.Wide
	}
	return e.how.Survey(t, e.params.At(0))
}

// prepare makes every mixer ready: small tensors side by side, large ones one after the
// other with all workers on each.
func (e *executor) prepare(ctx context.Context, all []*mixer, tensors []*method.Tensor, params []method.Params, survey any) error {
	one := func(ctx context.Context, i, workers int) error {
		t := tensors[i]
		t.Scan, t.Survey = scanner(ctx, all[i:i+1], workers), survey
		how, err := e.how.New(t, params[i])
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.ID, err)
		}
		all[i].how = how
		return e.checkGranule(all[i])
	}
	group, small := errgroup.WithContext(ctx)
	group.SetLimit(e.workers)
	for i, t := range tensors {
		if t.Len <= stretchLen {
			group.Go(func() error { return one(small, i, 1) })
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, t := range tensors {
		if t.Len > stretchLen {
			if err := one(ctx, i, e.workers); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkGranule refuses to mix together more than the memory limit allows. Methods that
// need whole tensors say so, and take what they take.
func (e *executor) checkGranule(m *mixer) error {
	if m.granule() <= blockLen || e.how.Class == method.Whole {
		return nil
	}
	needs := m.unit() * int64(len(m.sources)+2) * 8 * int64(e.workers)
	if has := e.opt.memory(); needs > has/2 {
		return fmt.Errorf("tensor %q: a slice of %d elements: %w", m.dst.ID(), m.unit(), &MemoryError{Needs: 2 * needs, Has: has})
	}
	return nil
}
