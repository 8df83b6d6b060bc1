package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint/checkpointtest"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// onDisk returns a file of the system with some contents, and its size.
func onDisk(t *testing.T, data []byte) (*File, int64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return NewFile(f, int64(len(data))), int64(len(data))
}

func openOnDisk(t *testing.T, data []byte) *Checkpoint {
	t.Helper()
	c, err := Open(onDisk(t, data))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// compareViews compares ranges of a tensor in memory with what is read. There must be views if want is set, and none if not.
func compareViews(t *testing.T, x *Tensor, want bool) {
	t.Helper()
	size := x.SizeBytes()
	all := make([]byte, size)
	if err := x.ReadAt(all, 0); err != nil {
		t.Errorf("%s: %v", x.Name, err)
		return
	}
	for _, r := range [][2]int64{{0, size}, {0, 1}, {size - 1, 1}, {size / 3, size / 2}} {
		v := x.View(r[0], r[1])
		if (v != nil) != want {
			t.Errorf("%s: a view of %d bytes from %d on is given is %v, want %v", x.Name, r[1], r[0], v != nil, want)
		}
		if v == nil {
			continue
		}
		same := false
		err := v.Use(func(data []byte) { same = bytes.Equal(data, all[r[0]:r[0]+r[1]]) })
		if err := errors.Join(err, v.Close()); err != nil || !same {
			t.Errorf("%s: a view of %d bytes from %d on has other bytes than are read (%v)", x.Name, r[1], r[0], err)
		}
	}
	for _, r := range [][2]int64{{-1, 1}, {0, size + 1}, {size, 1}} {
		if v := x.View(r[0], r[1]); v != nil {
			t.Errorf("%s: a view of %d bytes from %d on of %d", x.Name, r[1], r[0], size)
			_ = v.Close()
		}
	}
}

func skipWithoutViews(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no files in memory on this system")
	}
}

// bytesFrom returns n bytes that depend on the seed.
func bytesFrom(seed byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7+i>>8) ^ seed
	}
	return b
}

// Tensors of a PyTorch checkpoint whose elements lie in row-major order are had in memory, wherever in their storage they begin; others
// are not: their bytes in the file are in another order, or not theirs alone.
func TestViewsOfPyTorch(t *testing.T) {
	t.Parallel()
	skipWithoutViews(t)
	storages := map[string]checkpointtest.Storage{
		"0": {Class: "Float", Item: 4, Data: bytesFrom(1, 4*60)}, "1": {Class: "Half", Item: 2, Data: bytesFrom(2, 2*7)},
		"2": {Class: "Double", Item: 8, Data: bytesFrom(3, 8*24)},
	}
	cases := []struct {
		tensor checkpointtest.Tensor
		viewed bool
	}{
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{6, 10}}, true},
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{3, 7}, Offset: 11}, true},
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{3, 7}, Offset: 39}, true}, // to the end
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{1, 7}, Strides: []int64{50, 1}, Offset: 53}, true},
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{}, Offset: 59}, true},
		{checkpointtest.Tensor{Storage: "1", Dims: []int64{7}}, true},
		{checkpointtest.Tensor{Storage: "2", Dims: []int64{2, 3, 4}}, true},
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{10, 6}, Strides: []int64{1, 10}}, false},           // transposed
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{7, 7}, Strides: []int64{1, 7}, Offset: 3}, false},  // a square
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{3, 5}, Strides: []int64{10, 1}, Offset: 2}, false}, // columns
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{3, 10}, Strides: []int64{20, 1}}, false},           // every other row
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{30}, Strides: []int64{2}}, false},
		{checkpointtest.Tensor{Storage: "0", Dims: []int64{3, 4}, Strides: []int64{0, 1}}, false}, // one row, repeated
		{checkpointtest.Tensor{Storage: "2", Dims: []int64{1, 2, 3, 4}, Strides: []int64{24, 1, 8, 2}}, false},
	}
	var list []checkpointtest.Tensor
	for i := range cases {
		cases[i].tensor.Name = fmt.Sprint("t", i)
		list = append(list, cases[i].tensor)
	}
	data := checkpointtest.PyTorch(t, storages, list)
	c, inMemory := openOnDisk(t, data), openBytes(t, data)
	for _, k := range cases {
		x := c.Lookup(k.tensor.Name)
		s := storages[k.tensor.Storage]
		if got := make([]byte, s.Item); x.ReadAt(got, 0) != nil || !bytes.Equal(got, s.Data[k.tensor.Offset*int64(s.Item):][:s.Item]) {
			t.Errorf("%s: the first element is %x", x.Name, got)
		}
		compareViews(t, x, k.viewed)
		compareViews(t, inMemory.Lookup(x.Name), false)
	}
}

