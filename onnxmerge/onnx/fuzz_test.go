package onnx

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/wiseft/wiseft/internal/memorytest"
)

// seeds are the models of testdata, and the data file that each may refer to.
func seeds(f *testing.F) (models, data [][]byte) {
	for _, pattern := range []string{"testdata/*.onnx", "testdata/bad/*.onnx", "testdata/external/*.onnx",
		"testdata/stores/*.onnx"} {
		for _, path := range glob(f, pattern) {
			model, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			models = append(models, model)
		}
	}
	for _, pattern := range []string{"testdata/external/*.bin", "testdata/stores/*.bin", "testdata/bad/*.bin"} {
		for _, path := range glob(f, pattern) {
			file, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			data = append(data, file)
		}
	}
	return models, data
}

// FuzzOpen checks that any bytes give a model or an error.
func FuzzOpen(f *testing.F) {
	models, _ := seeds(f)
	for _, model := range models {
		f.Add(model)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, x := range m.Tensors {
			if x.Readable() && x.SizeBytes() > int64(len(data))*8 {
				t.Fatalf("tensor %q of %d bytes in a file of %d", x.ID(), x.SizeBytes(), len(data))
			}
		}
	})
}

// FuzzMemory opens arbitrary models, and reads a part of a few tensors: memory follows the file, of which an operator may be
// two bytes.
func FuzzMemory(f *testing.F) {
	models, _ := seeds(f)
	limit := memorytest.Limit{Fixed: 4 << 20, PerByte: 1024}
	memorytest.Fuzz(f, models, limit.Of, func(_ *testing.T, data []byte) {
		m, err := Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, x := range m.Tensors[:min(len(m.Tensors), 8)] {
			if x.Readable() {
				_ = x.ReadAt(make([]byte, min(x.SizeBytes(), 1<<12)), 0)
			}
		}
	})
}

// FuzzRewrite checks that a model that opens is rewritten identically, has the same tensors in every layout, and
// accepts new payloads.
func FuzzRewrite(f *testing.F) {
	models, data := seeds(f)
	for i, model := range models {
		f.Add(model, data[i%len(data)])
	}
	f.Fuzz(func(t *testing.T, model, data []byte) {
		m, err := openWithData(bytes.NewReader(model), int64(len(model)), func(string) (opened, error) {
			return opened{bytes.NewReader(data), io.NopCloser(nil), int64(len(data)), 0}, nil
		})
		if err != nil {
			return
		}
		if !m.HasExternalData() {
			out, _ := write(t, m, nil, WriteOptions{})
			if !bytes.Equal(out[""].Bytes(), model) {
				t.Fatal("what opens does not rewrite identically")
			}
		}
		var inverted []Replacement
		for _, x := range m.Tensors {
			if x.Replaceable() {
				inverted = append(inverted, Replacement{x, func(dst []byte, off int64) error {
					err := x.ReadAt(dst, off)
					for i := range dst {
						dst[i] ^= 0xff
					}
					return err
				}})
			}
		}
		for _, opt := range []WriteOptions{
			{Layout: Keep, DataName: "x"}, {Layout: Inside}, {Layout: Outside, DataName: "x", Workers: 2, ShardBytes: 2000},
		} {
			out, _ := write(t, m, nil, opt)
			sameOrEmpty(t, out.open(t), m)
			changed := shelf{}
			var unsupported UnsupportedError
			if _, err := m.Write(t.Context(), changed, inverted, opt); errors.As(err, &unsupported) {
				continue // two tensors share their bytes: only one can be replaced
			} else if err != nil {
				t.Fatal(err)
			}
			checkInverted(t, changed.open(t), m)
		}
	})
}

func sameOrEmpty(t *testing.T, got, want *Model) {
	if len(want.Tensors) > 0 {
		sameTensors(t, got, want)
	}
}

func checkInverted(t *testing.T, got, from *Model) {
	for _, x := range from.Tensors {
		if !x.Replaceable() {
			continue
		}
		a, b := make([]byte, x.SizeBytes()), make([]byte, x.SizeBytes())
		if err := errors.Join(x.ReadAt(a, 0), got.Lookup(x.ID()).ReadAt(b, 0)); err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if a[i]^b[i] != 0xff {
				t.Fatalf("byte %d of %s was not replaced", i, x.ID())
			}
		}
	}
}
