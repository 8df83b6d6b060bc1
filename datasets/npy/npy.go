// Package npy reads and writes NPZ files: zip archives of NumPy arrays, as numpy.savez and numpy.savez_compressed
// make them.
//
// It supports arrays of floats (2, 4 or 8 bytes), integers (1 to 8 bytes), booleans and strings, in either byte order,
// and returns them as []float32, []int64 and []string. Every length is checked against the size of the file before
// memory is allocated for it, and a short or damaged array is an error.
//
// The format is NumPy Enhancement Proposal 1: "\x93NUMPY", two version bytes, the length of the header (2 bytes in
// version 1, 4 from version 2 on), and the header, a Python dictionary literal with the keys descr, fortran_order and
// shape.
//
// The code is our own because a library cannot be made safe from outside: sbinet/npyio v0.6.0 returns a truncated [1
// 2 3 4] as [1 2 2 2] without an error.
package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Magic starts every NPY file.
const Magic = "\x93NUMPY"

// maxHeaderSize bounds the header in bytes: a plain dtype needs about 100.
const maxHeaderSize = 1 << 16

// Header describes an array.
type Header struct {
	Kind     byte // 'f' float, 'i' signed, 'u' unsigned, 'b' boolean, 'U' UCS-4 text, 'S' bytes
	ItemSize int  // bytes of one element
	Order    binary.ByteOrder
	Shape    []int // empty for a scalar
	elements int
	fortran  bool // the first axis runs fastest
}

// NewHeader describes an array in row-major order whose shape has as many elements as an int holds.
func NewHeader(kind byte, itemSize int, order binary.ByteOrder, shape []int) *Header {
	h := &Header{Kind: kind, ItemSize: itemSize, Order: order, Shape: shape, elements: 1}
	for _, n := range shape {
		h.elements *= n
	}
	return h
}

// Len returns the number of elements.
func (h *Header) Len() int { return h.elements }

var (
	descrPattern   = regexp.MustCompile(`'descr':\s*'([<>|=]?)([a-zA-Z])(\d{0,6})'`)
	fortranPattern = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	shapePattern   = regexp.MustCompile(`'shape':\s*\(([\d,\s]*)\)`)
)

// readHeader reads up to the first byte of the values.
func readHeader(r io.Reader) (*Header, error) {
	var pre [8]byte
	if _, err := io.ReadFull(r, pre[:]); err != nil || string(pre[:6]) != Magic {
		return nil, fmt.Errorf("is not a NumPy array")
	}
	var size int64
	switch pre[6] {
	case 1:
		var b [2]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, fmt.Errorf("ends within its header")
		}
		size = int64(binary.LittleEndian.Uint16(b[:]))
	case 2, 3:
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, fmt.Errorf("ends within its header")
		}
		size = int64(binary.LittleEndian.Uint32(b[:]))
	default:
		return nil, fmt.Errorf("has NumPy format version %d; 1 to 3 are supported", pre[6])
	}
	if size > maxHeaderSize {
		return nil, fmt.Errorf("has a header of %d bytes; at most %d are supported", size, maxHeaderSize)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("ends within its header")
	}
	return parseHeader(string(text))
}

func parseHeader(text string) (*Header, error) {
	descr := descrPattern.FindStringSubmatch(text)
	fortran := fortranPattern.FindStringSubmatch(text)
	shape := shapePattern.FindStringSubmatch(text)
	if descr == nil || fortran == nil || shape == nil {
		return nil, fmt.Errorf("has a malformed or unsupported header: %.100q", text)
	}
	h := &Header{Kind: descr[2][0], Order: binary.LittleEndian, elements: 1}
	if descr[1] == ">" {
		h.Order = binary.BigEndian
	}
	h.ItemSize, _ = strconv.Atoi(descr[3])
	if h.Kind == 'U' {
		h.ItemSize *= 4
	}
	for field := range strings.SplitSeq(shape[1], ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		n, err := strconv.Atoi(field)
		if err != nil || n > 0 && h.elements > math.MaxInt32*64/n {
			return nil, fmt.Errorf("has a shape that is too large (%s)", shape[1])
		}
		h.Shape = append(h.Shape, n)
		h.elements *= n
	}
	h.fortran = fortran[1] == "True" && len(h.Shape) > 1
	return h, nil
}

// checkRowMajor refuses an array in column-major order, which only [Rows] reads.
func (h *Header) checkRowMajor() error {
	if h.fortran {
		return fmt.Errorf("is in column-major order (fortran_order); save numpy.ascontiguousarray(array)")
	}
	return nil
}

// wrongType returns an error that names the element type, what was expected, and what to do about text and objects.
func (h *Header) wrongType(want string) error {
	switch h.Kind {
	case 'O':
		return fmt.Errorf("holds pickled Python objects (dtype object), want %s; give all elements one shape and one type", want)
	case 'U', 'S':
		return fmt.Errorf("holds text (%s), want %s", h.DType(), want)
	}
	return fmt.Errorf("has type %s, want %s", h.DType(), want)
}

// CheckNumbers returns an error unless the elements are numbers, which [Rows.Float32s] can read.
func (h *Header) CheckNumbers() error {
	if floatDecoder(h) == nil {
		return h.wrongType("numbers")
	}
	return nil
}

// IsText reports whether the elements are text.
func (h *Header) IsText() bool { return (h.Kind == 'U' || h.Kind == 'S') && h.ItemSize > 0 }

// DType returns NumPy's short name of the element type, such as "f4".
func (h *Header) DType() string {
	size := h.ItemSize
	if h.Kind == 'U' {
		size /= 4
	}
	return string(h.Kind) + strconv.Itoa(size)
}
