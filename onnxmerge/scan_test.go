package onnxmerge

import (
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// counting reads a tensor whose element i is i modulo 1,024.
func counting(m *mixer) reader {
	return func(dst []byte, off int64) error {
		v := make([]float64, len(dst)*8/m.codec.Bits)
		for i := range v {
			v[i] = float64((off*8/int64(m.codec.Bits) + int64(i)) % 1024)
		}
		m.codec.Encode(dst, v)
		return nil
	}
}

// follower is a Part that checks that the elements of its stretch arrive once, in order, and with the values of
// counting.
type follower struct {
	t    *testing.T
	from int64 // index of the stretch's first element
	n    int64 // elements received
}

func (f *follower) Add(src [][]float64, off int64) {
	if f.n == 0 {
		f.from = off
	}
	for i, v := range src[0] {
		if at := f.from + f.n; off+int64(i) != at || v != float64(at%1024) {
			f.t.Errorf("element %d is shown as %g, %d after the stretch's first", off+int64(i), v, f.n)
		}
		f.n++
	}
}

// A scan passes every element once and in order, also if the tensor is one element longer than a block, a read or a
// stretch.
func TestScanSeesTheLastElement(t *testing.T) {
	t.Parallel()
	for _, dtype := range []onnx.DType{onnx.Float32, onnx.Float16} {
		for _, granule := range []int64{1, 3, 1000} {
			block := int64(blockOf(granule))
			read := block * max(1, onnx.BlockSize*8/int64(dtype.Bits())/block)
			stretch := granule * (stretchLen / granule)
			for _, n := range []int64{1, block, block + 1, read, read + 1, stretch, stretch + 1, 2*stretch + read + 1} {
				m := &mixer{dst: &onnx.Tensor{Name: "w", DType: dtype, Dims: []int64{n}}}
				m.codec, _ = dtype.Codec()
				m.sources = []input{newInput(counting(m), dtype)}
				m.pool.New = func() any { return newScratch(1) }
				seen := int64(0)
				scan := scanner(t.Context(), []*mixer{m}, 2)
				err := scan(granule, func() method.Part { return &follower{t: t} }, func(p method.Part) {
					f := p.(*follower)
					if f.from != seen {
						t.Errorf("a stretch begins at %d, after one that ended at %d", f.from, seen)
					}
					seen += f.n
				})
				if err != nil || seen != n {
					t.Errorf("%s, granule %d: %d of %d elements are seen (%v)", dtype, granule, seen, n, err)
				}
			}
		}
	}
}
