package pickle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// reduce interprets a call of one of the functions by which numpy builds its objects, and refuses all others.
func (p *parser) reduce() error {
	args, err1 := p.pop()
	function, err2 := p.pop()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	list, ok := args.(Tuple)
	name, isGlobal := function.(global)
	if !ok || !isGlobal {
		return errors.New("calls an object that is not a function")
	}
	switch strings.Replace(string(name), "numpy._core", "numpy.core", 1) {
	case "numpy.core.multiarray._reconstruct":
		p.push(&Array{})
		return nil
	case "numpy.dtype":
		t, err := newDataType(list)
		p.push(t)
		return err
	case "numpy.core.multiarray.scalar":
		v, err := p.scalar(list)
		p.push(v)
		return err
	}
	return fmt.Errorf("calls %q; only NumPy's constructors are supported; save the data with numpy.savez", name)
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
func (p *parser) scalar(args Tuple) (any, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("has a numpy scalar with %d arguments, want 2", len(args))
	}
	t, ok1 := args[0].(*dataType)
	s, ok2 := args[1].(span)
	if !ok1 || !ok2 || t.kind == 'f' || s.size != int64(t.size) {
		return nil, errors.New("has a numpy scalar that is not an integer of its dtype's size")
	}
	b := make([]byte, t.size)
	if _, err := p.r.ReadAt(b, s.off); err != nil {
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

// build sets the state of the object below the top of the stack.
func (p *parser) build() error {
	state, err := p.pop()
	if err != nil {
		return err
	}
	if len(p.stack) == 0 {
		return errors.New("sets the state of an object, but the stack is empty")
	}
	list, _ := state.(Tuple)
	switch v := p.stack[len(p.stack)-1].(type) {
	case *dataType: // version, byte order, …
		if len(list) > 1 && list[1] == ">" {
			v.order = binary.BigEndian
		}
		return nil
	case *Array: // version, shape, type, by columns, values
		return v.setState(list)
	}
	return errors.New("sets the state of an object that is neither a numpy dtype nor a numpy array")
}

func (a *Array) setState(state Tuple) error {
	if len(state) != 5 {
		return fmt.Errorf("has a numpy array with a state of %d fields, want 5", len(state))
	}
	shape, ok1 := state[1].(Tuple)
	t, ok2 := state[2].(*dataType)
	byColumns, ok3 := state[3].(bool)
	values, ok4 := state[4].(span)
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
		if !ok || extent < 0 || extent > 0 && need > values.size/extent {
			return fmt.Errorf("array of shape %v and type %c%d does not match its %d bytes", shape, t.kind, t.size, values.size)
		}
		need *= extent
		a.Shape = append(a.Shape, int(extent))
	}
	if need != values.size {
		return fmt.Errorf("array of shape %v and type %c%d does not match its %d bytes", shape, t.kind, t.size, values.size)
	}
	a.Kind, a.ItemSize, a.Order, a.Offset = t.kind, t.size, t.order, values.off
	return nil
}
