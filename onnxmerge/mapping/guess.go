package mapping

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// minCosine is the least cosine of a weight and its fine-tuned counterpart; independent weights of 64 elements exceed
// it once in 10^4.
const minCosine = 0.5

// minNorm is the least ratio of the lengths of two counterparts, so that a weight with a factor folded in is none.
const minNorm = 0.5

// Guess identifies the tensors of a model in a checkpoint of the same network that the model was not exported from: by
// nearness, as that of a fine-tuned weight to the one before, with names, shapes and layers where several are near.
// That is no proof. Tensors with several candidates, and all tensors if a BatchNormalization of the checkpoint is not
// in the model, since it may be folded in, are refused.
func Guess(ctx context.Context, m *onnx.Model, c *checkpoint.Checkpoint, limits Limits) (*Mapping, error) {
	f := newFinder(m, c, limits)
	f.guessed = true
	for _, g := range f.targets {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := f.findNear(g, f.byLength[g.tensor.Len()]); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", g.tensor.ID(), err)
		}
	}
	found, err := f.settle()
	if err != nil {
		return nil, err
	}
	found.refuseFolded(findNorms(c))
	return found, nil
}

// refuseFolded refuses all tensors if the model does not have one of the norms.
func (m *Mapping) refuseFolded(norms []*Norm) {
	used := map[string]bool{}
	for _, e := range m.Mapped {
		e.Expression.addNames(used)
	}
	for _, n := range norms {
		if used[n.Mean] {
			continue
		}
		for _, e := range m.Mapped {
			m.Refused = append(m.Refused, Refused{Tensor: e.Tensor, Candidates: []*Expression{e.Expression},
				Reason: fmt.Sprintf("the model does not have %q, which may be folded into it", n.prefix())})
		}
		m.Mapped = nil
		return
	}
}

// findNear sets the candidates of a target to the tensors that are near.
func (f *finder) findNear(g *target, list []*checkpoint.Tensor) error {
	t := g.tensor
	if err := f.readBits(g); err != nil || g.refusal != "" {
		return err
	}
	best := 0.0
	for _, source := range list {
		var failed error
		x := &Expression{Op: Tensor, Name: source.Name}
		g.candidates = append(g.candidates, layoutsBy(x, source.Dims, t.Dims, func(l layout) bool {
			if failed != nil {
				return false
			}
			cosine, near, err := f.near(l, source, t)
			failed = err
			if near {
				best = max(best, cosine)
			}
			return near
		})...)
		if failed != nil {
			return failed
		}
	}
	g.proof = fmt.Sprintf("unproven: near values, cosine %.4f", best)
	return nil
}

// guessProbes is how many elements of large tensors are compared before all are. The cosine of so many of independent weights
// exceeds half of minCosine once in 10^15.
const guessProbes = 1024

// near compares the elements of a tensor of the checkpoint, in an order, with those of the model's.
func (f *finder) near(l layout, source *checkpoint.Tensor, t *onnx.Tensor) (cosine float64, near bool, err error) {
	if t.Len() > fewWork {
		a, err1 := pick(source, source.DType, onnx.Float64, l, guessProbes)
		b, err2 := pick(t, t.DType, onnx.Float64, layout{}, guessProbes)
		if err := cmp.Or(err1, err2); err != nil {
			return 0, false, err
		}
		var sample moments
		if sample.add(a, b); sample.cosine() < minCosine/2 {
			return 0, false, nil
		}
	}
	all, err := f.momentsOf(l, source, t)
	return all.cosine(), all.isNear() && err == nil, err
}

func (f *finder) momentsOf(l layout, source *checkpoint.Tensor, t *onnx.Tensor) (moments, error) {
	e, _ := l.of(&Expression{Op: Tensor, Name: source.Name}, source.Dims)
	dims, err := f.values.dims(e)
	if err != nil {
		return moments{}, err
	}
	if !e.streams() {
		held, free, err := f.values.inMemory(e)
		if err != nil {
			return moments{}, err
		}
		if held != nil {
			defer free()
			e = held
		}
	}
	var all moments
	item, total := int64(t.DType.Bits()/8), t.Len()
	step := rowsWithin(dims, max(min(f.values.limits.memory()/4/16, stripElements), 1))
	err = withScratch(16*step, func(b []byte) error {
		for from := int64(0); from < total; from += step {
			n := 8 * min(step, total-from)
			ours, theirs := b[:n], b[n:2*n]
			if err := f.values.elements(theirs, e, dims, onnx.Float64, from); err != nil {
				return err
			}
			if err := readRange(ours, t, t.DType, onnx.Float64, from, item); err != nil {
				return err
			}
			all.add(theirs, ours)
		}
		return nil
	})
	return all, err
}

// moments are sums over two lists of numbers.
type moments struct{ dot, aa, bb float64 }

// add continues with numbers as float64 elements.
func (m *moments) add(a, b []byte) {
	number := func(data []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(data)) }
	for ; len(a) > 0; a, b = a[8:], b[8:] {
		x, y := number(a), number(b)
		m.dot, m.aa, m.bb = m.dot+x*y, m.aa+x*x, m.bb+y*y
	}
}

// cosine returns the cosine of the lists; 1 if both are zeros.
func (m *moments) cosine() float64 {
	if m.aa == 0 && m.bb == 0 {
		return 1
	}
	if m.aa == 0 || m.bb == 0 {
		return 0
	}
	return m.dot / math.Sqrt(m.aa*m.bb)
}

// isNear reports whether the lists are those of a weight and its fine-tuned counterpart, by their cosine and lengths.
func (m *moments) isNear() bool {
	if m.aa == 0 || m.bb == 0 {
		return m.aa == m.bb
	}
	ratio := math.Sqrt(m.aa / m.bb)
	return m.cosine() >= minCosine && ratio >= minNorm && ratio <= 1/minNorm
}
