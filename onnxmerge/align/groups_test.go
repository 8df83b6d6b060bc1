package align_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// Random permutations of all groups leave the outputs of every model as they are.
func TestPermutedModelsAgree(t *testing.T) {
	orttest.Load(t)
	for _, path := range modelPaths(t) {
		t.Run(shortName(path), func(t *testing.T) {
			m := openModel(t, path)
			start := time.Now()
			groups := align.Find(m)
			took := time.Since(start)
			r, err := newRunner(t.Context(), m)
			if err != nil {
				t.Skip(err)
			}
			p := randomPermutations(groups, 1)
			replaced, err := groups.Replacements(p)
			if err != nil {
				t.Fatal(err)
			}
			apart, err := r.difference(t.Context(), replaced)
			if err != nil {
				t.Fatal(err)
			}
			again := strings.Contains(path, "corpus") && !strings.Contains(path, "fold") // another export of the network
			if len(replaced) > 0 && !again && !notices(t, r, replaced) {
				t.Errorf("the outputs do not change if one weight is left out, so that their equality says nothing")
			}
			permuted := rewrite(t, m, groups, p)
			back := rewrite(t, permuted, align.Find(permuted), p.Inverse())
			for _, x := range m.Tensors {
				if !x.Readable() {
					continue
				}
				if equal, err := x.Equal(back.Lookup(x.ID())); err != nil || !equal {
					t.Errorf("tensor %q is another after a permutation and its inverse (%v)", x.ID(), err)
				}
			}
			units := 0
			for _, g := range groups.List {
				units += g.Size
			}
			t.Logf("%d nodes in %v: %d groups, %d units, %d tensors permuted, difference %.2g", len(m.Graph.Nodes), took,
				len(groups.List), units, len(replaced), apart)
			for _, f := range groups.Frozen {
				t.Logf("frozen: %.160s", f)
			}
			if apart > align.Tolerance(m) {
				t.Errorf("outputs differ by %g", apart)
			}
		})
	}
}

// randomPermutations returns one for each group.
func randomPermutations(g *align.Groups, seed uint64) (p align.Permutations) {
	rng := rand.New(rand.NewPCG(seed, 9))
	for _, group := range g.List {
		p = append(p, rng.Perm(group.Size))
	}
	return p
}

// notices reports whether the outputs change if one of the weights keeps its order.
func notices(t *testing.T, r *runner, replaced []onnx.Replacement) bool {
	t.Helper()
	for i, one := range replaced {
		if len(one.Tensor.Dims) < 2 {
			continue
		}
		apart, err := r.difference(t.Context(), slices.Delete(slices.Clone(replaced), i, i+1))
		if err != nil || apart > 1e-3 {
			return true
		}
	}
	return false
}
