package align_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/align"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// Joined over batches, the correlation is that of all rows at once.
func TestCorrelation(t *testing.T) {
	t.Parallel()
	const n, rows = 3, 1500
	rng := rand.New(rand.NewPCG(1, 1))
	a, b := make([]float32, n*rows), make([]float32, n*rows)
	for i := range a {
		a[i] = float32(rng.NormFloat64())*3 + 1000
		b[i] = a[i]*float32(i%n) + float32(rng.NormFloat64())
	}
	c := align.NewCorrelation(n)
	for _, cut := range [][2]int{{0, 1}, {1, 5}, {5, 700}, {700, rows}} {
		if err := c.Add(a[n*cut[0]:n*cut[1]], b[n*cut[0]:n*cut[1]]); err != nil {
			t.Fatal(err)
		}
	}
	got := c.Matrix()
	for i := range n {
		for j := range n {
			if want := pearson(a[i:], b[j:], n); math.Abs(got[i*n+j]-want) > 1e-9 {
				t.Errorf("units %d and %d: %g, want %g", i, j, got[i*n+j], want)
			}
		}
	}
	if err := c.Add([]float32{1, 2, float32(math.NaN())}, []float32{1, 2, 3}); err == nil {
		t.Error("NaN is accepted")
	}
}

func pearson(a, b []float32, stride int) float64 {
	var n, ma, mb, aa, bb, ab float64
	for i := 0; i < len(a) && i < len(b); i += stride {
		n, ma, mb = n+1, ma+float64(a[i]), mb+float64(b[i])
	}
	for i := 0; i < len(a) && i < len(b); i += stride {
		x, y := float64(a[i])-ma/n, float64(b[i])-mb/n
		aa, bb, ab = aa+x*x, bb+y*y, ab+x*y
	}
	return ab / math.Sqrt(aa*bb)
}

// Planted permutations are found again by activations on random inputs, heads and units inside them included. Units
// that do not vary on these inputs are left out of the count.
func TestPlantedPermutationsRespondAlike(t *testing.T) {
	orttest.Load(t)
	for _, path := range []string{
		"../pair/testdata/corpus/resnet/a_fold.onnx.gz", "../pair/testdata/corpus/vit/a_fold.onnx.gz",
		"../pair/testdata/corpus/depthwise/a_fold.onnx.gz", "../pair/testdata/corpus/pointnet/a_fold.onnx.gz",
		"../pair/testdata/corpus/bert/a_fold.onnx.gz", "../pair/testdata/corpus/unet/a_fold.onnx.gz",
		"../../cmd/wiseft/demo/pretrained.onnx",
	} {
		t.Run(shortName(path), func(t *testing.T) {
			m := openModel(t, path)
			groups := align.Find(m)
			p := randomPermutations(groups, 21)
			planted := rewrite(t, m, groups, p)
			sites, unmeasured := groups.Sites(m)
			var correlations []*align.Correlation
			for _, s := range sites {
				correlations = append(correlations, align.NewCorrelation(s.Units))
			}
			a, b := siteValues(t, m, sites), siteValues(t, planted, sites)
			for batch := range a {
				for i, s := range sites {
					u, errU := s.Rows(a[batch][i].X, a[batch][i].Shape)
					v, errV := s.Rows(b[batch][i].X, b[batch][i].Shape)
					if errU != nil || errV != nil {
						t.Fatal(errU, errV)
					}
					if err := correlations[i].Add(u, v); err != nil {
						t.Fatal(err)
					}
				}
			}
			got, err := groups.MatchActivations(sites, correlations)
			if err != nil {
				t.Fatal(err)
			}
			right, units, constant := 0, 0, 0
			for i, s := range sites {
				constant += len(correlations[i].Constant())
				for _, id := range []int{s.Outer, s.Inner} {
					if id < 0 || id == s.Outer && s.Given {
						continue
					}
					for u, from := range p[id].Inverse() {
						if units++; got[id][u] == from {
							right++
						}
					}
				}
			}
			t.Logf("%d of %d units, %d constant, %d sites, without one %v", right, units, constant, len(sites), unmeasured)
			if right < units-2*constant || units == 0 {
				t.Errorf("%d of %d units are right, %d are constant", right, units, constant)
			}
		})
	}
}

// siteValues returns the values of sites on some batches of random inputs.
func siteValues(t *testing.T, m *onnx.Model, sites []align.Site) (list [][]probe.Batch) {
	t.Helper()
	f, err := flow.New(m)
	if err != nil {
		t.Fatal(err)
	}
	var values, outputs, inputs []string
	for _, s := range sites {
		values, outputs = append(values, s.Value), append(outputs, "wiseft."+s.Value)
	}
	for _, in := range m.Graph.Inputs {
		inputs = append(inputs, in.Name)
	}
	var b bytes.Buffer
	if err := m.WriteChanged(t.Context(), &b, surgery.CutToFloat32(m, f, values, outputs)); err != nil {
		t.Fatal(err)
	}
	program, err := ort.Engine{Threads: 1}.OpenProgram(t.Context(), ort.Source{Bytes: b.Bytes()}, inputs, outputs)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	for seed := range uint64(24) {
		batches, err := program.Run(t.Context(), randomInputs(m, [3]int64{2, 32, 8}, seed))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, batches)
	}
	return list
}
