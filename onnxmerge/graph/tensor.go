package graph

import (
	"fmt"
	"math"
	"sort"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// Site is where a tensor sits in the model.
type Site int

// The sites.
const (
	Initializer Site = iota + 1
	Constant         // the attribute `value` of a Constant node
)

func (s Site) String() string {
	switch s {
	case Initializer:
		return "initializer"
	case Constant:
		return "constant"
	}
	return fmt.Sprintf("site %d", int(s))
}

// Store is how a tensor's payload is encoded.
type Store int

// The stores. Raw, FloatData, DoubleData and External hold fixed-size little-endian
// elements, so they can be read and replaced.
const (
	Empty      Store = iota // no payload at all: a tensor of zero elements
	Raw                     // TensorProto.raw_data
	FloatData               // TensorProto.float_data
	DoubleData              // TensorProto.double_data
	Varints                 // TensorProto.int32_data, int64_data, uint64_data
	Strings                 // TensorProto.string_data
	External                // in a file beside the model; readable after OpenWithData
)

func (s Store) String() string {
	names := [...]string{"empty", "raw", "float_data", "double_data", "varints", "strings", "external"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("store %d", int(s))
	}
	return names[s]
}

// Tensor is a named array in a model. It is read-only; ReadAt may be called by
// several goroutines at once.
type Tensor struct {
	Name  string
	Scope string // "" in the main graph, else the path of the sub-graph it sits in
	DType DType
	Dims  []int64
	Site  Site
	Store Store

	model    *Model
	within   []wire.Field // the fields around the payload's; the last is the tensor itself
	external *external    // nil unless Store is External
	source   *wire.Source // of the file that has the payload
	chunks   []wire.Span  // the payload, in order
	starts   []int64      // payload offset of each chunk, where there are several
}

// ID names the tensor within its model: its name, after its scope if it sits in a
// sub-graph.
func (t *Tensor) ID() string {
	if t.Scope == "" {
		return t.Name
	}
	return t.Scope + "/" + t.Name
}

// Len returns the number of elements.
func (t *Tensor) Len() int64 {
	n, _ := product(t.Dims)
	return n
}

// SizeBytes returns the size of the payload, 0 if its elements have no fixed size.
func (t *Tensor) SizeBytes() int64 { return (t.Len()*t.DType.bits() + 7) / 8 }

// Readable reports whether the payload is a run of fixed-size elements, so that
// ReadAt and [Replacement] work on it.
func (t *Tensor) Readable() bool {
	switch t.Store {
	case Raw, FloatData, DoubleData:
		return true
	case External:
		return t.external.source != nil
	}
	return false
}

// ReadAt fills dst with the payload's bytes from off on: elements in row-major
// order, little-endian, whatever the store.
func (t *Tensor) ReadAt(dst []byte, off int64) error {
	if !t.Readable() || off < 0 || off+int64(len(dst)) > t.SizeBytes() {
		return fmt.Errorf("graph: bytes %d to %d of %s tensor %q are not readable", off, off+int64(len(dst)), t.Store, t.ID())
	}
	i := 0
	if len(t.chunks) > 1 {
		i = sort.Search(len(t.starts), func(i int) bool { return t.starts[i] > off }) - 1
	}
	for len(dst) > 0 {
		c := t.chunks[i]
		skip := off - t.start(i)
		n := min(int64(len(dst)), c.Len-skip)
		if _, err := t.source.ReadAt(dst[:n], c.Off+skip); err != nil {
			return err
		}
		dst, off, i = dst[n:], off+n, i+1
	}
	return nil
}

func (t *Tensor) start(chunk int) int64 {
	if len(t.chunks) == 1 {
		return 0
	}
	return t.starts[chunk]
}

// check refuses a payload that does not fit the shape, and prepares ReadAt.
func (t *Tensor) check() error {
	n, ok := product(t.Dims)
	if !ok {
		return formatf("tensor %q: shape %v is negative or too large", t.ID(), t.Dims)
	}
	if bits := t.DType.bits(); bits > 0 && n > math.MaxInt64/bits-7 {
		return formatf("tensor %q: shape %v is too large", t.ID(), t.Dims)
	}
	if !t.Readable() && (t.Store != Empty || t.SizeBytes() == 0) {
		return nil
	}
	if !t.storeFits() {
		return formatf("tensor %q: %s elements cannot be stored as %s", t.ID(), t.DType, t.Store)
	}
	has := int64(0)
	if len(t.chunks) > 1 {
		t.starts = make([]int64, len(t.chunks))
	}
	for i, c := range t.chunks {
		if t.starts != nil {
			t.starts[i] = has
		}
		if c.Len*8%t.DType.bits() != 0 {
			return formatf("tensor %q: %d bytes at byte %d are no whole number of elements", t.ID(), c.Len, c.Off)
		}
		has += c.Len
	}
	if want := t.SizeBytes(); has != want {
		return formatf("tensor %q: shape %v of %s needs %d bytes, has %d", t.ID(), t.Dims, t.DType, want, has)
	}
	return nil
}

func (t *Tensor) storeFits() bool {
	switch t.Store {
	case FloatData: // also complex64, as pairs
		return t.DType == Float32 || t.DType == Complex64
	case DoubleData:
		return t.DType == Float64 || t.DType == Complex128
	case Raw:
		return t.DType.bits() > 0
	}
	return true // no payload
}

// product multiplies dims and reports whether all are non-negative and the product
// fits.
func product(dims []int64) (n int64, ok bool) {
	n = 1
	zero := false
	for _, d := range dims {
		switch {
		case d < 0:
			return 0, false
		case d == 0:
			zero = true
		case n > math.MaxInt64/d:
			return 0, false
		default:
			n *= d
		}
	}
	if zero {
		return 0, true
	}
	return n, true
}
