package npy

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/internal/output"
)

// Rows is an array whose elements can be read in any order, by several goroutines concurrently. Its memory does not
// grow with the array. Close must be called.
type Rows struct {
	*Header
	r     io.ReaderAt // of the values
	check func() error
	once  sync.Once
	err   error         // of check
	spool *output.Spool // nil unless the array was decompressed
}

// OpenArray reads the header of the NPY file in r, which must stay readable while the rows are used.
func OpenArray(r io.ReaderAt, size int64) (*Rows, error) {
	in := io.NewSectionReader(r, 0, size)
	h, err := readHeader(in)
	if err != nil {
		return nil, err
	}
	off, err := in.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	if need, has := h.bytes(), size-off; need != has {
		return nil, fmt.Errorf("shape %v needs %d bytes, has %d", h.Shape, need, has)
	}
	return (&Rows{Header: h, r: io.NewSectionReader(r, off, size-off)}).rowMajor()
}

// NewRows returns the array with these values, which are closed with the rows, also after an error.
func NewRows(h *Header, values *output.Spool) (*Rows, error) {
	if need, has := h.bytes(), values.Size(); need != has {
		return nil, errors.Join(fmt.Errorf("shape %v needs %d bytes, has %d", h.Shape, need, has), values.Close())
	}
	return &Rows{Header: h, r: values, spool: values}, nil
}

// maxTransposed bounds an array in column-major order, which is held in memory to be read by rows.
const maxTransposed = 1 << 30

