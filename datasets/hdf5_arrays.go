package datasets

import (
	"context"
	"io"
	"slices"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/internal/h5"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/internal/output"
)

// published reports whether an HDF5 file is read as the published sets of clouds are: it has label and data of three
// axes, and neither names of arrays nor several inputs of a model are given.
func published(path string, opt OpenOptions) (is bool, err error) {
	if opt.Samples != "" || opt.Target != "" || len(opt.Inputs) > 1 {
		return false, nil
	}
	err = withFile(path, func(r io.ReaderAt, size int64) error {
		file, err := h5.Open(r, size)
		if err != nil {
			return err
		}
		if is = file.Has("data") && file.Has("label"); is {
			data, err := file.Array("data")
			is = err != nil || len(data.Shape) == 3 // what is wrong is said when it is read
		}
		return nil
	})
	return is, err
}

// openHDF5Arrays opens an HDF5 file with arrays of any names and types, as an NPZ file with such arrays is opened.
func openHDF5Arrays(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	s := &arraySet{info: Info{Name: path, Format: "hdf5"}, path: path, hashed: []string{path}}
	return s.open(ctx, func(r io.ReaderAt, size int64) error {
		file, err := h5.Open(r, size)
		if err != nil {
			return err
		}
		return s.index(hdf5Arrays{file}, opt)
	})
}

// hdf5Arrays are the arrays in the root group of an HDF5 file. It implements [arrays.Source].
type hdf5Arrays struct{ file *h5.File }

var _ arrays.Source = hdf5Arrays{}

// Names implements arrays.Source.
func (a hdf5Arrays) Names() []string { return slices.Sorted(slices.Values(a.file.Names())) }

// Header implements arrays.Source.
func (a hdf5Arrays) Header(name string) (*npy.Header, error) {
	array, err := a.file.Array(name)
	if err != nil {
		return nil, err
	}
	kind, size, order := array.Element()
	return npy.NewHeader(kind, size, order, array.Shape), nil
}

// Rows implements arrays.Source. All chunks are decoded at once.
func (a hdf5Arrays) Rows(name string) (*npy.Rows, error) {
	h, err := a.Header(name)
	if err != nil {
		return nil, err
	}
	array, err := a.file.Array(name)
	if err != nil {
		return nil, err
	}
	if err := array.Check(); err != nil {
		return nil, err
	}
	values, n := &output.Spool{}, 1
	if len(h.Shape) > 0 {
		n = h.Shape[0]
	}
	for from, step := 0, max(1, array.RowsTogether()); from < n; from += step {
		block, err := array.Bytes(from, min(step, n-from))
		if err == nil {
			_, err = values.Write(block)
		}
		if err != nil {
			_ = values.Close()
			return nil, err
		}
	}
	return npy.NewRows(h, values)
}
