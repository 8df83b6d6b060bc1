package h5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/wiseft/wiseft/internal/numeric"
)

// Array is a data set of numbers.
type Array struct {
	Shape []int // empty for a scalar

	most     []uint64 // what Shape may grow to; undefined is without bound
	file     *File
	name     string
	elements uint64
	kind     numberKind
	itemSize uint64
	order    binary.ByteOrder
	layout   layout
	filters  []filter

	once    sync.Once // guards what follows
	listed  []chunk
	listErr error
}

type numberKind uint8

const (
	kindSigned numberKind = iota + 1
	kindUnsigned
	kindFloat
)

// maxElements bounds sizes so that no product of them overflows.
const maxElements = 1 << 40

func newArray(f *File, messages []message) (*Array, error) {
	a := &Array{file: f}
	seen := map[uint16]bool{}
	for _, m := range messages {
		c := cursor{b: m.data}
		var err error
		switch m.kind {
		case msgDataspace:
			err = a.readDataspace(&c)
		case msgDatatype:
			err = a.readDatatype(&c)
		case msgLayout:
			err = a.readLayout(&c)
		case msgFilters:
			err = a.readFilters(&c)
		default:
			continue
		}
		if err == nil {
			err = c.err
		}
		if err != nil {
			return nil, err
		}
		if seen[m.kind] {
			return nil, errors.New("has two header messages of one kind")
		}
		seen[m.kind] = true
	}
	if !seen[msgDataspace] || !seen[msgDatatype] || !seen[msgLayout] {
		return nil, errors.New("is not an array: its header lacks a dataspace, datatype or layout message")
	}
	return a, nil
}

func (a *Array) readDataspace(c *cursor) error {
	version, rank, flags := c.u8(), c.u8(), c.u8()
	switch version {
	case 1:
		c.take(1 + 4) // reserved
	case 2:
		if kind := c.u8(); kind == 2 {
			return errors.New("has no values (null dataspace)")
		}
	default:
		return fmt.Errorf("has dataspace version %d; 1 and 2 are supported", version)
	}
	if rank > 32 {
		return fmt.Errorf("has %d axes; HDF5 allows 32", rank)
	}
	a.elements = 1
	for range rank {
		n := c.u64()
		if n > maxElements || n > 0 && a.elements > maxElements/n {
			return errors.New("has more than 2^40 values")
		}
		a.Shape = append(a.Shape, int(n))
		a.most = append(a.most, n)
		a.elements *= n
	}
	if flags&1 != 0 {
		for axis := range a.Shape {
			a.most[axis] = c.u64()
		}
	}
	return nil
}

func (a *Array) readDatatype(c *cursor) error {
	class := c.u8() & 0x0f
	bits := c.take(3)
	a.itemSize = uint64(c.u32())
	if class > 1 && c.err == nil {
		return fmt.Errorf("holds %s, want integers or floats", className(class))
	}
	offset, precision := c.u16(), c.u16()
	if c.err != nil {
		return c.err
	}
	a.order = binary.LittleEndian
	if bits[0]&1 != 0 {
		a.order = binary.BigEndian
	}
	whole := offset == 0 && uint64(precision) == 8*a.itemSize
	if class == 0 {
		a.kind = kindUnsigned
		if bits[0]&8 != 0 {
			a.kind = kindSigned
		}
		if n := a.itemSize; whole && (n == 1 || n == 2 || n == 4 || n == 8) {
			return nil
		}
		return fmt.Errorf("has integers of %d bits in %d bytes, which is not supported", precision, a.itemSize)
	}
	a.kind = kindFloat
	exponent := c.take(2) // where it starts, how many bits it has
	if c.err == nil && whole && bits[0]&0x40 == 0 &&
		(a.itemSize == 2 && exponent[1] == 5 || a.itemSize == 4 && exponent[1] == 8 ||
			a.itemSize == 8 && exponent[1] == 11) {
		return nil
	}
	return fmt.Errorf("has floats of %d bits in %d bytes; IEEE float16, float32 and float64 are supported", precision,
		a.itemSize)
}

// className names a class of datatypes.
func className(class uint8) string {
	names := []string{2: "times", 3: "text", 4: "bit fields", 5: "opaque values", 6: "records", 7: "references",
		8: "enumerated values", 9: "text or lists of different lengths", 10: "arrays"}
	if int(class) < len(names) {
		return names[class]
	}
	return fmt.Sprintf("values of datatype class %d", class)
}

// IsInteger reports whether the values are integers.
func (a *Array) IsInteger() bool { return a.kind != kindFloat }

// Float32s reads all values of an array of floats in row-major order; float64 is
// rounded.
func (a *Array) Float32s() ([]float32, error) { return a.Float32Rows(0, a.rowCount()) }

