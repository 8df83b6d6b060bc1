package mapping

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// An expression whose tensors are in memory reads no others, and has the same elements.
func TestInMemory(t *testing.T) {
	t.Parallel()
	v, list := partCases(t)
	for _, e := range list {
		size, err := v.bytesInMemory(e)
		if err != nil {
			t.Fatal(err)
		}
		v.reserve = &reserve{half: (size + 1) / 2}
		dtype := onnx.Float32
		if e.Op == Half {
			dtype = onnx.Float16
		}
		want, err := v.evaluate(e, dtype)
		if err != nil {
			t.Fatal(err)
		}
		held, free, err := v.inMemory(e)
		if err != nil || held == nil {
			t.Fatalf("%s: not in memory (%v)", e, err)
		}
		if again, _, err := v.inMemory(e); size > 0 && again != nil || err != nil {
			t.Errorf("%s: in memory twice, where there is space for one (%v)", e, err)
		}
		alone := v
		alone.lookup = func(name string) *checkpoint.Tensor {
			if name == "w" || name == "d" { // norms are read where they are
				t.Errorf("%s: reads %q, which is in memory", e, name)
			}
			return v.lookup(name)
		}
		got, err := alone.evaluate(held, dtype)
		if err != nil || !bytes.Equal(got.data, want.data) {
			t.Errorf("%s: elements differ (%v)", e, err)
		}
		free()
	}
}

// The payload of a transposed matrix is in the reserve while it is read, as tensors or as windows, whatever the order, and not
// afterwards.
func TestPayloadInReserve(t *testing.T) {
	t.Parallel()
	const rows, columns, block = 1100, 1000, 256 << 10
	data := make([]byte, 4*rows*columns)
	for i := range rows * columns {
		binary.LittleEndian.PutUint32(data[4*i:], uint32(i))
	}
	reads := 0
	c, err := checkpoint.New("", []*checkpoint.Tensor{checkpoint.NewTensor("w", onnx.Float32, []int64{rows, columns},
		func(dst []byte, off int64) error {
			reads++
			copy(dst, data[off:])
			return nil
		})})
	if err != nil {
		t.Fatal(err)
	}
	e := &Expression{Op: Transpose, Args: []*Expression{{Op: Tensor, Name: "w"}}, Perm: []int{1, 0}}
	for _, k := range []struct {
		memory int64
		r      *reserve
		most   int // reads
	}{
		{32 << 20, Limits{MemoryBytes: 32 << 20}.newReserve(c), 2 * len(data) / (4 * readElements)},
		{8 << 20, Limits{MemoryBytes: 8 << 20}.newReserve(c), 10 * rows}, // in columns
		{32 << 20, nil, 10 * rows},
	} {
		reads = 0
		v := evaluator{lookup: c.Lookup}
		v.limits.MemoryBytes, v.reserve = k.memory, k.r
		fill := newPayload(v, e, onnx.Float32, []int64{columns, rows})
		dst := make([]byte, block)
		for off := 0; off < len(data); off += block {
			part := dst[:min(block, len(data)-off)]
			if err := fill(part, int64(off)); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(part); i += 4 {
				at := (off + i) / 4
				if got, want := binary.LittleEndian.Uint32(part[i:]), uint32(at%rows*columns+at/rows); got != want {
					t.Fatalf("with %d bytes of memory: element %d is %d, want %d", k.memory, at, got, want)
				}
			}
			if used := k.r != nil && (k.r.taken[0] || k.r.taken[1]); off == 0 && used != (k.r != nil) {
				t.Errorf("with %d bytes of memory: the reserve is used is %v", k.memory, used)
			}
		}
		if reads > k.most {
			t.Errorf("with %d bytes of memory: %d reads, want %d at most", k.memory, reads, k.most)
		}
		if k.r != nil && (k.r.taken[0] || k.r.taken[1]) {
			t.Errorf("with %d bytes of memory: the reserve is taken after all was read", k.memory)
		}
	}
}

// Buffers have the requested size, and at most a fifth more.
func TestScratch(t *testing.T) {
	t.Parallel()
	last := 0
	for size := int64(1); size < 1<<40; size += 1 + size/7 {
		class, bytes := sizeClass(size)
		again, same := sizeClass(bytes)
		if bytes < size || bytes > max(size+size/4, 4) || class < last || class >= len(scratches) || again != class || same != bytes {
			t.Fatalf("%d bytes: class %d of %d bytes after class %d, which has class %d", size, class, bytes, last, again)
		}
		last = class
	}
	for _, size := range []int64{0, 1, 100, 1 << 20} {
		b := takeScratch(size)
		if int64(len(b)) != size {
			t.Errorf("a buffer of %d bytes, want %d", len(b), size)
		}
		giveScratch(b)
	}
}
