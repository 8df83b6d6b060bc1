package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// Site is where a tensor sits in the model.
type Site int

// The sites.
const (
	Initializer       Site = iota + 1
	Constant               // an attribute of a Constant node: value, value_floats, sparse_value and others
	SparseInitializer      // the values of a sparse initializer
)

func (s Site) String() string {
	switch s {
	case Initializer:
		return "initializer"
	case Constant:
		return "constant"
	case SparseInitializer:
		return "sparse initializer"
	}
	return fmt.Sprintf("site %d", int(s))
}

// Store is how a tensor's payload is encoded.
type Store int

// The stores.
const (
	Empty      Store = iota // no payload: a tensor of zero elements
	Raw                     // TensorProto.raw_data
	FloatData               // TensorProto.float_data
	DoubleData              // TensorProto.double_data
	Int32Data               // TensorProto.int32_data: varints, also for types of fewer bits
	Int64Data               // TensorProto.int64_data
	Uint64Data              // TensorProto.uint64_data
	StringData              // TensorProto.string_data
	Attribute               // a plain attribute of a Constant node: value_float, value_ints and others
	External                // in a data file; readable after OpenWithData
)

func (s Store) String() string {
	names := [...]string{"empty", "raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data",
		"string_data", "attribute", "external"}
	if s < 0 || int(s) >= len(names) {
		return fmt.Sprintf("store %d", int(s))
	}
	return names[s]
}

// Tensor is a named array in a model. It is read-only and safe for concurrent use.
type Tensor struct {
	Name  string
	Scope string // "" in the main graph, else the path of names to its sub-graph or function
	DType DType
	Dims  []int64
	Site  Site
	Store Store
	// Indices and DenseDims are nil unless the tensor holds the values of a sparse tensor. Then Dims has their
	// number, Indices their positions, and DenseDims the shape of the dense tensor.
	Indices   *Tensor
	DenseDims []int64

	model    *Model
	number   int          // its index plus 1; see Index
	around   []wire.Field // the fields around place
	place    wire.Place   // the tensor's own field; of Store Attribute the attribute
	external *external    // nil unless Store is External
	pieces   []wire.Span  // ranges of the payload in its file, in order
	piece    [1]wire.Span // memory for a single one
	payload  payload      // nil if it cannot be read
}

// ID returns the tensor's name within its model, prefixed with its scope if it sits in a sub-graph or function.
func (t *Tensor) ID() string {
	if t.Scope == "" {
		return t.Name
	}
	return t.Scope + "/" + t.Name
}

// Index returns the index of the tensor in [Model.Tensors] of the model that it was read with; -1 for one that no file
// has.
func (t *Tensor) Index() int { return t.number - 1 }

// Len returns the number of elements.
func (t *Tensor) Len() int64 {
	n, _ := product(t.Dims)
	return n
}

// SizeBytes returns the size of the payload as ReadAt gives it, 0 if the elements have no fixed size.
func (t *Tensor) SizeBytes() int64 { return (t.Len()*t.DType.bits() + 7) / 8 }

// Readable reports whether the payload consists of fixed-size elements, so that ReadAt works.
func (t *Tensor) Readable() bool { return t.payload != nil }

// Replaceable reports whether a [Replacement] is possible: the payload is readable and is not a list of varints in an
// attribute, whose encoded size depends on the values.
func (t *Tensor) Replaceable() bool {
	return t.payload != nil && (t.Store != Attribute || t.isPlain())
}

// ReadAt sets dst to the payload's bytes from off on: elements in row-major order, little-endian, for every store;
// two 4-bit elements a byte, the first in the low half.
func (t *Tensor) ReadAt(dst []byte, off int64) error {
	if t.payload == nil || off < 0 || off+int64(len(dst)) > t.SizeBytes() {
		return errUnreadable(t, off, len(dst))
	}
	return t.payload.readAt(dst, off)
}

