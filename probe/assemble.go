package probe

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
)

// begin empties a chunk, whose memory is used again.
func (c *chunk) begin(first int) { c.first, c.groups, c.labels = first, c.groups[:0], c.labels[:0] }

// add adds a sample with the given index to the batch of its shape, or to a new one if there is none that has room.
func (f *feed) add(c *chunk, s *datasets.Sample, index int) error {
	g, err := f.groupOf(c, s)
	if err != nil {
		return err
	}
	g.samples = append(g.samples, index)
	if f.plain {
		values := &g.columns[0].values
		at := len(*values)
		*values = slices.Grow(*values, len(s.X))[:at+len(s.X)]
		f.layout.put((*values)[at:], s)
		return nil
	}
	for k := range f.inputs {
		if err := f.addArray(&g.columns[k], &f.inputs[k], s); err != nil {
			return err
		}
	}
	if f.padded != nil {
		f.lengthen(g, s)
	}
	return nil
}

// groupOf returns the batch to which a sample is added.
func (f *feed) groupOf(c *chunk, s *datasets.Sample) (*group, error) {
	for i := len(c.groups) - 1; i >= 0; i-- {
		if g := &c.groups[i]; f.fits(g.Batch, s) {
			if len(g.samples) < f.length {
				return g, nil
			}
			break // of one shape, only the last batch has room
		}
	}
	b, err := f.newBatch(s)
	if err != nil {
		return nil, err
	}
	n := len(c.groups)
	c.groups = slices.Grow(c.groups, 1)[:n+1]
	g := &c.groups[n] // with the memory of an earlier chunk
	if g.columns == nil {
		g.columns = make([]column, len(f.inputs))
	}
	for k := range g.columns {
		v := &g.columns[k]
		*v = column{v.values[:0], v.data[:0], v.text[:0]}
	}
	g.Batch, g.samples, g.shapes = b, g.samples[:0], g.shapes[:0]
	return g, nil
}

// fits reports whether a sample has the shapes of a batch.
func (f *feed) fits(b Batch, s *datasets.Sample) bool {
	if f.plain {
		n := len(s.Shape)
		if n+1 != len(b.Shape) {
			return false
		}
		if _, cloud := s.Points(); cloud && f.layout == LayoutBCN {
			return b.Shape[2] == int64(s.Shape[0])
		}
		for i, d := range s.Shape {
			if b.Shape[i+1] != int64(d) {
				return false
			}
		}
		return true
	}
	for k := range f.inputs {
		in := &f.inputs[k]
		if in.constant != nil {
			continue
		}
		shape, has := f.shapeOf(in, s), b.Arrays[k].Shape[1:]
		if len(shape) != len(has) {
			return false
		}
		for i, n := range shape {
			if n != has[i] && (f.padded == nil || !in.free(i+1)) {
				return false
			}
		}
	}
	return true
}

// newBatch returns a batch for samples of the shapes of s, without values. Its lengths are set when it is complete.
func (f *feed) newBatch(s *datasets.Sample) (b Batch, err error) {
	if f.plain {
		b.Shape, err = batchShape(f.inputs[0].in, f.layout, s, 0)
		return b, err
	}
	b.Shape = []int64{0}
	for i := range f.inputs {
		in := &f.inputs[i]
		a := typed.Array{Type: in.in.dtype()}
		switch {
		case in.constant != nil:
		case in.array < 0:
			if a.Shape, err = batchShape(in.in, f.layout, s, 0); err != nil {
				return b, err
			}
			b.Shape = slices.Clone(a.Shape)
		case in.array >= len(s.Arrays):
			return b, fmt.Errorf("has %d arrays, and its data set describes more", len(s.Arrays))
		default:
			if a.Shape, err = in.arrayShape(s.Arrays[in.array]); err != nil {
				return b, err
			}
		}
		b.Arrays = append(b.Arrays, a)
	}
	return b, nil
}

// noteRounding notes the inputs of floating-point types that do not hold all values of a sample's.
func (f *feed) noteRounding(s *datasets.Sample) {
	precision := map[typed.Type]int{typed.BFloat16: 8, typed.Float16: 11, typed.Float32: 24, typed.Float64: 53} // in bits
	for _, in := range f.inputs {
		from := typed.Float32
		switch {
		case in.constant != nil:
			continue
		case in.array >= 0 && in.array < len(s.Arrays):
			from = s.Arrays[in.array].Type
		}
		if to := in.in.dtype(); from.IsFloat() && to.IsFloat() && precision[to] < precision[from] {
			f.rounded = append(f.rounded, fmt.Sprintf("values for the input %q are rounded from %s to %s", in.in.Name, from, to))
		}
	}
}

// addArray adds the values of a sample for one input, as its type.
func (f *feed) addArray(c *column, in *source, s *datasets.Sample) (err error) {
	var a typed.Array
	switch {
	case in.constant != nil:
		return nil
	case in.array >= 0:
		a = s.Arrays[in.array]
	default:
		x := make([]float32, len(s.X))
		f.layout.put(x, s)
		a.Type = typed.Float32
		for _, v := range x {
			a.Data = binary.LittleEndian.AppendUint32(a.Data, math.Float32bits(v))
		}
	}
	to := in.in.dtype()
	if to == typed.String && a.Type == to {
		c.text = append(c.text, a.Text...)
		return nil
	}
	if c.data, err = a.AppendData(c.data, to); err != nil {
		what := "has values for the input"
		if in.array >= 0 {
			what = fmt.Sprintf("has the array %q for the input", in.name)
		}
		return fault.Inputf("%s %q: %w", what, in.in.Name, err)
	}
	return nil
}

// finish completes all batches.
func (f *feed) finish(c *chunk) error {
	for i := range c.groups {
		g := &c.groups[i]
		if f.padded != nil {
			if err := f.fillUp(g); err != nil {
				return err
			}
		}
		if f.fixed > 0 {
			f.pad(g)
		}
		if err := f.complete(g); err != nil {
			return err
		}
	}
	return nil
}

// pad brings a batch to the length that the model requires, by repeating its last sample.
func (f *feed) pad(g *group) {
	for range f.fixed - len(g.samples) {
		for k := range g.columns {
			v := &g.columns[k]
			switch in := f.inputs[k]; {
			case f.plain:
				v.values = append(v.values, v.values[len(v.values)-int(count(g.Shape[1:])):]...)
			case in.constant != nil:
			case in.in.dtype() == typed.String:
				v.text = append(v.text, v.text[len(v.text)-int(count(g.Arrays[k].Shape[1:])):]...)
			default:
				v.data = append(v.data, v.data[len(v.data)-int(count(g.Arrays[k].Shape[1:])*in.in.dtype().Size()):]...)
			}
		}
	}
}

// complete gives a batch its length and its values.
func (f *feed) complete(g *group) (err error) {
	length := max(len(g.samples), f.fixed)
	g.Shape[0] = int64(length)
	if f.plain {
		g.X = g.columns[0].values
		return nil
	}
	for k := range g.Arrays {
		a := &g.Arrays[k]
		if constant := f.inputs[k].constant; constant != nil {
			if *a, err = constant.array(length); err != nil {
				return err
			}
			continue
		}
		a.Shape[0] = int64(length)
		if a.Type == typed.String {
			a.Text = g.columns[k].text
		} else {
			a.Data = g.columns[k].data
		}
	}
	return nil
}

// count returns the number of elements of a shape that exists.
func count(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}
