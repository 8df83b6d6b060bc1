package npy

import (
	"archive/zip"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
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
	return a.blocks(name, h, r, func(items []byte) {
		for ; len(items) > 0; items = items[h.ItemSize:] {
			each(items[:h.ItemSize])
		}
	})
}

// blocks is values for many elements at once.
func (a *Archive) blocks(name string, h *Header, r io.Reader, each func(items []byte)) error {
	perBlock := max(1, (1<<16)/max(1, h.ItemSize))
	block := make([]byte, min(perBlock, h.elements)*h.ItemSize)
	for i := 0; i < h.elements && h.ItemSize > 0; i += perBlock {
		items := block[:min(perBlock, h.elements-i)*h.ItemSize]
		if n, err := io.ReadFull(r, items); err != nil {
			return fmt.Errorf("array %q of shape %v ends after %d of %d values: %v",
				name, h.Shape, i+n/h.ItemSize, h.elements, err)
		}
		each(items)
	}
	// Reading to the end makes the zip reader compare its checksum.
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		return fmt.Errorf("array %q is damaged: %v", name, err)
	}
	if n > 0 {
		return fmt.Errorf("array %q of shape %v has %d bytes too many", name, h.Shape, n)
	}
	return nil
}

// Float32s reads an array of numbers. float64 is rounded; every other type must be exact in float32.
func (a *Archive) Float32s(name string) ([]float32, *Header, error) {
	h, r, err := a.openRowMajor(name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if h.Kind == 'f' && (h.ItemSize == 4 || h.ItemSize == 8) {
		x := make([]float32, 0, h.elements)
		err := a.blocks(name, h, r, func(items []byte) {
			n := len(items) / h.ItemSize
			x = x[:len(x)+n]
			decodeFloats(x[len(x)-n:], items, h.ItemSize, h.Order)
		})
		if err != nil {
			return nil, nil, err
		}
		return x, h, nil
	}
	return readAs(a, name, "numbers", floatDecoder)
}

// Float64s reads an array of floats of 4 or 8 bytes.
func (a *Archive) Float64s(name string) ([]float64, *Header, error) {
	return readAs(a, name, "f4 or f8", func(h *Header) func([]byte) (float64, error) {
		switch {
		case h.Kind == 'f' && h.ItemSize == 4:
			return func(b []byte) (float64, error) { return float64(math.Float32frombits(h.Order.Uint32(b))), nil }
		case h.Kind == 'f' && h.ItemSize == 8:
			return func(b []byte) (float64, error) { return math.Float64frombits(h.Order.Uint64(b)), nil }
		}
		return nil
	})
}

// Int64s reads an array of integers, of booleans, or of floats that are whole numbers.
func (a *Archive) Int64s(name string) ([]int64, *Header, error) {
	return readAs(a, name, "an integer type", intDecoder)
}

// readAs reads an array by the decoder that its type has; nil refuses the type, and want is what is supported.
func readAs[T any](a *Archive, name, want string, decoder func(*Header) func([]byte) (T, error)) ([]T, *Header, error) {
	h, r, err := a.openRowMajor(name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	decode := decoder(h)
	if decode == nil {
		return nil, nil, fmt.Errorf("array %q %w", name, h.wrongType(want))
	}
	x := make([]T, 0, h.elements)
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

// Strings reads an array of text, NumPy's dtypes U and S.
func (a *Archive) Strings(name string) ([]string, *Header, error) {
	h, r, err := a.openRowMajor(name)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	if !h.IsText() {
		return nil, nil, fmt.Errorf("array %q %w", name, h.wrongType("text"))
	}
	x := make([]string, 0, h.elements)
	err = a.values(name, h, r, func(item []byte) {
		x = append(x, textOf(h, item))
	})
	if err != nil {
		return nil, nil, err
	}
	return x, h, nil
}
