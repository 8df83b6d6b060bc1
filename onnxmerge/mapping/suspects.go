package mapping

import (
	"fmt"
	"slices"
)

// isConstant reports whether a target, which nothing decides about, is a constant: all tensors of the checkpoint that
// are equal have places of their own.
func (s *settler) isConstant(g *target) bool {
	if g.constant == nil || !s.named {
		return false
	}
	return !slices.ContainsFunc(g.candidates, func(e *Expression) bool { return e.Op != Tensor || !s.isPlaced(e.Name) })
}

// suspects are tensors of the checkpoint that a constant may be a part or a repetition of, since all their elements
// equal it: it stays only if they are the same in the other checkpoint.
type suspects struct {
	names []string
	value float64
}

// suspectsOf returns the suspects of a target of equal elements: those without a place of their own.
func (s *settler) suspectsOf(g *target) (suspects, error) {
	if g.constant == nil || s.guessed {
		return suspects{}, nil
	}
	found := suspects{value: g.constant.Factor}
	n := g.tensor.Len()
	for _, t := range s.checkpoint.Tensors {
		if !isSupported(t.DType) || t.Len() == 0 {
			continue
		}
		bits, err := s.sameBits(heldKey{t, g.tensor.DType})
		if err != nil {
			return suspects{}, err
		}
		if !bits.uniform || bits.first != g.first {
			continue
		}
		if s.isPlaced(t.Name) || n == 1 && (t.Len() > fewElements || s.isCandidate(t.Name)) {
			continue // a single number is hardly an element of a vector that has a place, whichever that is
		}
		found.names = append(found.names, t.Name)
	}
	return found, nil
}

// suspected is the reason to refuse a constant.
func suspected(s suspects, name string) string {
	return fmt.Sprintf("its elements are all %g, as those of %q, of which it may be a part or a repetition, and which the other "+
		"checkpoint has otherwise", s.value, name)
}

// changed returns a suspect that the other checkpoint does not have, or with other elements; "" if there is none.
func (b *Bound) changed(s suspects) (string, error) {
	for _, name := range s.names {
		t := b.values.lookup(name)
		if t == nil || !isSupported(t.DType) {
			return name, nil
		}
		codec, _ := t.DType.Codec()
		other := false
		err := eachBlock(t, t.DType, func(block []byte) error {
			values := make([]float64, len(block)/(codec.Bits/8))
			codec.Decode(values, block)
			other = other || slices.ContainsFunc(values, func(v float64) bool { return v != s.value })
			return nil
		})
		if err != nil || other {
			return name, err
		}
	}
	return "", nil
}
