package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"sync"
)

// Rows reads the rows of an array of 4-byte floats where they lie in the file, so that
// the array may be larger than memory. Its methods may be called by several goroutines
// at once. The archive's checksum is not compared, because nothing is read to the end.
type Rows struct {
	Header *Header
	Size   int // values of a row

	name  string
	order binary.ByteOrder
	data  io.ReaderAt
	off   int64 // of the first value
	bytes sync.Pool
}

// Rows opens an array for reading by rows. It must be stored without compression and
// have at least one axis.
func (a *Archive) Rows(name string) (*Rows, error) {
	h, r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	if h.Kind != 'f' || h.ItemSize != 4 || len(h.Shape) == 0 {
		return nil, fmt.Errorf("array %q has type %s and shape %v, want f4 and rows", name, h.DType(), h.Shape)
	}
	f := a.files[name]
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, fmt.Errorf("array %q: %v", name, err)
	}
	data, ok := raw.(io.ReaderAt)
	if f.Method != 0 || !ok {
		return nil, fmt.Errorf("array %q is compressed, and cannot be read by rows; save it with numpy.savez", name)
	}
	size := 1
	for _, n := range h.Shape[1:] {
		size *= n
	}
	off, err := headerSize(data)
	if err != nil {
		return nil, fmt.Errorf("array %q %v", name, err)
	}
	need, has := int64(h.elements)*4, int64(f.UncompressedSize64)-off
	if has != need {
		return nil, fmt.Errorf("array %q of shape %v needs %d bytes, has %d", name, h.Shape, need, has)
	}
	return &Rows{Header: h, Size: size, name: name, order: h.Order, data: data, off: off}, nil
}

// headerSize returns the bytes before the first value of an array whose header was read
// before.
func headerSize(r io.ReaderAt) (int64, error) {
	var pre [12]byte
	if n, err := r.ReadAt(pre[:], 0); n < len(pre) {
		return 0, fmt.Errorf("ends within its header: %v", err)
	}
	if pre[6] == 1 {
		return 10 + int64(binary.LittleEndian.Uint16(pre[8:])), nil
	}
	return 12 + int64(binary.LittleEndian.Uint32(pre[8:])), nil
}

// Read sets dst, a whole number of rows, to the rows from on.
func (r *Rows) Read(dst []float32, from int) error {
	if len(dst) == 0 {
		return nil
	}
	buf, _ := r.bytes.Get().(*[]byte)
	if buf == nil || cap(*buf) < 4*len(dst) {
		b := make([]byte, 4*len(dst))
		buf = &b
	}
	defer r.bytes.Put(buf)
	b := (*buf)[:4*len(dst)]
	if _, err := r.data.ReadAt(b, r.off+4*int64(from)*int64(r.Size)); err != nil {
		return fmt.Errorf("array %q: row %d: %w", r.name, from, err)
	}
	for i := range dst {
		dst[i] = math.Float32frombits(r.order.Uint32(b[4*i:]))
	}
	return nil
}
