package adapter

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// openTensors opens a safetensors file of the test data.
func openTensors(t testing.TB, elem ...string) *checkpoint.Checkpoint {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	c, err := checkpoint.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// openCase opens the adapter of a case of scripts/adapter.
func openCase(t testing.TB, name string) *Adapter {
	t.Helper()
	config, err := os.ReadFile(filepath.Join("testdata", name, "adapter_config.json"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(openTensors(t, name, "adapter_model.safetensors"), config)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func apply(t testing.TB, base *checkpoint.Checkpoint, list ...Scaled) *Applied {
	t.Helper()
	out, err := Apply(base, list, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func elements(t testing.TB, c *checkpoint.Checkpoint, name string) []float64 {
	t.Helper()
	x := c.Lookup(name)
	if x == nil {
		t.Fatalf("no tensor %q", name)
	}
	values, err := decode(x, 0, x.Len())
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// ulps returns how many float32 lie between two numbers of float32.
func ulps(a, b float32) int {
	order := func(x float32) int {
		i := int(int32(math.Float32bits(x)))
		if i < 0 {
			return math.MinInt32 - i
		}
		return i
	}
	n := order(a) - order(b)
	return max(n, -n)
}

// TestReference compares with what scripts/adapter computed in float64: at most one unit of float32 after rounding.
func TestReference(t *testing.T) {
	t.Parallel()
	cases, _ := filepath.Glob("testdata/*/reference.safetensors")
	if len(cases) < 10 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, path := range cases {
		name := filepath.Base(filepath.Dir(path))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, want := openTensors(t, name, "base.safetensors"), openTensors(t, name, "reference.safetensors")
			got := apply(t, base, Scaled{openCase(t, name), 1})
			if len(got.Changed) == 0 || len(got.Notes) > 0 || len(want.Tensors) != len(base.Tensors) {
				t.Fatalf("changed %v, notes %v, %d tensors of %d", got.Changed, got.Notes, len(want.Tensors), len(base.Tensors))
			}
			for _, x := range want.Tensors {
				before, after := elements(t, base, x.Name), elements(t, got.Checkpoint, x.Name)
				if same := slices.Equal(before, after); same == slices.Contains(got.Changed, x.Name) {
					t.Errorf("%s: equal to the base: %v", x.Name, same)
				}
				for i, w := range elements(t, want, x.Name) {
					if n := ulps(float32(after[i]), float32(w)); n > 1 {
						t.Errorf("%s[%d]: %v, want %v, %d ulp", x.Name, i, after[i], w, n)
					}
				}
			}
		})
	}
}

// TestPEFT compares with merge_and_unload of PEFT, which computes in float32: within (r+2) 2^-24 (|W| + s |B||A|), the bound of
// r products and sums, and with DoRA within 2e-6 relative to the largest element, since a norm is computed too.
func TestPEFT(t *testing.T) {
	t.Parallel()
	cases, _ := filepath.Glob("testdata/*/merged.safetensors")
	if len(cases) < 9 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, path := range cases {
		name := filepath.Base(filepath.Dir(path))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, want, a := openTensors(t, name, "base.safetensors"), openTensors(t, name, "merged.safetensors"), openCase(t, name)
			got := apply(t, base, Scaled{a, 1})
			p, err := a.findPlaces(base, Options{})
			if err != nil || len(p.places) == 0 {
				t.Fatal(err)
			}
			for _, x := range p.places {
				name := x.tensor.Name
				w, after, size := elements(t, want, name), elements(t, got.Checkpoint, name), sizes(t, x)
				for i := range w {
					if d := math.Abs(after[i] - w[i]); d > size[i] {
						t.Errorf("%s[%d]: %v, want %v: differs by %.3g, at most %.3g is rounding", name, i, after[i], w[i], d, size[i])
					}
				}
			}
		})
	}
}

// sizes returns the bounds of the elements of a layer.
func sizes(t *testing.T, x place) []float64 {
	w, err := decode(x.tensor, 0, x.tensor.Len())
	if err != nil {
		t.Fatal(err)
	}
	l := x.layer
	bound := make([]float64, len(w))
	largest := 0.0
	for i, v := range w {
		bound[i] = math.Abs(v)
		largest = max(largest, bound[i])
	}
	if l.saved != nil {
		clear(bound)
		return bound
	}
	a, _ := readAll(l.a)
	b, _ := readAll(l.b)
	r, cols, rows := int(l.Rank), len(a)/int(l.Rank), len(b)/int(l.Rank)
	for o := range rows {
		for i := range cols {
			at := o*cols + i
			if x.transposed {
				at = i*rows + o
			}
			for k := range r {
				bound[at] += l.S * math.Abs(b[o*r+k]*a[k*cols+i])
			}
		}
	}
	for i := range bound {
		bound[i] *= float64(r+2) * 0x1p-24
		if l.magnitude != nil {
			bound[i] = 2e-6 * max(math.Abs(w[i]), largest)
		}
	}
	return bound
}

// TestScale compares deltas of other factors, and sums of several adapters, with those of one.
func TestScale(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"linear", "dora", "saved", "embedding"} {
		base, a := openTensors(t, name, "base.safetensors"), openCase(t, name)
		full := apply(t, base, Scaled{a, 1})
		for _, list := range [][]Scaled{{{a, 0.7}}, {{a, 0.4}, {a, 0.3}}, {{a, 1}, {a, -0.3}}} {
			part := apply(t, base, list...)
			for _, tensor := range full.Changed {
				w, one, got := elements(t, base, tensor), elements(t, full.Checkpoint, tensor), elements(t, part.Checkpoint, tensor)
				for i := range w {
					if want := w[i] + 0.7*(one[i]-w[i]); math.Abs(got[i]-want) > 1e-14*(math.Abs(w[i])+math.Abs(one[i])) {
						t.Fatalf("%s, %s[%d]: %v, want %v", name, tensor, i, got[i], want)
					}
				}
			}
		}
		none := apply(t, base, Scaled{a, 0})
		for _, tensor := range none.Changed {
			if got := elements(t, none.Checkpoint, tensor); !slices.Equal(got, elements(t, base, tensor)) {
				t.Errorf("%s, %s: %v with factor 0", name, tensor, got)
			}
		}
	}
}

// TestReadParts reads a tensor in parts of all sizes.
func TestReadParts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"linear", "gpt2", "dora_gpt2", "conv"} {
		base := openTensors(t, name, "base.safetensors")
		out := apply(t, base, Scaled{openCase(t, name), 0.5})
		for _, tensor := range out.Changed {
			x := out.Lookup(tensor)
			want := make([]byte, x.SizeBytes())
			if err := x.ReadAt(want, 0); err != nil || x.DType != onnx.Float64 {
				t.Fatal(err)
			}
			for _, size := range []int64{1, 8, 24, 100} {
				for off := int64(0); off < x.SizeBytes(); off += size {
					part := make([]byte, min(size, x.SizeBytes()-off))
					if err := x.ReadAt(part, off); err != nil || !bytes.Equal(part, want[off:][:len(part)]) {
						t.Fatalf("%s, %s: bytes from %d on: %v", name, tensor, off, err)
					}
				}
			}
		}
	}
}

// TestKohya compares a file with kohya's names with the adapter that it was made from.
func TestKohya(t *testing.T) {
	t.Parallel()
	a, err := Open(openTensors(t, "conv", "kohya.safetensors"), nil)
	if err != nil {
		t.Fatal(err)
	}
	base := openTensors(t, "conv", "base.safetensors")
	got, want := apply(t, base, Scaled{a, 1}), apply(t, base, Scaled{openCase(t, "conv"), 1})
	if a.Format != Kohya || len(got.Notes) != 1 || !slices.Equal(got.Changed, want.Changed) {
		t.Errorf("changed %v, want %v, notes %v", got.Changed, want.Changed, got.Notes)
	}
	for _, name := range want.Changed {
		if x, y := elements(t, got.Checkpoint, name), elements(t, want.Checkpoint, name); !slices.Equal(x, y) {
			t.Errorf("%s: %v, want %v", name, x, y)
		}
	}
}
