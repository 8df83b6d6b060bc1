package mapping

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

const corpus = "../pair/testdata/corpus"

func openModel(t testing.TB, path string) *onnx.Model {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return openBytes(t, b)
}

func openBytes(t testing.TB, b []byte) *onnx.Model {
	t.Helper()
	m, err := onnx.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openCheckpoint(t testing.TB, path string) *checkpoint.Checkpoint {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// statesFolder has the checkpoints of some of the corpus' architectures, made by scripts/corpus/states.py;
// WISEFT_STATES names a folder with all.
func statesFolder() string {
	if dir := os.Getenv("WISEFT_STATES"); dir != "" {
		return dir
	}
	return "testdata"
}

// refusedIn are the exports with tensors that an exporter computed from several weights, and how many.
var refusedIn = map[string]int{"cross_attention/slim": 2, "cross_attention/dynamo_optimized": 1}

// TestCorpus maps the exports of one set of weights, binds the mapping to another, and compares the weights with those
// of the other's export by the same exporter.
func TestCorpus(t *testing.T) {
	t.Parallel()
	states, _ := filepath.Glob(statesFolder() + "/*_a.safetensors")
	if len(states) < 4 {
		t.Fatalf("%d checkpoints", len(states))
	}
	for _, path := range states {
		architecture := strings.TrimSuffix(filepath.Base(path), "_a.safetensors")
		base, tuned := openCheckpoint(t, path), openCheckpoint(t, strings.Replace(path, "_a.", "_b.", 1))
		exports, _ := filepath.Glob(filepath.Join(corpus, architecture, "a_*.onnx.gz"))
		if len(exports) == 0 {
			t.Fatalf("no exports of %s", architecture)
		}
		for _, export := range exports {
			name := architecture + "/" + strings.TrimSuffix(strings.TrimPrefix(filepath.Base(export), "a_"), ".onnx.gz")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				other := openModel(t, filepath.Join(filepath.Dir(export), "b"+filepath.Base(export)[1:]))
				compareExport(t, name, openModel(t, export), other, base, tuned)
			})
		}
	}
}

func compareExport(t *testing.T, name string, m, other *onnx.Model, base, tuned *checkpoint.Checkpoint) {
	found, err := Find(context.Background(), m, base, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := found.Bind(context.Background(), base, tuned)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range b.Refused {
		if refusedIn[name] == 0 {
			t.Errorf("%s %v refused: %s %v", r.Tensor.ID(), r.Tensor.Dims, r.Reason, r.Candidates)
		}
	}
	if len(b.Refused) != refusedIn[name] {
		t.Errorf("%d tensors refused, want %d", len(b.Refused), refusedIn[name])
	}
	list, change, err := b.Weights()
	if err != nil {
		t.Fatal(err)
	}
	if !change.IsZero() {
		t.Errorf("the graph is changed, and no tensors of the corpus are equal")
	}
	counterpart := counterparts(t, name, found, other, tuned)
	for _, r := range list {
		want := counterpart(r.Tensor)
		if want == nil {
			t.Errorf("%s: not in the other export", r.Tensor.ID())
			continue
		}
		if err := compareFill(b, r, want); err != nil {
			t.Errorf("%s: %v", r.Tensor.ID(), err)
		}
	}
	for _, k := range b.Kept {
		want := counterpart(k.Tensor)
		if want == nil {
			continue // of another name
		}
		if same, err := k.Tensor.Equal(want); err != nil || !same {
			t.Errorf("%s is kept (%s), and differs in the other export (%v)", k.Tensor.ID(), k.Reason, err)
		}
	}
}

// counterparts returns what gives the tensor of the other export: that with the same name, or with hashed names the one
// that is made from the same weights.
func counterparts(
	t *testing.T, name string, found *Mapping, other *onnx.Model, tuned *checkpoint.Checkpoint,
) func(*onnx.Tensor) *onnx.Tensor {
	if !strings.Contains(name, "hashed") {
		return func(x *onnx.Tensor) *onnx.Tensor { return other.Lookup(x.ID()) }
	}
	theirs, err := Find(context.Background(), other, tuned, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]*onnx.Tensor{}
	for _, e := range theirs.Mapped {
		by[e.Expression.String()] = e.Tensor
	}
	return func(x *onnx.Tensor) *onnx.Tensor {
		for _, e := range found.Mapped {
			if e.Tensor == x {
				return by[e.Expression.String()]
			}
		}
		return nil
	}
}

// foldTolerance bounds the difference of folded weights from an exporter's: both are rounded to float32, the exporter's
// after several operations.
const foldTolerance = 1e-5

func compareFill(b *Bound, r onnx.Replacement, want *onnx.Tensor) error {
	got, raw := make([]byte, r.Tensor.SizeBytes()), make([]byte, want.SizeBytes())
	if err := r.Fill(got, 0); err != nil {
		return err
	}
	if err := want.ReadAt(raw, 0); err != nil {
		return err
	}
	if bytes.Equal(got, raw) {
		return nil
	}
	for _, e := range b.Mapped {
		if e.Tensor != r.Tensor {
			continue
		}
		if e.Expression.IsExact() {
			return fmt.Errorf("%s gives other bytes than the export", e.Expression)
		}
		x, y := array{want.DType, want.Dims, got}.numbers(), array{want.DType, want.Dims, raw}.numbers()
		for i := range x {
			if !(math.Abs(x[i]-y[i]) <= foldTolerance*max(1, math.Abs(y[i]))) {
				return fmt.Errorf("%s gives %g, the export has %g", e.Expression, x[i], y[i])
			}
		}
	}
	return nil
}
