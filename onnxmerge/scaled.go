package onnxmerge

import (
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// A cosine does not depend on the length of a weight, so it does not tell a weight from one into which an exporter has
// folded a scale. Lengths do: fine-tuning moves the numbers of a channel independently, which changes its length by
// little as long as the cosine is near 1 (noise of a third of the weight's size: cosine .95, length 1.05).

const (
	// sameDirection is the cosine from which a channel counts as the same up to a factor. Measured on right pairs with
	// longer training between the models: a classifier twice as long has .949, layers before a BatchNormalization 1.6
	// times as long .96 to .97.
	sameDirection = 0.95
	// sameWeight is that cosine where one factor is common to all channels.
	sameWeight = 0.98
	// otherLength is the factor of a channel's length that neither noise nor changed statistics of a BatchNormalization
	// that is folded on both sides explain.
	otherLength = 2
	// otherShare and minOther are the share and the number of such channels from which the weight is suspected. On right
	// pairs the share is up to .09.
	otherShare = 0.25
	minOther   = 4
)

// scaling examines whether the weights of linear operators that are paired contain a scale in one model only.
type scaling struct {
	sampler *sampler
	// conflicts are those of weights whose factors are folded in one model, by tensor of the fine-tuned model.
	conflicts map[*onnx.Tensor]*pair.Conflict
	folds     []*pair.Fold
}

// compare decides what the lengths of one pair say. A conflict means that a factor of one model is folded into the
// other model's weight; a reason that the pair is suspected without an operator that would explain it.
func (s *scaling) compare(p pair.Pair) (conflict *pair.Conflict, reason string, err error) {
	if c := s.conflicts[p.Weight]; c != nil {
		return &pair.Conflict{A: p.A, B: p.B, Reason: c.Reason, Fold: c.Fold}, "", nil
	}
	if p.Layer == nil || !p.B.DType.IsFloat() {
		return nil, "", nil
	}
	folded, err := s.isFactorFolded(p)
	if err != nil {
		return nil, "", err
	}
	if folded {
		s.conflicts[p.B] = p.Layer.Scaled
		if f := p.Layer.Scaled.Fold; f != nil {
			s.folds = append(s.folds, f)
		}
		return p.Layer.Scaled, "", nil
	}
	reason, err = s.suspect(p)
	return nil, reason, err
}

// minScale is the least factor that lengths can show.
const minScale = 1.1

// isFactorFolded reports whether the length of one weight relative to the other is nearer to the quotient of the single
// numbers that scale them than to 1. It is not if one of these numbers is computed, as it may be the other model's.
func (s *scaling) isFactorFolded(p pair.Pair) (bool, error) {
	if p.Layer.Scaled == nil {
		return false, nil
	}
	a, okA, err := product(p.Layer.FactorsA)
	if err != nil {
		return false, err
	}
	b, okB, err := product(p.Layer.FactorsB)
	if err != nil {
		return false, err
	}
	expected := math.Log(math.Abs(a / b))
	if !okA || !okB || !isFinite(expected) || math.Abs(expected) < math.Log(minScale) {
		return false, nil
	}
	_, logs, err := s.sampler.channelScales(p.A, p.B, p.Perm, -1)
	if err != nil || len(logs) == 0 {
		return false, err
	}
	return math.Abs(logs[0]-expected) < math.Abs(logs[0]), nil
}

// product returns the product of factors; ok is false if one cannot be read.
func product(factors []pair.Factor) (x float64, ok bool, err error) {
	x = 1
	for _, f := range factors {
		v := f.Value
		if f.Tensor != nil {
			if codec, known := f.Tensor.DType.Codec(); !known || codec.Bits < 8 || !f.Tensor.Readable() {
				return 0, false, nil
			}
			values, err := valuesOrZeros(f.Tensor, 1)
			if err != nil {
				return 0, false, err
			}
			v = values[0]
		}
		if f.Inverse {
			v = 1 / v
		}
		x *= v
	}
	return x, true, nil
}

// suspect returns the reason why one weight may be the other times a scale; "" if its lengths give none.
func (s *scaling) suspect(p pair.Pair) (string, error) {
	cosines, logs, err := s.sampler.channelScales(p.A, p.B, p.Perm, -1)
	if err != nil || len(cosines) == 0 {
		return "", err
	}
	if cosines[0] >= sameWeight && math.Abs(logs[0]) > math.Log(otherLength) && !p.Layer.Normalised {
		return fmt.Sprintf("it is %.3g times %q (cosine %.3f): a factor may be folded into one of them",
			math.Exp(logs[0]), p.A.ID(), cosines[0]), nil
	}
	if p.Layer.Axis < 0 {
		return "", nil
	}
	if cosines, logs, err = s.sampler.channelScales(p.A, p.B, p.Perm, p.Layer.Axis); err != nil || len(logs) < 2 {
		return "", err
	}
	middle := median(logs)
	other := 0
	for c, log := range logs {
		if cosines[c] >= sameDirection && math.Abs(log-middle) > math.Log(otherLength) {
			other++
		}
	}
	if other < minOther || float64(other) < otherShare*float64(len(logs)) {
		return "", nil
	}
	return fmt.Sprintf("%d of %d channels have the direction of those of %q (cosine over %g) and other lengths, "+
		"from %.3g to %.3g times: a scale by channel may be folded into one of them", other, len(logs), p.A.ID(),
		sameDirection,
		math.Exp(slices.Min(logs)), math.Exp(slices.Max(logs))), nil
}

// median returns the upper median of values, which are at least one.
func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
