package mapping

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// isConstant reports whether a target, which nothing decides about, is a constant: all tensors of the checkpoint that
// are equal have places of their own.
func (s *settler) isConstant(g *target) bool {
	if g.constant == nil || !s.named {
		return false
	}
	return !slices.ContainsFunc(g.candidates, func(e *Expression) bool { return e.Op != Tensor || !s.places[e.Name] })
}

// suspects are tensors of the checkpoint that a constant may be a part or a repetition of, since all their elements
// equal it: it stays only if they are the same in the other checkpoint.
type suspects struct {
	names []string
	value float64
}

// suspectKey is a constant: the bits of its elements in a type, and whether it is a single number.
type suspectKey struct {
	dtype  onnx.DType
	first  uint64
	single bool
}

// findSuspects finds the suspects of all targets of equal elements: those without a place of their own.
func (s *settler) findSuspects() error {
	s.addPlaced()
	s.suspects = map[suspectKey][]string{}
	candidates := map[string]bool{} // of targets of several elements
	var dtypes []onnx.DType
	var list *Expression
	for _, g := range s.targets {
		if g.constant != nil && !s.guessed && !slices.Contains(dtypes, g.tensor.DType) {
			dtypes = append(dtypes, g.tensor.DType)
		}
		if g.tensor.Len() == 1 || len(g.candidates) == 0 || g.candidates[0] == list {
			continue
		}
		list = g.candidates[0]
		for _, e := range g.candidates {
			candidates[e.Name] = true
		}
	}
	for _, dtype := range dtypes {
		for _, t := range s.checkpoint.Tensors {
			if !isSupported(t.DType) || t.Len() == 0 || s.places[t.Name] {
				continue
			}
			bits, err := s.sameBits(heldKey{t, dtype})
			if err != nil {
				return err
			}
			if !bits.uniform {
				continue
			}
			key := suspectKey{dtype, bits.first, false}
			s.suspects[key] = append(s.suspects[key], t.Name)
			// A single number is hardly an element of a vector that has a place, whichever that is.
			if t.Len() <= fewElements && !candidates[t.Name] {
				key.single = true
				s.suspects[key] = append(s.suspects[key], t.Name)
			}
		}
	}
	return nil
}

// suspectsOf returns the suspects of a target.
func (s *settler) suspectsOf(g *target) suspects {
	if g.constant == nil || s.guessed {
		return suspects{}
	}
	return suspects{s.suspects[suspectKey{g.tensor.DType, g.first, g.tensor.Len() == 1}], g.constant.Factor}
}

// suspected is the reason to refuse a constant.
func suspected(s suspects, name string) string {
	return fmt.Sprintf("its elements are all %g, as those of %q, of which it may be a part or a repetition, and which the other "+
		"checkpoint has otherwise", s.value, name)
}

// changed returns a suspect that the other checkpoint does not have, or with other elements; "" if there is none.
func (b *Bound) changed(s suspects) (string, error) {
	if len(s.names) == 0 {
		return "", nil
	}
	name, ok := b.judged[&s.names[0]]
	if !ok {
		var err error
		if name, err = b.findOther(s); err != nil {
			return "", err
		}
		b.judged[&s.names[0]] = name
	}
	return name, nil
}

func (b *Bound) findOther(s suspects) (string, error) {
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
