package pair

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// FuzzFind checks that every tensor of b appears in exactly one list of the result, for any two graphs.
func FuzzFind(f *testing.F) {
	paths, err := filepath.Glob("../onnx/testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	more, err := filepath.Glob("../onnx/testdata/stores/*.onnx")
	if err != nil || len(more) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	for _, path := range append(paths, more...) {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, data)
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, errX := onnx.Open(bytes.NewReader(a), int64(len(a)))
		y, errY := onnx.Open(bytes.NewReader(b), int64(len(b)))
		if errX != nil || errY != nil {
			return
		}
		al, err := Find(t.Context(), x, y, corpusCosines{}.similarity)
		if err != nil {
			return
		}
		seen := map[*onnx.Tensor]int{}
		for _, p := range al.Pairs {
			seen[p.B]++
			if dtypeClass(p.A.DType) != dtypeClass(p.B.DType) || p.A.Len() != p.B.Len() {
				t.Fatalf("%s %v is paired with %s %v", p.B.ID(), p.B.Dims, p.A.ID(), p.A.Dims)
			}
		}
		for _, c := range al.Conflicts {
			seen[c.B]++
		}
		for _, t := range al.OnlyB {
			seen[t]++
		}
		for _, tensor := range y.Tensors {
			if seen[tensor] != 1 {
				t.Fatalf("%s comes out %d times", tensor.ID(), seen[tensor])
			}
		}
	})
}
