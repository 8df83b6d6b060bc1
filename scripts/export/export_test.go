// Package export tests the output of the exporters beside it, without Python: the weights of committed exports, which
// are 0, are set by a rule, and the models are run by onnxruntime.
package export

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// skeletons are the exports in testdata, with the largest difference of features and
// logits from the reference. Two correct float32 computations differ by a third of that
// at most; LayerNorm with another epsilon moves logits by 4e-5 and more.
var skeletons = map[string]struct{ features, logits float64 }{
	"point-m2ae-modelnet40":    {1.5e-5, 5e-6},
	"recon-modelnet40":         {1.5e-5, 5e-6},
	"pct-modelnet40":           {1.5e-5, 5e-6},
	"pointnet2-ssg-modelnet40": {2e-6, 2e-6},
}

func TestExports(t *testing.T) {
	files, err := filepath.Glob("testdata/*.onnx.gz")
	if err != nil || len(files) != len(skeletons) {
		t.Fatalf("%d files in testdata for %d exports (%v)", len(files), len(skeletons), err)
	}
	orttest.Load(t)
	for name, limit := range skeletons {
		t.Run(name, func(t *testing.T) {
			model := fill(t, name)
			limits := map[string]float64{"features": limit.features, "logits": limit.logits}
			own := readVectors(t, name)
			for tensor, limit := range limits {
				session, err := ort.Engine{}.Open(t.Context(), ort.Source{Bytes: model}, tensor)
				if err != nil {
					t.Fatal(err)
				}
				t.Run(tensor, func(t *testing.T) { compare(t, session, own, own.outputs[tensor], limit) })
				t.Run("reference "+tensor, func(t *testing.T) {
					theirs := readReference(t, name)
					compare(t, session, theirs, theirs.outputs[tensor], limit)
				})
				if err := session.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// Every weight of an export can be mixed: none is taken for a setting of an operator, such as a token that is added to
// the input times 0.
func TestNoWeightIsASetting(t *testing.T) {
	t.Parallel()
	for name := range skeletons {
		data := fill(t, name)
		m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for tensor, use := range flow.Settings(m) {
			if tensor.Site == onnx.Initializer {
				t.Errorf("%s: %s is a setting: %s", name, tensor.Name, use)
			}
		}
	}
}

// How an export pools its patches is read from the graph, which decides if a linear SVM follows a convention.
func TestPositions(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"point-m2ae-modelnet40":    "mean + maximum of all positions", // as Point-M2AE's convention
		"recon-modelnet40":         "positions 0 to 2, maximum of positions 3 and up",
		"pct-modelnet40":           "", // channels first
		"pointnet2-ssg-modelnet40": "",
	} {
		data := fill(t, name)
		m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if got := surgery.Positions(m, "features"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// fill returns the export of that name with weights set by the rule.
func fill(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".onnx.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	empty, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Open(bytes.NewReader(empty), int64(len(empty)))
	if err != nil {
		t.Fatal(err)
	}
	var weights []onnx.Replacement
	for _, tensor := range m.Tensors {
		if tensor.Site != onnx.Initializer {
			continue
		}
		value := weight(tensor.Name, tensor.Dims)
		weights = append(weights, onnx.Replacement{Tensor: tensor, Fill: func(dst []byte, off int64) error {
			for i := 0; i < len(dst); i += 4 {
				binary.LittleEndian.PutUint32(dst[i:], math.Float32bits(value((int(off)+i)/4)))
			}
			return nil
		}})
	}
	if len(weights) == 0 {
		t.Fatal("the export has no weights")
	}
	out := bytes.NewBuffer(make([]byte, 0, len(empty)))
	if err := m.Rewrite(t.Context(), out, weights, 2); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// vectors are clouds (2, points, 3), and the features and logits of a model for them.
type vectors struct {
	points  int
	x       []float32
	outputs map[string][]float32
}

func readVectors(t *testing.T, name string) vectors {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var stored struct {
		Points           int
		Cloud            string
		Features, Logits []string
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	v := vectors{points: stored.Points, outputs: map[string][]float32{
		"features": floats(t, stored.Features), "logits": floats(t, stored.Logits)}}
	hash := fnv1a(stored.Cloud)
	for i := range 2 * v.points * 3 {
		v.x = append(v.x, float32(2*uniform(hash, i)-1))
	}
	return v
}

// floats decodes rows of float32 bits in hexadecimal.
func floats(t *testing.T, rows []string) (values []float32) {
	t.Helper()
	for _, row := range rows {
		b, err := hex.DecodeString(row)
		if err != nil {
			t.Fatal(err)
		}
		for word := range slices.Chunk(b, 4) {
			values = append(values, math.Float32frombits(binary.BigEndian.Uint32(word)))
		}
	}
	return values
}

// readReference reads what the reference implementation computes with the same weights.
func readReference(t *testing.T, name string) vectors {
	t.Helper()
	f, err := os.Open(sharedtest.Path(t, "oracles", "backbones", name, "io.npz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := npy.Open(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	read := func(array string) []float32 {
		x, _, err := archive.Float32s(array)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	x := read("points")
	return vectors{points: len(x) / 6, x: x, outputs: map[string][]float32{
		"features": read("feature"), "logits": read("logits")}}
}

func compare(t *testing.T, session probe.Extractor, v vectors, want []float32, limit float64) {
	t.Helper()
	got, err := session.Extract(t.Context(), nil, probe.Batch{X: v.x, Shape: []int64{2, int64(v.points), 3}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	worst := 0.0
	for i := range want {
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= worst) {
			worst = d
		}
	}
	t.Logf("largest difference %.1e, allowed are %.1e", worst, limit)
	if !(worst <= limit) {
		t.Errorf("differs by up to %.2e, want at most %.0e", worst, limit)
	}
}