// Numbers returns all elements of a tensor of a floating-point type; of another type they are an error.
func (t *Tensor) Numbers() ([]float64, error) {
	codec, ok := t.DType.Codec()
	if !ok {
		return nil, fmt.Errorf("tensor %q: elements of type %s are no floating-point numbers", t.ID(), t.DType)
	}
	raw, values := make([]byte, t.SizeBytes()), make([]float64, t.Len())
	if err := t.ReadAt(raw, 0); err != nil {
		return nil, err
	}
	codec.Decode(values, raw)
	return values, nil
}

// Integers returns all elements of a tensor of type int64 or int32; of another type they are an error.
func (t *Tensor) Integers() ([]int64, error) {
	if t.DType != Int64 && t.DType != Int32 {
		return nil, fmt.Errorf("tensor %q: elements of type %s are no integers", t.ID(), t.DType)
	}
	raw := make([]byte, t.SizeBytes())
	if err := t.ReadAt(raw, 0); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.ID(), err)
	}
	list := make([]int64, t.Len())
	for i := range list {
		if t.DType == Int32 {
			list[i] = int64(int32(binary.LittleEndian.Uint32(raw[4*i:])))
		} else {
			list[i] = int64(binary.LittleEndian.Uint64(raw[8*i:]))
		}
	}
	return list, nil
}

// Location returns the data file that holds the payload, as the model names it, or "" if the model's own file does.
func (t *Tensor) Location() string {
	if t.external == nil {
		return ""
	}
	return t.external.location
}

// SharesData reports whether the payloads of t and other are the same range of one data file.
func (t *Tensor) SharesData(other *Tensor) bool {
	a, b := t.external, other.external
	return a != nil && b != nil && a.file != nil && a.file == b.file && a.offset == b.offset &&
		t.SizeBytes() == other.SizeBytes() // an empty tensor shares nothing with a payload at its offset
}

// SharedRange returns a name of the payload's range of a data file, equal for all tensors that share it; "" for a
// payload in the model's own file.
func (t *Tensor) SharedRange() string {
	if t.external == nil || t.SizeBytes() == 0 {
		return ""
	}
	return fmt.Sprintf("%s@%d", t.external.location, t.external.offset)
}

// Apart returns a tensor that shares its range of a data file with an earlier one of which same is false, or nil. A model
// in which such tensors get different payloads cannot be written with [Keep].
func (m *Model) Apart(same func(first, t *Tensor) (bool, error)) (*Tensor, error) {
	first := map[string]*Tensor{} // by range
	for _, t := range m.Tensors {
		key := t.SharedRange()
		if key == "" {
			continue
		}
		if first[key] == nil {
			first[key] = t
			continue
		}
		if equal, err := same(first[key], t); err != nil || !equal {
			return t, err
		}
	}
	return nil, nil
}

// Equal reports whether both tensors have the same elements, bit for bit. Their dtypes and shapes must be equal.
func (t *Tensor) Equal(other *Tensor) (bool, error) {
	if t.DType == String {
		return t.equalStrings(other)
	}
	if t.payload == nil || other.payload == nil {
		return t.SizeBytes() == 0 && other.SizeBytes() == 0, nil
	}
	const step = 64 << 10
	a, b := make([]byte, min(step, t.SizeBytes())), make([]byte, min(step, t.SizeBytes()))
	for off := int64(0); off < t.SizeBytes(); off += step {
		n := min(step, t.SizeBytes()-off)
		if err := t.ReadAt(a[:n], off); err != nil {
			return false, err
		}
		if err := other.ReadAt(b[:n], off); err != nil {
			return false, err
		}
		if !bytes.Equal(a[:n], b[:n]) {
			return false, nil
		}
	}
	return true, nil
}

func (t *Tensor) equalStrings(other *Tensor) (bool, error) {
	if len(t.pieces) != len(other.pieces) {
		return false, nil
	}
	for i, p := range t.pieces {
		q := other.pieces[i]
		if p.Len != q.Len {
			return false, nil
		}
		a, err := t.model.source.Read(p, math.MaxInt32)
		if err != nil {
			return false, err
		}
		b, err := other.model.source.Read(q, math.MaxInt32)
		if err != nil || !bytes.Equal(a, b) {
			return false, err
		}
	}
	return true, nil
}

