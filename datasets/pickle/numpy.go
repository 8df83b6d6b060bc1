package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/internal/pickle"
)

// numpy interprets the calls of the functions by which numpy builds its objects, and refuses all others.
type numpy struct{ r io.ReaderAt }

func (n numpy) call(function pickle.Global, args Tuple) (any, error) {
	switch strings.Replace(string(function), "numpy._core", "numpy.core", 1) {
	case "numpy.core.multiarray._reconstruct":
		return &Array{}, nil
	case "numpy.dtype":
		return newDataType(args)
	case "numpy.core.multiarray.scalar":
		return n.scalar(args)
	}
	return nil, fmt.Errorf("calls %q; only NumPy's constructors are supported; save the data with numpy.savez", function)
}

// newDataType reads the first argument of numpy.dtype, such as "f4".
func newDataType(args Tuple) (*dataType, error) {
	if len(args) == 0 {
		return nil, errors.New("has a numpy dtype without a name")
	}
	name, _ := args[0].(string)
	if len(name) < 2 || strings.IndexByte("fiu", name[0]) < 0 {
		return nil, fmt.Errorf("holds numpy values of type %q; floats and integers are supported", name)
	}
	size, err := strconv.Atoi(name[1:])
	if err != nil || size != 1 && size != 2 && size != 4 && size != 8 {
		return nil, fmt.Errorf("holds numpy values of type %q; floats and integers are supported", name)
	}
	return &dataType{name[0], size, binary.LittleEndian}, nil
}

// scalar reads a numpy integer: type and bytes.
func (n numpy) scalar(args Tuple) (any, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("has a numpy scalar with %d arguments, want 2", len(args))
	}
	t, ok1 := args[0].(*dataType)
	s, ok2 := args[1].(pickle.Span)
	if !ok1 || !ok2 || t.kind == 'f' || s.Size != int64(t.size) {
		return nil, errors.New("has a numpy scalar that is not an integer of its dtype's size")
	}
	b := make([]byte, t.size)
	if _, err := n.r.ReadAt(b, s.Off); err != nil {
		return nil, err
	}
	v := Integer(b, t.kind, t.order)
	if t.kind == 'u' && v < 0 {
		return nil, fmt.Errorf("holds %d, which is beyond the integers of 64 bits with a sign", uint64(v))
	}
	return v, nil
}

// Integer decodes an integer of 1 to 8 bytes: a value of an [Array] whose Kind is 'i' or 'u'.
func Integer(b []byte, kind byte, order binary.ByteOrder) int64 {
	var v uint64
	for i, x := range b {
		if order == binary.BigEndian {
			i = len(b) - 1 - i
		}
		v |= uint64(x) << (8 * i)
	}
	if shift := 64 - 8*len(b); kind == 'i' {
		return int64(v<<shift) >> shift
	}
	return int64(v)
}

// SetState reads version, byte order and further fields.
func (t *dataType) SetState(state any) error {
	if list, _ := state.(Tuple); len(list) > 1 && list[1] == ">" {
		t.order = binary.BigEndian
	}
	return nil
}

// SetState reads version, shape, type, whether it is by columns, and values.
func (a *Array) SetState(object any) error {
	state, _ := object.(Tuple)
	if len(state) != 5 {
		return fmt.Errorf("has a numpy array with a state of %d fields, want 5", len(state))
	}
	shape, ok1 := state[1].(Tuple)
	t, ok2 := state[2].(*dataType)
	byColumns, ok3 := state[3].(bool)
	values, ok4 := state[4].(pickle.Span)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return errors.New("has a numpy array whose state is not (version, shape, dtype, order, bytes); save it with " +
			"pickle protocol 4")
	}
	if byColumns && len(shape) > 1 {
		return errors.New("has an array in column-major order, which is not supported")
	}
	need := int64(t.size)
	a.Shape = nil
	for _, n := range shape {
		extent, ok := n.(int64)
		if !ok || extent < 0 || extent > 0 && need > values.Size/extent {
			return fmt.Errorf("array of shape %v and type %c%d does not match its %d bytes", shape, t.kind, t.size, values.Size)
		}
		need *= extent
		a.Shape = append(a.Shape, int(extent))
	}
	if need != values.Size {
		return fmt.Errorf("array of shape %v and type %c%d does not match its %d bytes", shape, t.kind, t.size, values.Size)
	}
	a.Kind, a.ItemSize, a.Order, a.Offset = t.kind, t.size, t.order, values.Off
	return nil
}
