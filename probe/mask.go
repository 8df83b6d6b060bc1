package probe

import (
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
)

const (
	// AttentionMask is the input whose values are the mask of a [Pooling] that names none.
	AttentionMask = "attention_mask"
	// NoMask is the mask of a pooling of all positions.
	NoMask = "none"
)

// mask says which positions of a tensor are pooled.
type mask struct {
	input  int    // index among those of a batch
	name   string // as [Pooling] has it
	invert bool
	given  bool // named, and not found
}

// newMask finds the mask of a pooling among the inputs; nil if all positions are pooled.
func newMask(p Pooling, inputs []source) (*mask, error) {
	if !p.reduces() {
		if p.Mask != "" && p.Mask != NoMask {
			return nil, fault.Usagef("--pool-mask names the positions that --pool mean, max, cls or last take, and none of them is given")
		}
		return nil, nil
	}
	m := &mask{name: p.Mask, given: p.Mask != ""}
	if !m.given {
		m.name = AttentionMask
	}
	input, invert := strings.CutPrefix(m.name, "!")
	m.invert = invert
	m.input = slices.IndexFunc(inputs, func(s source) bool { return s.in.Name == input })
	switch {
	case m.input >= 0 && !m.given && len(inputs[m.input].in.Shape) != 2 && inputs[m.input].in.Shape != nil:
		return nil, nil // not a mask of positions
	case m.input >= 0 && inputs[m.input].in.dtype() != typed.String && len(inputs) > 1:
		return m, nil
	case !m.given || m.name == NoMask:
		return nil, nil
	}
	var names []string
	for _, s := range inputs {
		names = append(names, s.in.Name)
	}
	return nil, fault.Mismatchf("--pool-mask %s: the inputs that get values are %s", p.Mask, strings.Join(names, ", "))
}

// kept returns, for every position of every row of a batch, whether it is pooled; nil if a mask that was not named is
// for other values. positions are the axes of the tensor, named out, that are pooled.
func (m *mask) kept(b Batch, positions []int64, out string) ([]bool, error) {
	a := b.Arrays[m.input]
	long := func(axes []int64) []int64 {
		return slices.DeleteFunc(slices.Clone(axes), func(n int64) bool { return n == 1 })
	}
	input := strings.TrimPrefix(m.name, "!")
	rows, per := int(b.Shape[0]), int(count(positions))
	if per == 1 && !m.given {
		return nil, nil // the model has pooled
	}
	if len(a.Shape) == 0 || a.Shape[0] != int64(rows) || !slices.Equal(long(a.Shape[1:]), long(positions)) {
		return nil, fault.Inputf("the mask %q has shape %v, and tensor %q the positions %v for each of %d samples", input, a.Shape, out,
			positions, rows).WithHint("name its mask with --pool-mask INPUT, or pool all positions with --pool-mask %s", NoMask)
	}
	kept := make([]bool, rows*per)
	for i, v := range a.Float64s() {
		if v != 0 && v != 1 {
			return nil, fault.Inputf("the mask %q has the value %v at position %d of sample %d of the batch, want 0 and 1", input, v,
				i%per, i/per)
		}
		kept[i] = (v == 1) != m.invert
	}
	for r := range rows {
		if !slices.Contains(kept[r*per:(r+1)*per], true) {
			return nil, fault.Inputf("the mask %q keeps no position of sample %d of the batch", input, r)
		}
	}
	return kept, nil
}
