package onnxmerge

import (
	"fmt"

	"github.com/wiseft/wiseft/onnxmerge/pair"
)

const (
	// unrelated is a cosine between those of fine-tuned pairs (.75 and more in most tensors of real pairs) and those of
	// weights trained apart (below .1).
	unrelated = 0.1
	// unlike is the cosine below which one weight of related models is named.
	unlike = 0.2
	// minRelated is the smallest number of elements whose cosine is evidence: that of n unrelated numbers is about
	// 1/sqrt(n).
	minRelated = 64
	// maxOrdered is the largest weight, in elements, that is read whole to compare the order of its channels.
	maxOrdered = 1 << 20
)

// warnUnrelated warns of models whose weights are not similar. In models that are related it names single weights that
// are not, and decides those whose rows are in another order.
func (p *planner) warnUnrelated(s *sampler) error {
	var cosines []float64
	type unlikePair struct {
		*decision
		cosine float64
	}
	var apart []unlikePair
	for i := range p.decisions {
		d := &p.decisions[i]
		if d.Action != Merge || d.fold != nil || d.b.Len() < minRelated || pair.IsVector(d.Dims) {
			continue
		}
		c, ok, err := s.likeness(d.a, d.b, d.perm)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		cosines = append(cosines, c)
		if c < unlike {
			apart = append(apart, unlikePair{d, c})
		}
	}
	if len(cosines) == 0 {
		return nil
	}
	if middle := median(cosines); middle < pair.Related {
		if middle < unrelated {
			p.addWarning("the models seem to be unrelated: the cosine between their weights is %.2f in the median tensor; "+
				"a merge of unrelated models is not expected to work", middle)
		}
		return nil
	}
	var lines []string
	for _, d := range apart {
		flattened, err := p.decideFlattened(d.decision, s)
		if err != nil {
			return err
		}
		if flattened {
			continue
		}
		line := fmt.Sprintf("%s (cosine %.2f)", d.Tensor, d.cosine)
		reordered, err := s.isReordered(*d.decision)
		if err != nil {
			return err
		}
		if reordered {
			line = fmt.Sprintf("%s (cosine %.2f; its channels seem to be in another order)", d.Tensor, d.cosine)
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		p.addWarning("%d weights are unlike their counterparts in models that are related: %s. Units in another order "+
			"cannot be averaged; a layer that was trained from new values gains nothing: keep the fine-tuned one with --exclude",
			len(lines), shortList(lines))
	}
	return nil
}

// isReordered reports whether the channels of a pair, along any axis, are those of the counterpart in another order: of
// 16 channels, most are similar to another channel of the counterpart, and not to their own.
func (s *sampler) isReordered(d decision) (bool, error) {
	if d.b.Len() > maxOrdered {
		return false, nil
	}
	x, y, err := s.both(d.a, d.b, d.perm, maxOrdered)
	if err != nil || x == nil {
		return false, err
	}
	for axis := range d.Dims {
		if d.Dims[axis] < 8 || d.b.Len()/d.Dims[axis] < 8 {
			continue
		}
		a, b := channels(x, d.Dims, axis), channels(y, d.Dims, axis)
		moved, tried := 0, 0
		for c := 0; c < len(b); c += max(1, len(b)/16) {
			tried++
			best, of := -1.0, -1
			for i := range a {
				if cosine, ok := pair.Cosine(a[i], b[c], false); ok && cosine > best {
					best, of = cosine, i
				}
			}
			if of != c && best > sameChannel {
				moved++
			}
		}
		if 2*moved > tried {
			return true, nil
		}
	}
	return false, nil
}

// sameChannel is the cosine of a channel with what it was before training; that of unrelated channels of eight numbers
// is above it once in 100.
const sameChannel = 0.8

// channels returns every slice of a weight along an axis.
func channels(values []float64, dims []int64, axis int) [][]float64 {
	inner := int64(1)
	for _, d := range dims[axis+1:] {
		inner *= d
	}
	list := make([][]float64, dims[axis])
	for i, v := range values {
		c := int64(i) / inner % dims[axis]
		list[c] = append(list[c], v)
	}
	return list
}