// itemBytes returns the bytes of the payload that one varint of a store holds: 4-bit elements are stored in pairs.
func (t *Tensor) itemBytes() int64 { return max(1, t.DType.bits()/8) }

// numberBytes returns the size of one number of float_data or double_data. A complex element is two numbers.
func (t *Tensor) numberBytes() int64 {
	if t.DType == Float64 || t.DType == Complex128 {
		return 8
	}
	return 4
}

// storable lists the dtypes of the stores that do not accept every dtype.
var storable = map[Store][]DType{
	FloatData:  {Float32, Complex64},
	DoubleData: {Float64, Complex128},
	Int32Data: {Int32, Int16, Int8, Uint16, Uint8, Bool, Float16, BFloat16, Float8E4M3FN, Float8E4M3FNUZ, Float8E5M2,
		Float8E5M2FNUZ, Float8E8M0, Uint4, Int4, Float4E2M1, Uint2, Int2},
	Int64Data:  {Int64},
	Uint64Data: {Uint32, Uint64},
	StringData: {String},
}

// check refuses a payload that does not fit the shape, and prepares ReadAt.
func (t *Tensor) check() error {
	n, ok := product(t.Dims)
	if !ok {
		return formatf("tensor %q: shape %v is negative or too large", t.ID(), t.Dims)
	}
	bits := t.DType.bits()
	if bits > 0 && n > math.MaxInt64/bits-7 {
		return formatf("tensor %q: shape %v is too large", t.ID(), t.Dims)
	}
	if !t.storeFits() {
		return formatf("tensor %q: %s elements cannot be stored as %s", t.ID(), t.DType, t.Store)
	}
	switch t.Store {
	case External:
		return nil // checked when its file is opened
	case Empty:
		if t.SizeBytes() > 0 || t.DType == String && n > 0 {
			return formatf("tensor %q: shape %v of %s needs a payload, and has none", t.ID(), t.Dims, t.DType)
		}
		return nil
	case Int32Data, Int64Data, Uint64Data:
		return t.checkVarints()
	}
	switch t.DType {
	case String:
		if int64(len(t.pieces)) != n {
			return formatf("tensor %q: shape %v needs %d strings, has %d", t.ID(), t.Dims, n, len(t.pieces))
		}
		return nil
	case Int64:
		if t.Store == Attribute {
			return t.checkVarints()
		}
	}
	return t.checkSpans()
}

func (t *Tensor) checkVarints() error {
	item := t.itemBytes()
	v, count, err := newVarints(t.model.source, t.pieces, int(item))
	if err != nil {
		if format, ok := errors.AsType[FormatError](err); ok {
			return formatf("tensor %q: %s", t.ID(), string(format))
		}
		return asFormat(err, fmt.Sprintf("tensor %q", t.ID()))
	}
	if want := (t.SizeBytes() + item - 1) / item; count != want {
		return formatf("tensor %q: shape %v of %s needs %d numbers in %s, has %d", t.ID(), t.Dims, t.DType, want, t.Store,
			count)
	}
	t.payload = v
	return nil
}

func (t *Tensor) checkSpans() error {
	has := int64(0)
	for _, p := range t.pieces {
		if t.Store != Raw && p.Len%t.numberBytes() != 0 {
			return formatf("tensor %q: %d bytes at byte %d are not a whole number of values", t.ID(), p.Len, p.Off)
		}
		has += p.Len
	}
	if want := t.SizeBytes(); has != want {
		return formatf("tensor %q: shape %v of %s needs %d bytes, has %d", t.ID(), t.Dims, t.DType, want, has)
	}
	t.payload = (*stored)(t)
	if len(t.pieces) > 1 {
		t.payload = newPieced(t.model.source, t.pieces)
	}
	return nil
}

func (t *Tensor) storeFits() bool {
	if t.Store == Raw || t.Store == External {
		return t.DType.bits() > 0
	}
	dtypes, limited := storable[t.Store]
	if !limited {
		return true
	}
	for _, d := range dtypes {
		if d == t.DType {
			return true
		}
	}
	return false
}

// product returns the product of dims, and whether all are non-negative and the product fits an int64.
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
