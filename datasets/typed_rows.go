package datasets

import (
	"fmt"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/datasets/typed"
)

// numpyTypes are the element types of NumPy's dtypes, by kind and bytes of an element. V2 is how NumPy stores the
// bfloat16 of other packages, for which it has no name.
var numpyTypes = map[string]typed.Type{
	"f2": typed.Float16, "f4": typed.Float32, "f8": typed.Float64, "V2": typed.BFloat16, "b1": typed.Bool,
	"i1": typed.Int8, "i2": typed.Int16, "i4": typed.Int32, "i8": typed.Int64,
	"u1": typed.Uint8, "u2": typed.Uint16, "u4": typed.Uint32, "u8": typed.Uint64,
}

// typeOf returns the element type of a NumPy array; Undefined if there is none.
func typeOf(h *npy.Header) typed.Type {
	if h.IsText() {
		return typed.String
	}
	return numpyTypes[fmt.Sprintf("%c%d", h.Kind, h.ItemSize)]
}

// readTyped sets the type and the elements of dst to n elements of rows from element from on. Its shape is the
// caller's.
func readTyped(dst *typed.Array, rows *npy.Rows, from, n int) (err error) {
	dst.Type, dst.Data, dst.Text = typeOf(rows.Header), dst.Data[:0], dst.Text[:0]
	switch dst.Type {
	case typed.Undefined:
		return fmt.Errorf("has type %s, which no input takes", rows.DType())
	case typed.String:
		dst.Text, err = rows.AppendTexts(dst.Text, from, n)
	default:
		dst.Data, err = rows.AppendBytes(dst.Data, from, n)
	}
	if dst.Type == typed.Bool { // a byte that NumPy does not write would be a third value
		for i, b := range dst.Data {
			dst.Data[i] = min(b, 1)
		}
	}
	return err
}
