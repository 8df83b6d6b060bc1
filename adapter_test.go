package wiseft

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// TestAdapterRuns compares a model with an adapter with a fresh export of what PEFT merged, in onnxruntime: the same outputs to
// 1e-5, for an export with generated names, proved, and for one with PyTorch's names.
func TestAdapterRuns(t *testing.T) {
	orttest.Load(t)
	for _, name := range []string{"linear", "conv"} {
		folder := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "onnxmerge", "adapter", "testdata", name)
		run := func(model string) []float32 {
			x, err := ExtractFeatures(t.Context(), model, FeaturesOptions{Tensor: "y", Data: Data{Path: filepath.Join(folder, "x.npz")},
				Runtime: RuntimeOptions{Batch: 2}})
			if err != nil {
				t.Fatal(err)
			}
			return x.X
		}
		want, before := run(filepath.Join(folder, "merged.onnx")), run(filepath.Join(folder, "base.onnx"))
		if largest(want, before) < 0.1 {
			t.Fatalf("%s: the adapter changes nothing: %v", name, want)
		}
		for export, weights := range map[string]string{"base.onnx": filepath.Join(folder, "base.safetensors"), "dynamo.onnx": ""} {
			opt := MergeOptions{BaseWeights: weights}
			models, err := opt.AddAdapters(filepath.Join(folder, export), []Adapter{{Path: folder, Scale: 1}})
			if err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(t.TempDir(), "out.onnx")
			if _, err := Merge(t.Context(), out, models, opt, WriteOptions{NoSync: true}); err != nil {
				t.Fatal(err)
			}
			if d := largest(run(out), want); !(d <= 1e-5) {
				t.Errorf("%s, %s: outputs differ by %g", name, export, d)
			}
		}
	}
}

// TestSourceOfAnotherVersion opens a model with an adapter as a merge by another version of the program recorded it: the same
// bytes.
func TestSourceOfAnotherVersion(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "onnxmerge", "adapter", "testdata", "conv")
	graph := filepath.Join(folder, "base.onnx")
	hashes := map[string]string{}
	for _, version := range []string{"0.0.1", Version} {
		d := derivation{graph: graph, weights: filepath.Join(folder, "base.safetensors"), adapters: []Adapter{{Path: folder, Scale: 0.5}},
			version: version}
		m, err := d.open(t.Context(), graph, Monitor{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		source, err := onnxmerge.NewSource(t.Context(), m.Model, "base.onnx")
		if err != nil {
			t.Fatal(err)
		}
		opt := VerifyOptions{Adapters: []string{folder}}
		again, err := openSource(t.Context(), filepath.Join(folder, "merged.onnx"), graph, source, &opt)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		files, err := again.Files(t.Context())
		if err != nil || files[0].Hash != source.SHA256 || len(opt.Adapters) > 0 {
			t.Errorf("version %s: %v, want sha256 %s (%v)", version, files, source.SHA256, err)
		}
		hashes[source.SHA256] = version
	}
	if len(hashes) != 2 {
		t.Errorf("the version is not in the provenance: %v", hashes)
	}
}

// TestAdapterOfALargerNetwork adds an adapter of a network of which the model is a part: layers of the rest are left out and
// named, and an adapter of the rest alone is refused.
func TestAdapterOfALargerNetwork(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "onnxmerge", "adapter", "testdata", "conv")
	config, err := os.ReadFile(filepath.Join(folder, configFile))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, configFile), config, 0o600); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(dir, "base.safetensors")
	extend(t, weights, filepath.Join(folder, "base.safetensors"), map[string][]int64{"decoder.weight": {5, 4}})
	rest := map[string][]int64{"base_model.model.decoder.lora_A.weight": {2, 4}, "base_model.model.decoder.lora_B.weight": {5, 2}}
	plan := func() (*MergePlan, error) {
		opt := MergeOptions{BaseWeights: weights}
		models, err := opt.AddAdapters(filepath.Join(folder, "base.onnx"), []Adapter{{Path: dir, Scale: 1}})
		if err != nil {
			t.Fatal(err)
		}
		return PlanMerge(t.Context(), models, opt)
	}
	file := filepath.Join(dir, weightsFiles[0])
	extend(t, file, filepath.Join(folder, weightsFiles[0]), rest)
	p, err := plan()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if text := strings.Join(p.Warnings, "\n"); !strings.Contains(text, "does not have 1 of the 4 tensors") ||
		!strings.Contains(text, "decoder.weight") {
		t.Errorf("warnings %q", text)
	}
	extend(t, file, "", rest)
	if p, err := plan(); err == nil || fault.KindOf(err) != fault.Mismatch || !strings.Contains(err.Error(), "none of the 1 tensors") {
		t.Errorf("an adapter of other layers: %v, %v", p, err)
	}
}

// extend writes the tensors of a safetensors file, "" is none, and others of float32 with the value 1.
func extend(t *testing.T, path, from string, more map[string][]int64) {
	t.Helper()
	var list []checkpoint.Output
	if from != "" {
		c, err := OpenCheckpoint(from)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, x := range c.Tensors {
			list = append(list, checkpoint.Output{Name: x.Key, DType: x.DType, Dims: x.Dims, Read: x.ReadAt})
		}
	}
	for name, dims := range more {
		list = append(list, checkpoint.Output{Name: name, DType: onnx.Float32, Dims: dims, Read: func(dst []byte, _ int64) error {
			for i := range dst {
				dst[i] = []byte{0, 0, 0x80, 0x3f}[i%4]
			}
			return nil
		}})
	}
	var b bytes.Buffer
	if err := checkpoint.Write(t.Context(), &b, list, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// largest returns the largest difference of two lists.
func largest(a, b []float32) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return math.Inf(1)
	}
	d := 0.0
	for i := range a {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
	}
	return d
}
