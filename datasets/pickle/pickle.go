// Package pickle reads the numbers in a Python pickle without running it: dictionaries, lists, tuples, text,
// integers and numpy arrays, which is what data sets are cached with.
//
// A pickle is a program that may call any Python function. The only functions that this reader interprets are the three
// by which numpy builds its objects: numpy.core.multiarray._reconstruct, numpy.core.multiarray.scalar and numpy.dtype.
// Any other call is an error that names the function.
//
// The values of arrays stay in the file: an [Array] holds their offset and type, so that memory grows with the
// number of objects, at most 4 Mi operations, and not with the size of arrays. A text may have 64 KiB.
package pickle

import (
	"encoding/binary"
	"io"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/pickle"
)

// Array is a numpy array of numbers in row-major order. Its values lie in the file.
type Array struct {
	Shape    []int            // extents; empty for an array without axes
	Kind     byte             // 'f' floating point, 'i' signed or 'u' unsigned integer
	ItemSize int              // bytes of one value: 1, 2, 4 or 8
	Order    binary.ByteOrder // of the bytes of a value
	Offset   int64            // of the first value, in bytes from the start of the file
}

type (
	// Dict is a dictionary. Items whose keys are no text are left out.
	Dict = pickle.Dict
	// List is a list.
	List = pickle.List
	// Tuple is a tuple.
	Tuple = pickle.Tuple
)

// dataType is a numpy dtype.
type dataType struct {
	kind  byte
	size  int
	order binary.ByteOrder
}

// Read returns the object that the pickle in r, of size bytes, builds: a *Dict, *List, Tuple, *Array, int64,
// string, float64, bool or nil. The error has the kind Input of wiseft.KindOf and names the offset at which
// the pickle is malformed or not supported.
func Read(r io.ReaderAt, size int64) (any, error) {
	v, err := pickle.Read(r, size, pickle.Options{Call: numpy{r}.call})
	if err != nil {
		return nil, fault.Inputf("%w", err)
	}
	return v, nil
}
