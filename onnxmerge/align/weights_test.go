package align_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Units that were permuted at random are found again: exactly where nothing else has changed, and with noise up to a
// cosine of .8 at a sum of products that is not below that of the planted order. All units are then found, too, except in
// models of [ambiguous].
func TestPlantedPermutationsAreRecovered(t *testing.T) {
	for _, path := range modelPaths(t) {
		if strings.Contains(path, "corpus") && !strings.Contains(path, "fold") && !strings.Contains(path, "optimized") ||
			strings.Contains(path, "multilingual") {
			continue // the same network again
		}
		t.Run(shortName(path), func(t *testing.T) {
			m := openModel(t, path)
			groups := align.Find(m)
			p := randomPermutations(groups, 11)
			planted := rewrite(t, m, groups, p)
			for _, cosine := range []float64{1, .8} {
				other := planted
				if cosine < 1 {
					other = noisy(t, planted, cosine)
				}
				start := time.Now()
				match, err := align.Find(other).MatchWeights(t.Context(), other, align.MatchOptions{Starts: 2,
					Reference: func(x *onnx.Tensor) *onnx.Tensor { return m.Lookup(x.ID()) }})
				if err != nil {
					t.Fatal(err)
				}
				took := time.Since(start)
				right, units := 0, 0
				for i, q := range match.Permutations {
					for u, from := range p[i].Inverse() {
						units++
						if q[u] == from {
							right++
						}
					}
				}
				restored := rewrite(t, planted, align.Find(planted), match.Permutations)
				apart := differing(t, m, restored)
				if got, want := match.After, sumOf(t, m, other, p); got < want-1e-9*math.Abs(want) {
					t.Errorf("cosine %g: a sum of products of %g, and the planted order has %g", cosine, got, want)
				}
				if right < units && cosine < 1 && !ambiguous(path) {
					t.Errorf("cosine %g: %d of %d units", cosine, right, units)
				}
				t.Logf("cosine %g: %d of %d units, %d tensors differ, start %d, sum %.6g, %v", cosine, right, units, len(apart),
					match.Start, match.After, took)
				if cosine == 1 && len(apart) > 0 {
					t.Errorf("tensors differ: %v", apart)
				}
			}
		})
	}
}

// ambiguous reports whether a model's planted order is not the best one at a cosine of .8. In silero's encoders biases are
// as large as all weights of a unit together, so that their noise decides: 652 to 681 of 706 units are found, at a larger
// sum of products than in the planted order. 70 of the 3,600 units of the OCR model are dead, and 2 others are exchanged.
func ambiguous(path string) bool {
	return strings.Contains(path, "silero") || strings.Contains(path, "PP-OCR")
}

// dead is the size of elements that decay has left of a unit that does nothing: such units cannot be told apart.
const dead = 1e-30

// differing returns the tensors of two models with other elements.
func differing(t *testing.T, a, b *onnx.Model) (names []string) {
	t.Helper()
	for _, x := range a.Tensors {
		if !x.DType.IsFloat() || !x.Readable() {
			continue
		}
		u, v := values(t, x), values(t, b.Lookup(x.ID()))
		for i := range u {
			if u[i] != v[i] && (math.Abs(u[i]) > dead || math.Abs(v[i]) > dead) {
				names = append(names, x.ID())
				break
			}
		}
	}
	return names
}

// values returns the elements of a tensor.
func values(t *testing.T, x *onnx.Tensor) []float64 {
	t.Helper()
	codec, ok := x.DType.Codec()
	if !ok {
		t.Fatalf("%s: no codec for %s", x.ID(), x.DType)
	}
	raw, list := make([]byte, x.SizeBytes()), make([]float64, x.Len())
	if err := x.ReadAt(raw, 0); err != nil {
		t.Fatal(err)
	}
	codec.Decode(list, raw)
	return list
}

func shortName(path string) string {
	path = filepath.ToSlash(path)
	if i := strings.Index(path, "data/models/"); i >= 0 {
		return path[i+len("data/models/"):]
	}
	return strings.TrimPrefix(strings.TrimPrefix(path, "../pair/testdata/corpus/"), "../")
}

// rewrite returns a copy of a model with permuted units.
func rewrite(t testing.TB, m *onnx.Model, groups *align.Groups, p align.Permutations) *onnx.Model {
	t.Helper()
	replaced, err := groups.Replacements(p)
	if err != nil {
		t.Fatal(err)
	}
	return reopen(t, m, replaced)
}

func reopen(t testing.TB, m *onnx.Model, replaced []onnx.Replacement) *onnx.Model {
	t.Helper()
	var b bytes.Buffer
	if err := m.Rewrite(context.Background(), &b, replaced, 1); err != nil {
		t.Fatal(err)
	}
	c, err := onnx.Open(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// noisy returns a copy of a model with normal noise in all weights, so that they have a cosine with what they were.
func noisy(t *testing.T, m *onnx.Model, cosine float64) *onnx.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(12, 13))
	var replaced []onnx.Replacement
	settings := flow.Settings(m)
	for _, x := range m.Tensors {
		codec, ok := x.DType.Codec()
		if settings[x] != "" || !ok || x.Len() < 2 || !x.Replaceable() {
			continue
		}
		raw, list := make([]byte, x.SizeBytes()), values(t, x)
		sum := 0.
		for _, v := range list {
			sum += v * v
		}
		scale := math.Sqrt(sum/float64(len(list))) * math.Sqrt(1/(cosine*cosine)-1)
		for i := range list {
			list[i] += scale * rng.NormFloat64()
		}
		if !codec.Encode(raw, list) {
			t.Fatalf("%s: out of range", x.ID())
		}
		replaced = append(replaced, onnx.Replacement{Tensor: x, Fill: func(dst []byte, off int64) error {
			copy(dst, raw[off:])
			return nil
		}})
	}
	return reopen(t, m, replaced)
}

// sumOf returns the sum of products of paired weights in the planted order, without running statistics.
func sumOf(t *testing.T, m, other *onnx.Model, p align.Permutations) (sum float64) {
	t.Helper()
	back := rewrite(t, other, align.Find(other), p.Inverse())
	seen := map[*onnx.Tensor]bool{}
	for o := range flow.Operands(back) {
		seen[o.Tensor] = seen[o.Tensor] || o.Node.Op() == "BatchNormalization" && o.Slot >= 3
	}
	for _, g := range align.Find(back).List {
		for _, member := range g.Members {
			x := member.Tensor
			if seen[x] || !x.DType.IsFloat() {
				continue
			}
			seen[x] = true
			u, v := values(t, x), values(t, m.Lookup(x.ID()))
			for i := range u {
				sum += u[i] * v[i]
			}
		}
	}
	return sum
}
