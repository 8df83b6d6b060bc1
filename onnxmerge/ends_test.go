package onnxmerge

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// openPath opens a model with its data files.
func openPath(t testing.TB, path string) *onnx.Model {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	m, err := onnx.OpenWithData(f, info.Size(), dir)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// perturbed returns the model, as one file, with one to three of the low bits of every byte of every mergeable weight
// flipped.
func perturbed(t testing.TB, m *onnx.Model) []byte {
	t.Helper()
	quantized := flow.Quantized(m)
	var replacements []onnx.Replacement
	for _, x := range m.Tensors {
		if !x.DType.IsFloat() || !x.Replaceable() || quantized[x] != "" {
			continue
		}
		replacements = append(replacements, onnx.Replacement{Tensor: x, Fill: func(dst []byte, off int64) error {
			if err := x.ReadAt(dst, off); err != nil {
				return err
			}
			for i := range dst {
				dst[i] ^= byte(1 + (off+int64(i))%7)
			}
			if n := x.SizeBytes(); x.Len()%2 == 1 && n*2 == x.Len()+1 && off+int64(len(dst)) == n {
				dst[len(dst)-1] &= 0x0f // the padding after an odd number of 4-bit elements stays 0
			}
			return nil
		}})
	}
	var out bytes.Buffer
	if err := m.Rewrite(t.Context(), &out, replacements, 1); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// checkEnds merges a model with a perturbed copy of itself, and returns the number of merged tensors. Alpha 0 and 1
// must give the sources' bytes; alpha 0.3 must not depend on the number of workers.
func checkEnds(t *testing.T, path string) int {
	a := openPath(t, path)
	data := perturbed(t, a)
	b := openBytes(t, data)
	plan := func(alpha float64, workers int) *Plan {
		p, err := planPair(t.Context(), a, b, Options{Params: method.Params{"alpha": alpha}, Workers: workers,
			AllowNonfinite: true})
		if _, mismatch := errors.AsType[*MismatchError](err); mismatch && strings.Contains(err.Error(), "no weight") {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	run := func(p *Plan) []byte {
		var out bytes.Buffer
		if _, err := Run(t.Context(), &out, p, nil); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	one := plan(1, 2)
	if one == nil {
		return 0
	}
	if !bytes.Equal(run(one), data) {
		t.Error("alpha 1 is not the fine-tuned file")
	}
	zero := openBytes(t, run(plan(0, 2)))
	for _, d := range one.Decisions {
		if got := zero.Lookup(d.Tensor); d.Action == Merge && !bytes.Equal(payload(t, got), payload(t, a.Lookup(d.Tensor))) {
			t.Errorf("alpha 0: %s is not the pre-trained tensor", d.Tensor)
		}
	}
	if !bytes.Equal(run(plan(0.3, 1)), run(plan(0.3, 8))) {
		t.Error("one worker and eight make different files")
	}
	merged, _ := one.Count(Merge)
	return merged
}

// TestEndsOnEveryModel runs over the repository's models, the shared ones, and those in the folder WISEFT_MODELS.
func TestEndsOnEveryModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		dir   func(t *testing.T) string
		least int // the least number of tensors to merge
	}{
		{"testdata", func(*testing.T) string { return filepath.Join("onnx", "testdata") }, 150},
		{"shared", func(t *testing.T) string { return sharedtest.Path(t, "data", "models") }, 1000},
		{"WISEFT_MODELS", func(t *testing.T) string {
			dir := os.Getenv("WISEFT_MODELS")
			if dir == "" {
				t.Skip("WISEFT_MODELS names no folder")
			}
			return dir
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			models, tensors := 0, 0
			err := filepath.WalkDir(c.dir(t), func(path string, e fs.DirEntry, err error) error {
				if err != nil || filepath.Ext(path) != ".onnx" || filepath.Base(filepath.Dir(path)) == "bad" {
					return err
				}
				t.Run(filepath.Base(filepath.Dir(path))+"/"+filepath.Base(path), func(t *testing.T) {
					tensors += checkEnds(t, path)
					models++
				})
				return nil
			})
			t.Logf("%d models, %d tensors merged", models, tensors)
			if err != nil || tensors < c.least {
				t.Errorf("%d tensors of %d models were merged (%v)", tensors, models, err)
			}
		})
	}
}
