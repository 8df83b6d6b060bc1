package npy

import (
	"archive/zip"
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/numeric"
)

// maxDeflateRatio is how many bytes one byte of a deflate stream can expand to, at most.
const maxDeflateRatio = 1032

// Archive is an NPZ file. Its methods may be called by several goroutines at once.
type Archive struct {
	files map[string]*zip.File
	r     io.ReaderAt
	size  int64
}

// Open reads the table of contents of the NPZ file in r, which must stay readable while the archive is used.
func Open(r io.ReaderAt, size int64) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("is not an NPZ archive: %v", err)
	}
	a := &Archive{files: map[string]*zip.File{}, r: r, size: size}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		if _, twice := a.files[name]; twice {
			return nil, fmt.Errorf("holds array %q twice", name)
		}
		a.files[name] = f
	}
	return a, nil
}

// Names returns the names of the arrays, sorted.
func (a *Archive) Names() []string {
	names := make([]string, 0, len(a.files))
	for name := range a.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Has reports whether there is an array of that name.
func (a *Archive) Has(name string) bool { return a.files[name] != nil }

// Header returns the type and shape of an array without reading its values.
func (a *Archive) Header(name string) (*Header, error) {
	h, r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	return h, r.Close()
}

// open returns a reader at the first value. It has checked that the archive is large enough to expand to the bytes
// that the header claims.
func (a *Archive) open(name string) (*Header, io.ReadCloser, error) {
	f := a.files[name]
	if f == nil {
		return nil, nil, fmt.Errorf("has no array %q; it has %s", name, strings.Join(a.Names(), ", "))
	}
	r, err := f.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("array %q: %v", name, err)
	}
	h, err := readHeader(r)
	if err != nil {
		_ = r.Close()
		return nil, nil, fmt.Errorf("array %q %v", name, err)
	}
	stored := min(f.CompressedSize64, uint64(a.size))
	possible := stored
	if f.Method != zip.Store {
		possible = stored * maxDeflateRatio
	}
	if need := uint64(h.elements) * uint64(h.ItemSize); need > possible {
		_ = r.Close()
		return nil, nil, fmt.Errorf("array %q of shape %v needs %d bytes, has %d", name, h.Shape, need, stored)
	}
	return h, r, nil
}

// openRowMajor is open for arrays that are read from front to back.
func (a *Archive) openRowMajor(name string) (*Header, io.ReadCloser, error) {
	h, r, err := a.open(name)
	if err != nil {
		return nil, nil, err
	}
	if err := h.checkRowMajor(); err != nil {
		_ = r.Close()
		return nil, nil, fmt.Errorf("array %q %v", name, err)
	}
	return h, r, nil
}

// values calls each with the bytes of every element in order, and checks that the array is complete, ends where the
// file ends, and has the right checksum.
func (a *Archive) values(name string, h *Header, r io.Reader, each func(item []byte)) error {
	br := bufio.NewReaderSize(r, 1<<16)
	item := make([]byte, h.ItemSize)
	for i := range h.elements {
		if _, err := io.ReadFull(br, item); err != nil {
			return fmt.Errorf("array %q of shape %v ends after %d of %d values: %v", name, h.Shape, i, h.elements, err)
		}
		each(item)
	}
	// Reading to the end makes the zip reader compare its checksum.
	n, err := io.Copy(io.Discard, br)
	if err != nil {
		return fmt.Errorf("array %q is damaged: %v", name, err)
	}
	if n > 0 {
		return fmt.Errorf("array %q of shape %v has %d bytes too many", name, h.Shape, n)
	}
	return nil
}

// Float32s reads an array of floats. Values of 8 bytes are rounded.
func (a *Archive) Float32s(name string) ([]float32, *Header, error) { return floats[float32](a, name) }

// Float64s reads an array of floats. Values of 4 bytes are widened.
func (a *Archive) Float64s(name string) ([]float64, *Header, error) { return floats[float64](a, name) }