// rowMajor returns the rows themselves, or for an array in column-major order those of its copy in row-major order.
func (r *Rows) rowMajor() (*Rows, error) {
	if !r.fortran {
		return r, nil
	}
	if r.bytes() > maxTransposed {
		return nil, errors.Join(r.checkRowMajor(), r.Close())
	}
	from, to := make([]byte, r.bytes()), make([]byte, r.bytes())
	if _, err := r.r.ReadAt(from, 0); err != nil && len(from) > 0 {
		return nil, errors.Join(err, r.Close())
	}
	size, index := r.ItemSize, make([]int, len(r.Shape))
	for at := 0; at < len(from); at += size {
		place := 0
		for axis, n := range r.Shape {
			place = place*n + index[axis]
		}
		copy(to[place*size:], from[at:at+size])
		for axis := range index { // the first axis runs fastest
			if index[axis]++; index[axis] < r.Shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
	h := *r.Header
	h.fortran = false
	copied := &Rows{Header: &h, r: bytes.NewReader(to), check: r.check}
	return copied, r.Close()
}

// bytes returns the size of all values.
func (h *Header) bytes() int64 { return int64(h.elements) * int64(h.ItemSize) }

// Rows opens an array of the archive. A stored array is read in place, after its checksum was compared once; a
// compressed one is decompressed first.
func (a *Archive) Rows(name string) (*Rows, error) {
	h, in, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	f := a.files[name]
	if f.Method != zip.Store {
		rows, err := spooled(name, h, in)
		if err != nil {
			return nil, err
		}
		return rows.rowMajor()
	}
	start, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("array %q: %v", name, err)
	}
	size := int64(f.CompressedSize64)
	if start < 0 || size > a.size-start || h.bytes() > size {
		return nil, fmt.Errorf("array %q lies beyond the end of the file", name)
	}
	whole := io.NewSectionReader(a.r, start, size)
	rows := &Rows{Header: h, r: io.NewSectionReader(whole, size-h.bytes(), h.bytes()), check: func() error {
		sum := crc32.NewIEEE()
		if _, err := io.Copy(sum, io.NewSectionReader(whole, 0, size)); err != nil {
			return fmt.Errorf("array %q: %v", name, err)
		}
		if sum.Sum32() != f.CRC32 {
			return fmt.Errorf("array %q is damaged: its checksum does not match", name)
		}
		return nil
	}}
	return rows.rowMajor()
}

// spooled decompresses all values.
func spooled(name string, h *Header, in io.Reader) (_ *Rows, err error) {
	out := &output.Spool{}
	defer func() {
		if err != nil {
			_ = out.Close()
		}
	}()
	n, err := io.Copy(out, io.LimitReader(in, h.bytes()+1)) // one more, to see the end and its checksum
	if err != nil {
		return nil, fmt.Errorf("array %q: %v", name, err)
	}
	if n != h.bytes() {
		return nil, fmt.Errorf("array %q of shape %v needs %d bytes, has %s",
			name, h.Shape, h.bytes(), found(n, h.bytes()))
	}
	return &Rows{Header: h, r: out, spool: out}, nil
}

func found(n, want int64) string {
	if n > want {
		return "more"
	}
	return fmt.Sprint(n)
}

// Close releases the memory and the temporary file. Calling it twice is harmless.
func (r *Rows) Close() error {
	if r.spool == nil {
		return nil
	}
	return r.spool.Close()
}

// Float32s sets dst to len(dst) values from element from on. float64 is rounded; every other type must be exact in
// float32.
func (r *Rows) Float32s(dst []float32, from int) error {
	decode := floatDecoder(r.Header)
	if decode == nil {
		return r.CheckNumbers()
	}
	if from < 0 || from+len(dst) > r.elements {
		return fmt.Errorf("has %d values; values %d to %d were requested", r.elements, from, from+len(dst)-1)
	}
	if err := r.verify(); err != nil {
		return err
	}
	raw := buffers.Get().(*[]byte)
	defer buffers.Put(raw)
	if need := len(dst) * r.ItemSize; cap(*raw) < need {
		*raw = make([]byte, need)
	}
	b := (*raw)[:len(dst)*r.ItemSize]
	if _, err := r.r.ReadAt(b, int64(from)*int64(r.ItemSize)); err != nil {
		return err
	}
	if r.Kind == 'f' && r.ItemSize >= 4 {
		decodeFloats(dst, b, r.ItemSize, r.Order)
		return nil
	}
	for i := range dst {
		var err error
		if dst[i], err = decode(b[i*r.ItemSize:]); err != nil {
			return fmt.Errorf("value %d %w", from+i, err)
		}
	}
	return nil
}

// AppendBytes appends n elements from element from on, little-endian: numbers as they are stored.
func (r *Rows) AppendBytes(dst []byte, from, n int) ([]byte, error) {
	if from < 0 || n < 0 || from+n > r.elements {
		return dst, fmt.Errorf("has %d values; values %d to %d were requested", r.elements, from, from+n-1)
	}
	if err := r.verify(); err != nil {
		return dst, err
	}
	at, size := len(dst), n*r.ItemSize
	dst = slices.Grow(dst, size)[:at+size]
	if _, err := r.r.ReadAt(dst[at:], int64(from)*int64(r.ItemSize)); err != nil && size > 0 {
		return dst[:at], err
	}
	if r.Order == binary.BigEndian && r.ItemSize > 1 {
		for item := dst[at:]; len(item) > 0; item = item[r.ItemSize:] {
			slices.Reverse(item[:r.ItemSize])
		}
	}
	return dst, nil
}

// AppendTexts appends n elements from element from on of an array of text, NumPy's dtypes U and S.
func (r *Rows) AppendTexts(dst []string, from, n int) ([]string, error) {
	if !r.IsText() {
		return dst, r.wrongType("text")
	}
	if from < 0 || n < 0 || from+n > r.elements {
		return dst, fmt.Errorf("has %d values; values %d to %d were requested", r.elements, from, from+n-1)
	}
	if err := r.verify(); err != nil {
		return dst, err
	}
	raw := make([]byte, n*r.ItemSize)
	if _, err := r.r.ReadAt(raw, int64(from)*int64(r.ItemSize)); err != nil && n > 0 {
		return dst, err
	}
	for ; len(raw) > 0; raw = raw[r.ItemSize:] {
		dst = append(dst, textOf(r.Header, raw[:r.ItemSize]))
	}
	return dst, nil
}

// verify compares the checksum once, if the values are read in place.
func (r *Rows) verify() error {
	if r.check == nil {
		return nil
	}
	r.once.Do(func() { r.err = r.check() })
	return r.err
}

// Int64s reads all values of an array of integers, of booleans, or of floats that are whole numbers.
func (r *Rows) Int64s() ([]int64, error) {
	decode := intDecoder(r.Header)
	if decode == nil {
		return nil, r.wrongType("an integer type")
	}
	x := make([]int64, 0, r.elements)
	err := r.each(func(item []byte) error {
		v, err := decode(item)
		x = append(x, v)
		return err
	})
	return x, err
}

// Strings reads all values of an array of text, NumPy's dtypes U and S.
func (r *Rows) Strings() ([]string, error) {
	if !r.IsText() {
		return nil, r.wrongType("text")
	}
	x := make([]string, 0, r.elements)
	err := r.each(func(item []byte) error { x = append(x, textOf(r.Header, item)); return nil })
	return x, err
}

// each calls f with the bytes of every element in order. An error of f gets the element's index.
func (r *Rows) each(f func(item []byte) error) error {
	if err := r.verify(); err != nil {
		return err
	}
	in := bufio.NewReaderSize(io.NewSectionReader(r.r, 0, r.bytes()), 1<<16)
	item := make([]byte, r.ItemSize)
	for i := range r.elements {
		if _, err := io.ReadFull(in, item); err != nil {
			return err
		}
		if err := f(item); err != nil {
			return fmt.Errorf("value %d %w", i, err)
		}
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// decodeFloats sets dst to the floats of 4 or 8 bytes in b.
func decodeFloats(dst []float32, b []byte, itemSize int, order binary.ByteOrder) {
	switch {
	case itemSize == 4 && order == binary.LittleEndian:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case itemSize == 4:
		for i := range dst {
			dst[i] = math.Float32frombits(order.Uint32(b[4*i:]))
		}
	default:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(order.Uint64(b[8*i:])))
		}
	}
}