// Float32Rows reads n rows along the first axis, from row from on. It may be called by
// several goroutines at once.
func (a *Array) Float32Rows(from, n int) ([]float32, error) {
	if a.kind != kindFloat {
		return nil, a.errorf("holds integers, want floats")
	}
	raw, err := a.read(from, n)
	if err != nil {
		return nil, a.errorf("%w", err)
	}
	x := make([]float32, len(raw)/int(a.itemSize))
	a.decode(x, raw)
	return x, nil
}

// Direct reports whether rows are stored without chunks and filters, so that ReadRow is cheap.
func (a *Array) Direct() bool { return a.layout.class == contiguous }

var rowBuffers = sync.Pool{New: func() any { return new([]byte) }}

// ReadRow sets dst, which has the length of a row, to one row of an array for which Direct is true. It may be called
// by several goroutines concurrently.
func (a *Array) ReadRow(dst []float32, row int) error {
	size := a.rowSize()
	if !a.Direct() || a.kind != kindFloat || uint64(len(dst))*a.itemSize != size || row < 0 || row >= a.rowCount() {
		return a.errorf("has no contiguous row %d of %d floats", row, len(dst))
	}
	if err := a.checkContiguous(); err != nil {
		return a.errorf("%w", err)
	}
	raw := rowBuffers.Get().(*[]byte)
	defer rowBuffers.Put(raw)
	if uint64(cap(*raw)) < size {
		*raw = make([]byte, size)
	}
	b := (*raw)[:size]
	if _, err := a.file.r.ReadAt(b, int64(a.layout.addr+uint64(row)*size)); err != nil {
		return a.errorf("%w", err)
	}
	a.decode(dst, b)
	return nil
}

// decode sets x to the floats in raw; float64 is rounded.
func (a *Array) decode(x []float32, raw []byte) {
	switch {
	case a.itemSize == 2:
		for i := range x {
			x[i] = numeric.FromHalf(a.order.Uint16(raw[2*i:]))
		}
	case a.itemSize == 8:
		for i := range x {
			x[i] = float32(math.Float64frombits(a.order.Uint64(raw[8*i:])))
		}
	case a.order == binary.LittleEndian:
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
	default:
		for i := range x {
			x[i] = math.Float32frombits(a.order.Uint32(raw[4*i:]))
		}
	}
}

// Int64s reads all values of an array in row-major order: integers, or floats that are whole numbers, which is what
// MATLAB writes.
func (a *Array) Int64s() ([]int64, error) {
	if a.kind == kindFloat {
		return a.wholeFloats()
	}
	raw, err := a.read(0, a.rowCount())
	if err != nil {
		return nil, a.errorf("%w", err)
	}
	x := make([]int64, a.elements)
	for i := range x {
		item := raw[uint64(i)*a.itemSize:][:a.itemSize]
		var v uint64
		for k, b := range item {
			if a.order == binary.BigEndian {
				k = len(item) - 1 - k
			}
			v |= uint64(b) << (8 * k)
		}
		if shift := 64 - 8*len(item); a.kind == kindSigned {
			v = uint64(int64(v<<shift) >> shift)
		}
		if x[i] = int64(v); a.kind == kindUnsigned && x[i] < 0 {
			return nil, a.errorf("holds %d, which is beyond the integers of 64 bits with a sign", v)
		}
	}
	return x, nil
}

func (a *Array) wholeFloats() ([]int64, error) {
	raw, err := a.read(0, a.rowCount())
	if err != nil {
		return nil, a.errorf("%w", err)
	}
	x := make([]int64, a.elements)
	for i := range x {
		var v float64
		switch item := raw[uint64(i)*a.itemSize:]; a.itemSize {
		case 2:
			v = float64(numeric.FromHalf(a.order.Uint16(item)))
		case 4:
			v = float64(math.Float32frombits(a.order.Uint32(item)))
		default:
			v = math.Float64frombits(a.order.Uint64(item))
		}
		var ok bool
		if x[i], ok = numeric.Whole(v); !ok {
			return nil, a.errorf("holds %v, want whole numbers", v)
		}
	}
	return x, nil
}

func (a *Array) errorf(format string, args ...any) error {
	return fmt.Errorf("data set %q: "+format, append([]any{a.name}, args...)...)
}

// Element returns how elements are stored: 'i' signed, 'u' unsigned or 'f' floating-point as NumPy has it, their bytes,
// and the order of these.
func (a *Array) Element() (kind byte, size int, order binary.ByteOrder) {
	return map[numberKind]byte{kindSigned: 'i', kindUnsigned: 'u', kindFloat: 'f'}[a.kind], int(a.itemSize), a.order
}

// Bytes reads n rows along the first axis, from row from on, as their elements are stored. It may be called by several
// goroutines at once.
func (a *Array) Bytes(from, n int) ([]byte, error) {
	raw, err := a.read(from, n)
	if err != nil {
		return nil, a.errorf("%w", err)
	}
	return raw, nil
}