func floats[T float32 | float64](a *Archive, name string) ([]T, *Header, error) {
	h, r, err := a.openRowMajor(name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if err := h.CheckFloats(); err != nil {
		return nil, nil, fmt.Errorf("array %q %w", name, err)
	}
	x := make([]T, 0, h.elements)
	err = a.values(name, h, r, func(item []byte) {
		if len(item) == 4 {
			x = append(x, T(math.Float32frombits(h.Order.Uint32(item))))
			return
		}
		x = append(x, T(math.Float64frombits(h.Order.Uint64(item))))
	})
	if err != nil {
		return nil, nil, err
	}
	return x, h, nil
}

// Int64s reads an array of integers, or of floats that are whole numbers.
func (a *Archive) Int64s(name string) ([]int64, *Header, error) {
	h, r, err := a.openRowMajor(name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	decode := intDecoder(h)
	if decode == nil {
		return nil, nil, fmt.Errorf("array %q %w", name, h.wrongType("an integer type"))
	}
	x := make([]int64, 0, h.elements)
	var wrong error
	err = a.values(name, h, r, func(item []byte) {
		v, err := decode(item)
		if err != nil && wrong == nil {
			wrong = fmt.Errorf("array %q: value %d %w", name, len(x), err)
		}
		x = append(x, v)
	})
	if err = cmp.Or(err, wrong); err != nil {
		return nil, nil, err
	}
	return x, h, nil
}

// ReadInt64s reads the NPY file in r, an array of integers, or of floats that are whole numbers.
func ReadInt64s(r io.ReaderAt, size int64) ([]int64, *Header, error) {
	rows, err := OpenArray(r, size)
	if err != nil {
		return nil, nil, err
	}
	h := rows.Header
	decode := intDecoder(h)
	if decode == nil {
		return nil, nil, h.wrongType("an integer type")
	}
	raw := make([]byte, h.bytes())
	if _, err := rows.r.ReadAt(raw, 0); err != nil && len(raw) > 0 {
		return nil, nil, err
	}
	x := make([]int64, h.elements)
	for i := range x {
		if x[i], err = decode(raw[i*h.ItemSize:]); err != nil {
			return nil, nil, fmt.Errorf("value %d %w", i, err)
		}
	}
	return x, h, nil
}

// intDecoder returns what reads one element as an integer; nil for a type without integers.
func intDecoder(h *Header) func([]byte) (int64, error) {
	exact := func(decode func(b []byte) int64) func([]byte) (int64, error) {
		return func(b []byte) (int64, error) { return decode(b), nil }
	}
	switch signed := h.Kind == 'i'; {
	case h.Kind == 'f' && h.ItemSize == 4:
		return func(b []byte) (int64, error) { return whole(float64(math.Float32frombits(h.Order.Uint32(b)))) }
	case h.Kind == 'f' && h.ItemSize == 8:
		return func(b []byte) (int64, error) { return whole(math.Float64frombits(h.Order.Uint64(b))) }
	case !signed && h.Kind != 'u':
		return nil
	case h.ItemSize == 1 && signed:
		return exact(func(b []byte) int64 { return int64(int8(b[0])) })
	case h.ItemSize == 1:
		return exact(func(b []byte) int64 { return int64(b[0]) })
	case h.ItemSize == 2 && signed:
		return exact(func(b []byte) int64 { return int64(int16(h.Order.Uint16(b))) })
	case h.ItemSize == 2:
		return exact(func(b []byte) int64 { return int64(h.Order.Uint16(b)) })
	case h.ItemSize == 4 && signed:
		return exact(func(b []byte) int64 { return int64(int32(h.Order.Uint32(b))) })
	case h.ItemSize == 4:
		return exact(func(b []byte) int64 { return int64(h.Order.Uint32(b)) })
	case h.ItemSize == 8 && signed:
		return exact(func(b []byte) int64 { return int64(h.Order.Uint64(b)) })
	case h.ItemSize == 8:
		return func(b []byte) (int64, error) {
			v := h.Order.Uint64(b)
			if v > math.MaxInt64 {
				return 0, fmt.Errorf("is %d, beyond the integers of 64 bits with a sign", v)
			}
			return int64(v), nil
		}
	}
	return nil
}

func whole(v float64) (int64, error) {
	n, ok := numeric.Whole(v)
	if !ok {
		return 0, fmt.Errorf("is %v, want a whole number", v)
	}
	return n, nil
}

// Strings reads an array of text, NumPy's dtypes U and S.
func (a *Archive) Strings(name string) ([]string, *Header, error) {
	h, r, err := a.openRowMajor(name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if h.Kind != 'U' && h.Kind != 'S' || h.ItemSize == 0 {
		return nil, nil, fmt.Errorf("array %q %w", name, h.wrongType("text"))
	}
	x := make([]string, 0, h.elements)
	err = a.values(name, h, r, func(item []byte) {
		if h.Kind == 'S' {
			x = append(x, strings.TrimRight(string(item), "\x00"))
			return
		}
		x = append(x, ucs4(item, h.Order))
	})
	if err != nil {
		return nil, nil, err
	}
	return x, h, nil
}

func ucs4(item []byte, order binary.ByteOrder) string {
	var s strings.Builder
	for ; len(item) >= 4; item = item[4:] {
		r := rune(order.Uint32(item))
		if r == 0 {
			break
		}
		s.WriteRune(r)
	}
	return s.String()
}
