package npy

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// Writer writes an NPZ file, uncompressed as numpy.savez does, with no times in
// it: equal arrays give equal bytes. Close must be called.
type Writer struct {
	z *zip.Writer
}

// NewWriter returns a Writer to w, which the caller closes.
func NewWriter(w io.Writer) *Writer { return &Writer{z: zip.NewWriter(w)} }

// Close writes the table of contents.
func (w *Writer) Close() error { return w.z.Close() }

// create starts an array and returns where its values go.
func (w *Writer) create(name, descr string, shape []int) (*bufio.Writer, error) {
	entry, err := w.z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err != nil {
		return nil, err
	}
	dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	if len(shape) == 1 {
		dims += ","
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims)
	// NumPy pads with spaces and a line feed so that the values start at a multiple of 64.
	const pre = len(magic) + 4
	header += strings.Repeat(" ", 63-(pre+len(header))%64) + "\n"
	out := bufio.NewWriterSize(entry, 1<<16)
	out.WriteString(magic + "\x01\x00")
	out.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(header))))
	out.WriteString(header)
	return out, nil
}

// Float32Rows writes an array of shape [n, shape...] whose rows come one after the
// other from row, so that they need not be in memory together.
func (w *Writer) Float32Rows(name string, n int, shape []int, row func(i int) ([]float32, error)) error {
	out, err := w.create(name, "<f4", append([]int{n}, shape...))
	if err != nil {
		return err
	}
	size := 1
	for _, d := range shape {
		size *= d
	}
	var b []byte
	for i := range n {
		x, err := row(i)
		if err != nil {
			return err
		}
		if len(x) != size {
			return fmt.Errorf("array %q: row %d has %d values, want %d", name, i, len(x), size)
		}
		b = b[:0]
		for _, v := range x {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
		if _, err := out.Write(b); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Int64s writes a one-dimensional array of integers.
func (w *Writer) Int64s(name string, x []int64) error {
	out, err := w.create(name, "<i8", []int{len(x)})
	if err != nil {
		return err
	}
	for _, v := range x {
		if _, err := out.Write(binary.LittleEndian.AppendUint64(nil, uint64(v))); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Strings writes a one-dimensional array of text, dtype U.
func (w *Writer) Strings(name string, x []string) error {
	width := 1
	for _, s := range x {
		width = max(width, utf8.RuneCountInString(s))
	}
	out, err := w.create(name, fmt.Sprintf("<U%d", width), []int{len(x)})
	if err != nil {
		return err
	}
	for _, s := range x {
		item := make([]byte, 0, 4*width)
		for _, r := range s {
			item = binary.LittleEndian.AppendUint32(item, uint32(r))
		}
		if _, err := out.Write(item[:4*width]); err != nil {
			return err
		}
	}
	return out.Flush()
}
