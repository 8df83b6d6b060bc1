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
func (f *feed) begin(c *chunk, first int) {
	c.first, c.batches, c.rows, c.labels = first, c.batches[:0], c.rows[:0], c.labels[:0]
	if c.columns == nil {
		c.columns = make([]column, len(f.inputs))
	}
	for k := range c.columns {
		c.columns[k] = column{c.columns[k].values[:0], c.columns[k].data[:0], c.columns[k].text[:0]}
	}
}

// add adds a sample to the last batch, or to a new one if it has another shape or next is set.
func (f *feed) add(c *chunk, s *datasets.Sample, next bool) error {
	if last := len(c.batches) - 1; next || last < 0 || !f.fits(c.batches[last], s) {
		f.closeBatch(c)
		b, err := f.newBatch(s)
		if err != nil {
			return err
		}
		c.batches, c.rows = append(c.batches, b), append(c.rows, 0)
	}
	c.rows[len(c.rows)-1]++
	if f.plain {
		values := &c.columns[0].values
		at := len(*values)
		*values = slices.Grow(*values, len(s.X))[:at+len(s.X)]
		f.layout.put((*values)[at:], s)
		return nil
	}
	for k := range f.inputs {
		if err := f.addArray(&c.columns[k], &f.inputs[k], s); err != nil {
			return err
		}
	}
	return nil
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
	for k, in := range f.inputs {
		switch {
		case in.constant != nil:
		case in.array < 0:
			shape, err := batchShape(in.in, f.layout, s, 0)
			if err != nil || !slices.Equal(shape[1:], b.Arrays[k].Shape[1:]) {
				return false
			}
		case !slices.Equal(s.Arrays[in.array].Shape, b.Arrays[k].Shape[1:]):
			return false
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

// closeBatch completes the last batch. Where the model requires a batch length, it is padded by repeating its last sample.
func (f *feed) closeBatch(c *chunk) {
	if len(c.rows) == 0 {
		return
	}
	b, rows := &c.batches[len(c.batches)-1], c.rows[len(c.rows)-1]
	length := max(rows, f.fixed)
	b.Shape[0] = int64(length)
	for range length - rows {
		for k := range c.columns {
			v := &c.columns[k]
			switch in := f.inputs[k]; {
			case f.plain:
				v.values = append(v.values, v.values[len(v.values)-int(count(b.Shape[1:])):]...)
			case in.constant != nil:
			case in.in.dtype() == typed.String:
				v.text = append(v.text, v.text[len(v.text)-int(count(b.Arrays[k].Shape[1:])):]...)
			default:
				v.data = append(v.data, v.data[len(v.data)-int(count(b.Arrays[k].Shape[1:])*in.in.dtype().Size()):]...)
			}
		}
	}
	for k := range b.Arrays {
		if f.inputs[k].constant == nil {
			b.Arrays[k].Shape[0] = int64(length)
		}
	}
}

// finish completes the last batch, and gives all their values, whose memory does not move any more.
func (f *feed) finish(c *chunk) error {
	f.closeBatch(c)
	at := make([]int, len(c.columns))
	for i := range c.batches {
		b := &c.batches[i]
		if f.plain {
			size := int(count(b.Shape))
			b.X = c.columns[0].values[at[0] : at[0]+size : at[0]+size]
			at[0] += size
			continue
		}
		for k := range b.Arrays {
			a, v, from := &b.Arrays[k], c.columns[k], at[k]
			switch in := f.inputs[k]; {
			case in.constant != nil:
				made, err := in.constant.array(int(b.Shape[0]))
				if err != nil {
					return err
				}
				*a = made
			case a.Type == typed.String:
				at[k] += int(count(a.Shape))
				a.Text = v.text[from:at[k]:at[k]]
			default:
				at[k] += int(count(a.Shape) * a.Type.Size())
				a.Data = v.data[from:at[k]:at[k]]
			}
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
