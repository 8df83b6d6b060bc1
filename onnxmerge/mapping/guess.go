package mapping

import (
	"context"
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
func Guess(ctx context.Context, m *onnx.Model, c *checkpoint.Checkpoint) (*Mapping, error) {
	f := newFinder(m, c)
	byLength := map[int64][]*checkpoint.Tensor{}
	for _, t := range c.Tensors {
		if isSupported(t.DType) && t.Len() > 0 {
			byLength[t.Len()] = append(byLength[t.Len()], t)
		}
	}
	for _, g := range f.targets {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := f.findNear(g, byLength[g.tensor.Len()]); err != nil {
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
	if !isSupported(t.DType) || !t.Readable() {
		g.refusal = fmt.Sprintf("elements of type %s stored as %s are not compared", t.DType, t.Store)
		return nil
	}
	want, err := read(t, t.DType, t.Dims, onnx.Float64)
	if err != nil {
		return err
	}
	values := want.numbers()
	if uniform(values) && plainOf(t.DType, 1).has(values[0]) {
		g.constant = &Expression{Op: Constant, Factor: values[0], Dims: t.Dims}
	}
	best := 0.0
	for _, x := range list {
		from, err := f.read(x, onnx.Float64)
		if err != nil {
			return err
		}
		numbers := from.numbers()
		g.candidates = append(g.candidates, layoutsBy(&Expression{Op: Tensor, Name: x.Name}, x.Dims, t.Dims,
			func(perm []int, dims []int64) bool {
				cosine, ratio := similarity(numbers, values, perm, dims)
				near := cosine >= minCosine && ratio >= minNorm && ratio <= 1/minNorm
				if near {
					best = max(best, cosine)
				}
				return near
			})...)
	}
	g.proof = fmt.Sprintf("unproven: near values, cosine %.4f", best)
	return nil
}

func uniform(values []float64) bool {
	for _, v := range values {
		if v != values[0] {
			return false
		}
	}
	return true
}

// similarity returns the cosine of two lists and the ratio of their lengths, the elements of a in the order that perm
// gives its axes, whose extents are dims. Lists of zeros are similar to each other.
func similarity(a, b []float64, perm []int, dims []int64) (cosine, ratio float64) {
	w := newWalk(dims, stridesOf(dims))
	if perm != nil {
		w = newWalk(permuted(dims, perm), permuted(stridesOf(dims), perm))
	}
	dot, aa, bb := 0.0, 0.0, 0.0
	for _, y := range b {
		x := a[w.off]
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
		w.next()
	}
	if aa == 0 && bb == 0 {
		return 1, 1
	}
	if aa == 0 || bb == 0 {
		return 0, 0
	}
	return dot / math.Sqrt(aa*bb), math.Sqrt(aa / bb)
}
