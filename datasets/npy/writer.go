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

// Writer writes an NPZ file, uncompressed as numpy.savez does, without times: equal arrays give equal bytes. Close
// must be called.
type Writer struct {
	z *zip.Writer
}

// NewWriter returns a Writer to w, which the caller closes.
func NewWriter(w io.Writer) *Writer { return &Writer{z: zip.NewWriter(w)} }

// Close writes the table of contents.
func (w *Writer) Close() error { return w.z.Close() }

// header returns the bytes before the values of an array. NumPy pads them with spaces and a line feed so that the
// values start at a multiple of 64.
func header(descr string, shape []int) []byte {
	dims := strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]")
	if len(shape) == 1 {
		dims += ","
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, dims)
	const pre = len(Magic) + 4
	text += strings.Repeat(" ", 63-(pre+len(text))%64) + "\n"
	b := binary.LittleEndian.AppendUint16([]byte(Magic+"\x01\x00"), uint16(len(text)))
	return append(b, text...)
}

// WriteArray writes an NPY file: an array of NumPy's type descr ("<f4"), whose values the function write writes in
// row-major order. The caller closes w.
func WriteArray(w io.Writer, descr string, shape []int, write func(io.Writer) error) error {
	out := bufio.NewWriterSize(w, 1<<16)
	if _, err := out.Write(header(descr, shape)); err != nil {
		return err
	}
	if err := write(out); err != nil {
		return err
	}
	return out.Flush()
}

// Array writes an array as WriteArray does.
func (w *Writer) Array(name, descr string, shape []int, write func(io.Writer) error) error {
	entry, err := w.z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
	if err != nil {
		return err
	}
	return WriteArray(entry, descr, shape, write)
}

// Float32Rows writes an array of shape [n, shape...], whose rows it gets one after the other from row, so that they
// need not be in memory together.
func (w *Writer) Float32Rows(name string, n int, shape []int, row func(i int) ([]float32, error)) error {
	size := 1
	for _, d := range shape {
		size *= d
	}
	return w.Array(name, "<f4", append([]int{n}, shape...), func(out io.Writer) error {
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
		return nil
	})
}

// Float64s writes a one-dimensional array of floats.
func (w *Writer) Float64s(name string, x []float64) error {
	return w.Array(name, "<f8", []int{len(x)}, func(out io.Writer) error {
		return binary.Write(out, binary.LittleEndian, x)
	})
}

// Int64s writes a one-dimensional array of integers.
func (w *Writer) Int64s(name string, x []int64) error {
	return w.Array(name, "<i8", []int{len(x)}, func(out io.Writer) error {
		return binary.Write(out, binary.LittleEndian, x)
	})
}

// Strings writes a one-dimensional array of text, dtype U.
func (w *Writer) Strings(name string, x []string) error {
	width := 1
	for _, s := range x {
		width = max(width, utf8.RuneCountInString(s))
	}
	return w.Array(name, fmt.Sprintf("<U%d", width), []int{len(x)}, func(out io.Writer) error {
		for _, s := range x {
			item := make([]byte, 0, 4*width)
			for _, r := range s {
				item = binary.LittleEndian.AppendUint32(item, uint32(r))
			}
			if _, err := out.Write(item[:4*width]); err != nil {
				return err
			}
		}
		return nil
	})
}
