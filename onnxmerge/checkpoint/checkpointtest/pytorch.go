// Package checkpointtest writes PyTorch checkpoints for tests, as torch.save lays them out.
package checkpointtest

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
)

// Storage is the bytes of one or more tensors.
type Storage struct {
	Class  string // of torch, without "Storage": "Float"
	Item   int    // bytes of an element
	Method uint16 // of package archive/zip; torch.save uses zip.Store, which is 0
	Data   []byte
}

// Tensor is elements of a storage.
type Tensor struct {
	Name    string
	Storage string // its key
	Offset  int64  // of the first element
	Dims    []int64
	Strides []int64 // in elements; nil for those of row-major order
}

// PyTorch returns a checkpoint whose pickle is a dictionary of the tensors. The zip archive's entries follow each other without the
// padding that torch.save has, so that elements lie at any offset.
func PyTorch(t testing.TB, storages map[string]Storage, tensors []Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, method uint16, data []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "archive/" + name, Method: method})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("data.pkl", zip.Store, encodePickle(storages, tensors))
	var keys []string
	for key := range storages {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		add("data/"+key, storages[key].Method, storages[key].Data)
	}
	add("version", zip.Store, []byte("3\n"))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// encodePickle returns a pickle of protocol 2.
func encodePickle(storages map[string]Storage, tensors []Tensor) []byte {
	p := pickler("\x80\x02}(")
	for _, x := range tensors {
		s := storages[x.Storage]
		p.text(x.Name)
		p = append(p, "ctorch._utils\n_rebuild_tensor_v2\n(("...)
		p.text("storage")
		p = append(p, "ctorch\n"+s.Class+"Storage\n"...)
		p.text(x.Storage)
		p.text("cpu")
		p.integer(int64(len(s.Data) / s.Item))
		p = append(p, "tQ"...)
		p.integer(x.Offset)
		p.integers(x.Dims)
		strides := x.Strides
		if strides == nil {
			strides = rowMajor(x.Dims)
		}
		p.integers(strides)
		p = append(p, "\x89ccollections\nOrderedDict\n)RtR"...)
	}
	return append(p, "u."...)
}

// rowMajor returns the strides of elements in row-major order.
func rowMajor(dims []int64) []int64 {
	strides, n := make([]int64, len(dims)), int64(1)
	for i, d := range slices.Backward(dims) {
		strides[i] = n
		n *= d
	}
	return strides
}

// pickler is a pickle that is being written.
type pickler []byte

func (p *pickler) text(s string) {
	*p = append(binary.LittleEndian.AppendUint32(append(*p, 'X'), uint32(len(s))), s...)
}

func (p *pickler) integer(n int64) {
	*p = binary.LittleEndian.AppendUint64(append(*p, 0x8a, 8), uint64(n))
}

func (p *pickler) integers(list []int64) {
	*p = append(*p, '(')
	for _, n := range list {
		p.integer(n)
	}
	*p = append(*p, 't')
}
