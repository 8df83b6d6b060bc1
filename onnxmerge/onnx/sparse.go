package onnx

import (
	"encoding/binary"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// scanSparse reads a SparseTensorProto as the tensor of its values.
func (s *scanner) scanSparse(sf wire.Field, within []wire.Field) (*Tensor, error) {
	if err := bytesField(sf); err != nil {
		return nil, err
	}
	within = append(within[:len(within):len(within)], sf)
	var values, indices *Tensor
	dense := []int64{}
	for f, err := range s.source.Fields(sf.Body) {
		if err != nil {
			return nil, err
		}
		switch f.Num {
		case sparseValues:
			values, err = s.scanTensor(f, within)
		case sparseIndices:
			indices, err = s.scanTensor(f, within)
		case sparseDims:
			dense, err = s.scanDims(dense, f)
		}
		if err != nil {
			return nil, err
		}
	}
	if values == nil || indices == nil {
		return nil, formatf("the sparse tensor at byte %d lacks its values or indices", sf.Start)
	}
	values.Indices, values.DenseDims = indices, dense
	indices.Name = values.Name + " (indices)"
	return values, values.checkSparse()
}

// checkSparse refuses indices that do not fit the values: one index per value, or one per value and axis.
func (t *Tensor) checkSparse() error {
	if _, ok := product(t.DenseDims); !ok {
		return formatf("sparse tensor %q: shape %v is negative or too large", t.Name, t.DenseDims)
	}
	ix := t.Indices
	if len(t.Dims) != 1 {
		return formatf("sparse tensor %q: its values have shape %v, want one axis", t.Name, t.Dims)
	}
	flat := len(ix.Dims) == 1 && ix.Dims[0] == t.Dims[0]
	rows := len(ix.Dims) == 2 && ix.Dims[0] == t.Dims[0] && ix.Dims[1] == int64(len(t.DenseDims))
	if ix.DType != Int64 || !flat && !rows {
		return formatf("sparse tensor %q: %s indices of shape %v do not fit %d values of shape %v",
			t.Name, ix.DType, ix.Dims, t.Dims[0], t.DenseDims)
	}
	return nil
}

// indexBlock is the number of values whose indices are read at once.
const indexBlock = 4 << 10

// checkIndices refuses indices that lie outside of the dense shape, or that do not ascend: runtimes write values to
// the places that they name. Indices in a data file that is not open are not checked.
func (m *Model) checkIndices() error {
	for _, t := range m.Tensors {
		if t.Indices == nil || !t.Indices.Readable() {
			continue
		}
		if err := t.checkIndices(); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tensor) checkIndices() error {
	bounds := t.DenseDims // of the columns of the indices
	if len(t.Indices.Dims) == 1 {
		n, _ := product(t.DenseDims) // checked by checkSparse
		bounds = []int64{n}
	}
	width := len(bounds)
	block := make([]byte, indexBlock*8*max(1, width))
	var last []int64
	row := make([]int64, width)
	for i := range t.Dims[0] {
		if at := int(i % indexBlock); at == 0 {
			n := min(indexBlock, t.Dims[0]-i) * 8 * int64(width)
			if err := t.Indices.ReadAt(block[:n], i*8*int64(width)); err != nil {
				return err
			}
		}
		for k := range row {
			at := (int(i%indexBlock)*width + k) * 8
			row[k] = int64(binary.LittleEndian.Uint64(block[at:]))
			if row[k] < 0 || row[k] >= bounds[k] {
				return formatf("sparse tensor %q: index %v of value %d lies outside of shape %v", t.ID(), row[k], i, t.DenseDims)
			}
		}
		if last != nil && slices.Compare(last, row) >= 0 {
			return formatf("sparse tensor %q: index %v of value %d does not follow %v; indices must ascend", t.ID(), row, i,
				last)
		}
		last = append(last[:0], row...)
	}
	return nil
}
