package align_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// openModel opens a model, which may be compressed.
func openModel(t testing.TB, path string) *onnx.Model {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var r io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m
}

// modelPaths returns the models of one side of the corpus, the demo's, and the shared ones where they are.
func modelPaths(t testing.TB) (paths []string) {
	t.Helper()
	for _, pattern := range []string{"../pair/testdata/corpus/*/a_*.onnx.gz", "../../cmd/wiseft/demo/pretrained.onnx"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		paths = append(paths, found...)
	}
	return append(paths, sharedtest.Models(t)...)
}

// runner runs one model on random inputs.
type runner struct {
	model    *onnx.Model
	change   onnx.Change
	outputs  []string
	inputs   []ort.Array
	baseline [][]float32
}

// lengths are tried for axes that a model leaves open: of the batch, of images, of others.
var lengths = [][3]int64{{2, 64, 8}, {2, 32, 64}, {1, 64, 256}, {2, 96, 1024}, {1, 64, 512}}

// newRunner returns a runner for a model that onnxruntime accepts; nil and the reason if no inputs were found.
func newRunner(ctx context.Context, m *onnx.Model) (*runner, error) {
	f, err := flow.New(m)
	if err != nil {
		return nil, err
	}
	r := &runner{model: m}
	var values []string
	for i, name := range align.Compared(m) {
		values, r.outputs = append(values, name), append(r.outputs, fmt.Sprintf("wiseft.out%d", i))
	}
	r.change = surgery.CutToFloat32(m, f, values, r.outputs)
	for _, level := range lengths {
		r.inputs = randomInputs(m, level, 8)
		if r.baseline, err = r.run(ctx, nil); err == nil {
			return r, nil
		}
	}
	return nil, err
}

func randomInputs(m *onnx.Model, level [3]int64, seed uint64) (list []ort.Array) {
	rng, uses := rand.New(rand.NewPCG(7, seed)), flow.InputUses(m)
	for _, in := range m.Graph.Inputs {
		a, n := ort.Array{Type: ort.ElementType(in.DType), Shape: []int64{}}, int64(1)
		for i, d := range in.Shape {
			length := d.Len
			switch {
			case length > 0:
			case i == 0, i == 1 && in.Shape[0].Len > 0: // a state has the batch behind its layers
				length = level[0]
			case len(in.Shape) >= 4:
				length = level[1]
			default:
				length = level[2]
			}
			a.Shape, n = append(a.Shape, length), n*length
		}
		for range n {
			switch in.DType {
			case onnx.Float32:
				a.Data = binary.LittleEndian.AppendUint32(a.Data, math.Float32bits(rng.Float32()*2-1))
			case onnx.Int64:
				v := uint64(1)
				if rows := uses[in.Name].Rows; rows > 0 {
					v = uint64(rng.Int64N(rows))
				} else if len(in.Shape) == 0 {
					v = 16000 // a sampling rate
				}
				a.Data = binary.LittleEndian.AppendUint64(a.Data, v)
			default:
				a.Data = append(a.Data, make([]byte, in.DType.Bits()/8)...)
			}
		}
		list = append(list, a)
	}
	return list
}

// run returns the outputs with replaced tensors.
func (r *runner) run(ctx context.Context, replaced []onnx.Replacement) (_ [][]float32, err error) {
	var b bytes.Buffer
	if err := r.model.WriteChanged(ctx, &b, r.change, replaced...); err != nil {
		return nil, err
	}
	var names []string
	for _, in := range r.model.Graph.Inputs {
		names = append(names, in.Name)
	}
	program, err := ort.Engine{Threads: 1}.OpenProgram(ctx, ort.Source{Bytes: b.Bytes()}, names, r.outputs)
	if err != nil {
		return nil, err
	}
	defer program.Close()
	batches, err := program.Run(ctx, r.inputs)
	if err != nil {
		return nil, err
	}
	var list [][]float32
	for _, batch := range batches {
		list = append(list, batch.X)
	}
	return list, nil
}

// difference returns the largest difference from the baseline, relative to the largest number of the same output.
func (r *runner) difference(ctx context.Context, replaced []onnx.Replacement) (float64, error) {
	got, err := r.run(ctx, replaced)
	if err != nil {
		return 0, err
	}
	worst := 0.
	for i, out := range r.baseline {
		var largest, apart float64
		for k, want := range out {
			if math.IsNaN(float64(want)) {
				return 0, fmt.Errorf("output %d is not a number", i)
			}
			largest = max(largest, math.Abs(float64(want)))
			apart = max(apart, math.Abs(float64(got[i][k]-want)))
		}
		if apart > 0 {
			worst = max(worst, apart/largest)
		}
	}
	return worst, nil
}
