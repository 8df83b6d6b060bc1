package onnxmerge

import (
	"fmt"
	"math"
	"sync/atomic"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
)

// Elements that are not finite do not go through a method: sums would turn the -inf of a mask into NaN, and ranks or
// norms would be those of infinity. They are set aside, as 0 in all models, before a method sees them, in scans too. If
// all models have the same, its bytes are kept; otherwise the merge is refused, or keeps the fine-tuned one on demand.

// aside is an element that is set aside.
type aside struct {
	index  int  // in the block
	shared bool // all models have the same
}

// asideCounts count elements that are not finite. They are safe for concurrent use.
type asideCounts struct {
	shared, kept, copied atomic.Int64
}

// decode returns n elements of every source as float64, with those set aside that are not finite in one of them.
// at is the index of the first one among those that were read.
func (m *mixer) decode(s *scratch, at, n int) [][]float64 {
	blocks := s.decode(m.sources, at, n)
	s.setAside(m.models)
	return blocks
}

// setAside notes the elements that are not finite in one of the sources, and replaces them by 0. The first sources are
// those of the models, which may share such an element, whatever their Fisher informations are.
func (s *scratch) setAside(models int) {
	s.aside = s.aside[:0]
	all := true
	for _, block := range s.blocks {
		all = all && areFinite(block)
	}
	if all {
		return
	}
	for i, v := range s.blocks[0] {
		finite, shared := true, !isFinite(v)
		for _, block := range s.blocks {
			finite = finite && isFinite(block[i])
		}
		for _, block := range s.blocks[:models] {
			shared = shared && (block[i] == v || math.IsNaN(block[i]) && math.IsNaN(v))
		}
		if finite {
			continue
		}
		s.aside = append(s.aside, aside{i, shared})
		for _, block := range s.blocks {
			block[i] = 0
		}
	}
}

// areFinite reports whether all values are finite.
func areFinite(values []float64) bool {
	var a, b, c, d float64 // four sums, since each addition waits for the one before it
	for ; len(values) >= 4; values = values[4:] {
		a += values[0] * 0
		b += values[1] * 0
		c += values[2] * 0
		d += values[3] * 0
	}
	for _, v := range values {
		a += v * 0
	}
	return a+b+c+d == 0
}

// putBack sets the elements that were set aside to the bytes of the fine-tuned model, and counts those of wanted. at is
// the index of the block among the elements that were read, and first the tensor index of these.
func (m *mixer) putBack(s *scratch, dst []byte, at int, first int64, wanted span) error {
	for _, x := range s.aside {
		if !x.shared && !m.allowNonfinite {
			return m.refuse(s, at+x.index, first)
		}
		raw := s.raw[m.models-1]
		from, to := m.codec.SizeBytes(at+x.index), m.codec.SizeBytes(at+x.index+1)
		copy(dst[from:to], raw[from:to])
		switch {
		case !wanted.has(first + int64(at+x.index)):
		case x.shared:
			m.aside.shared.Add(1)
		default:
			m.aside.kept.Add(1)
		}
	}
	return nil
}

// span is the range of a tensor's elements from from to before to.
type span struct{ from, to int64 }

func (s span) has(i int64) bool { return s.from <= i && i < s.to }

// NonfiniteError reports an element that is NaN or infinite in one of the models, and not in all.
type NonfiniteError struct {
	Element int64     // row-major index in the tensor
	Sources []float64 // the element of every model, then its Fisher informations
}

func (e *NonfiniteError) Error() string {
	return fmt.Sprintf("element %d is %v in the sources: what is not finite is kept if all models have the same, "+
		"and cannot be mixed", e.Element, e.Sources)
}

// Kind implements the kinds of package fault.
func (*NonfiniteError) Kind() fault.Kind { return fault.Mismatch }

// Hint names the flags that avoid the refusal.
func (*NonfiniteError) Hint() string {
	return "keep the fine-tuned elements with --allow-nonfinite, or the tensor with --exclude"
}

// refuse returns the error of the element that is at an index among those that were read.
func (m *mixer) refuse(s *scratch, index int, first int64) error {
	err := &NonfiniteError{Element: first + int64(index)}
	for i, in := range m.sources {
		value := make([]float64, 1)
		in.codec.Decode(value, s.raw[i][in.codec.SizeBytes(index):])
		err.Sources = append(err.Sources, value[0])
	}
	return err
}

// countCopied counts the elements of copied bytes that are not finite.
func (c *asideCounts) countCopied(codec kernel.Codec, data []byte) {
	if codec.Bits < 8 {
		return // these types have finite values only
	}
	values := make([]float64, blockLen)
	for size := codec.SizeBytes(blockLen); len(data) > 0; data = data[min(size, len(data)):] {
		n := min(blockLen, len(data)*8/codec.Bits)
		codec.Decode(values[:n], data)
		if areFinite(values[:n]) {
			continue
		}
		for _, v := range values[:n] {
			if !isFinite(v) {
				c.copied.Add(1)
			}
		}
	}
}

// addNonfinite adds a line for every tensor with elements that are not finite.
func (n *notes) addNonfinite(mixers []*mixer) {
	for _, m := range mixers {
		if note := m.aside.note(m.dst.ID()); note != "" {
			n.add(note)
		}
	}
}

// note returns what happened to the elements of a tensor that are not finite; "" if there were none.
func (c *asideCounts) note(tensor string) string {
	text := ""
	add := func(n int64, what string) {
		if n > 0 && text != "" {
			text += ", "
		}
		if n > 0 {
			text += fmt.Sprintf("%d %s", n, what)
		}
	}
	add(c.shared.Load(), "kept, as all models have the same")
	add(c.kept.Load(), "kept from the fine-tuned model")
	add(c.copied.Load(), "copied with the tensor")
	if text == "" {
		return ""
	}
	return fmt.Sprintf("tensor %q has elements that are not finite: %s", tensor, text)
}