func openBytes(t *testing.T, data []byte) *Checkpoint {
	t.Helper()
	c, err := open(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Elements of another byte order, and those of a compressed entry, are not in the file as they are read.
func TestNoViewsOfOtherBytes(t *testing.T) {
	t.Parallel()
	skipWithoutViews(t)
	big := openOnDisk(t, readFile(t, "testdata/big.pth"))
	if len(big.Tensors) == 0 {
		t.Fatal("no tensors")
	}
	for _, x := range big.Tensors {
		if x.SizeBytes() > 0 && x.View(0, x.SizeBytes()) != nil {
			t.Errorf("%s: a view of elements in another byte order", x.Name)
		}
	}
	data := checkpointtest.PyTorch(t, map[string]checkpointtest.Storage{
		"0": {Class: "Float", Item: 4, Data: bytesFrom(1, 400)}, "1": {Class: "Float", Item: 4, Data: make([]byte, 400), Method: zip.Deflate},
	}, []checkpointtest.Tensor{{Name: "a", Storage: "0", Dims: []int64{100}}, {Name: "b", Storage: "1", Dims: []int64{100}}})
	if _, err := Open(onDisk(t, data)); err == nil || !strings.Contains(err.Error(), `"archive/data/1" is compressed`) {
		t.Errorf("error %v of a compressed storage", err)
	}
}

// The tensors of a checkpoint in several files are views of the file that has them.
func TestViewsOfShards(t *testing.T) {
	t.Parallel()
	skipWithoutViews(t)
	names := map[string]string{}
	files := map[string]*File{}
	sizes := map[string]int64{}
	for i, tensors := range [][]string{{"module.a", "module.b"}, {"module.c"}} {
		var list []Output
		file := fmt.Sprintf("m-%d.safetensors", i)
		for j, name := range tensors {
			data := bytesFrom(byte(16*i+j), 2*(31+j)) // header and sizes leave no tensor at a multiple of 4
			list = append(list, Output{Name: name, DType: onnx.Float16, Dims: []int64{int64(31 + j)}, Read: func(dst []byte, off int64) error {
				copy(dst, data[off:])
				return nil
			}})
			names[name] = file
		}
		var b bytes.Buffer
		if err := Write(t.Context(), &b, list, nil); err != nil {
			t.Fatal(err)
		}
		files[file], sizes[file] = onDisk(t, b.Bytes())
	}
	index, err := json.Marshal(map[string]any{"weight_map": names})
	if err != nil {
		t.Fatal(err)
	}
	c, err := OpenIndex(bytes.NewReader(index), int64(len(index)), func(name string) (io.ReaderAt, int64, error) {
		return files[name], sizes[name], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b", "c"} {
		x := c.Lookup(name)
		got := make([]byte, x.SizeBytes())
		if err := x.ReadAt(got, 0); err != nil || !bytes.Equal(got, bytesFrom(byte(16*(i/2)+i%2), len(got))) {
			t.Errorf("%s: other bytes than were written (%v)", name, err)
		}
		compareViews(t, x, true)
	}
}
