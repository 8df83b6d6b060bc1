package metric

import (
	"encoding/json"
	"errors"
	"maps"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/scripts/sharedtest"
)

func modelNetC(t *testing.T) Reference {
	t.Helper()
	ref, ok := LookupReference("modelnet-c")
	if !ok {
		t.Fatal("no reference for modelnet-c")
	}
	return ref
}

// levels repeats one accuracy over the severities.
func levels(oa map[string]float64) map[string][]float64 {
	m := make(map[string][]float64, len(oa))
	for name, v := range oa {
		m[name] = []float64{v, v, v, v, v}
	}
	return m
}

func TestReferenceAgainstItself(t *testing.T) {
	t.Parallel()
	ref := modelNetC(t)
	got, err := ref.Official(ref.Clean, levels(ref.OA))
	if err != nil {
		t.Fatal(err)
	}
	if got.MCE != 1 || got.RMCE != 1 || got.MOA != 0.764 {
		t.Errorf("got mCE %v, RmCE %v, mOA %v, want 1, 1, 0.764", got.MCE, got.RMCE, got.MOA)
	}
}

// PointNet++ trained with WOLFMix, as AdaptPoint publishes it: accuracies and the CE
// that follow from them.
func TestOfficialPointNet2WOLFMix(t *testing.T) {
	t.Parallel()
	oa := map[string]float64{
		"scale": 0.911, "jitter": 0.567, "rotate": 0.891, "dropout_global": 0.886,
		"dropout_local": 0.873, "add_global": 0.912, "add_local": 0.919,
	}
	wantCE := map[string]float64{
		"scale": 0.947, "jitter": 1.370, "rotate": 0.507, "dropout_global": 0.460,
		"dropout_local": 0.614, "add_global": 0.298, "add_local": 0.295,
	}
	got, err := modelNetC(t).Official(0.931, levels(oa))
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got.CE, wantCE) {
		t.Errorf("CE: got %v, want %v", got.CE, wantCE)
	}
}

func TestPartialSuiteIsRefused(t *testing.T) {
	t.Parallel()
	ref := modelNetC(t)
	tests := []struct {
		name  string
		clean float64
		edit  func(map[string][]float64)
		want  string
	}{
		{"corruption missing", 0.9, func(m map[string][]float64) { delete(m, "jitter") },
			"DGCNN on ModelNet-C: needs the whole suite: no share of right answers at every severity for jitter"},
		{"four severities", 0.9, func(m map[string][]float64) { m["scale"] = m["scale"][:4] },
			"DGCNN on ModelNet-C: needs the whole suite: no share of right answers at every severity for scale"},
		{"NaN severity", 0.9, func(m map[string][]float64) { m["scale"][2] = math.NaN() },
			"DGCNN on ModelNet-C: needs the whole suite: no share of right answers at every severity for scale"},
		{"no clean", math.NaN(), func(map[string][]float64) {},
			"DGCNN on ModelNet-C: needs the whole suite: no share of right answers at every severity for clean"},
		{"foreign corruption", 0.9, func(m map[string][]float64) { m["shear"] = []float64{1, 1, 1, 1, 1} },
			"DGCNN on ModelNet-C: needs the whole suite: not in the suite: shear"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := levels(ref.OA)
			tt.edit(m)
			for _, f := range []func(float64, map[string][]float64) (Robustness, error){ref.Official, ref.Exact} {
				_, err := f(tt.clean, m)
				var partial *PartialError
				if !errors.As(err, &partial) || err.Error() != tt.want {
					t.Errorf("got error %v, want %s", err, tt.want)
				}
			}
		})
	}
}

func TestRound3(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ x, want float64 }{
		{1.0005, 1}, {0.1235, 0.123}, {2.6745, 2.675}, {0.0625, 0.062}, {0.1875, 0.188}, {-0.0625, -0.062}, {0, 0},
	} {
		if got := Round3(tt.x); got != tt.want {
			t.Errorf("Round3(%v): got %v, want %v", tt.x, got, tt.want)
		}
	}
}

// vectors is the shape of the stored outputs of the published calculators.
type vectors struct {
	Reference map[string]float64 `json:"reference"`
	Order     []string           `json:"order"`
	Cases     []struct {
		Input         map[string]json.RawMessage    `json:"input"` // five severities, or their mean
		PerCorruption map[string]map[string]float64 `json:"per_corruption"`
		Final         map[string]float64            `json:"final"`
		Exact         struct {
			OA, CE, RCE map[string]float64
			MCE         float64 `json:"mCE"`
			RMCE        float64 `json:"RmCE"`
			MOA         float64 `json:"mOA"`
		} `json:"unrounded_own_computation"`
		InOrder map[string][]float64 `json:"unrounded_in_order"`
	} `json:"cases"`
}

func readVectors(t *testing.T, name string) (v vectors, ref Reference) {
	t.Helper()
	data, err := os.ReadFile(sharedtest.Path(t, "oracles", "metrics", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cases) == 0 {
		t.Fatal("no cases")
	}
	ref = Reference{Name: name, Clean: v.Reference["clean"], OA: v.Reference}
	ref.Corruptions = slices.DeleteFunc(slices.Clone(v.Order), func(s string) bool { return s == "clean" })
	return v, ref
}

// input reads five severities per corruption, or one mean that stands for all five.
func input(t *testing.T, raw map[string]json.RawMessage) (clean float64, oa map[string][]float64) {
	t.Helper()
	oa = make(map[string][]float64)
	for name, data := range raw {
		var values []float64
		if err := json.Unmarshal(data, &values); err != nil {
			var mean float64
			if err := json.Unmarshal(data, &mean); err != nil {
				t.Fatal(err)
			}
			values = []float64{mean, mean, mean, mean, mean}
		}
		if name == "clean" {
			clean = values[0]
			continue
		}
		oa[name] = values
	}
	return clean, oa
}

func TestOfficialVectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"modelnet-c_online", "scanobjectnn-c_online"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, ref := readVectors(t, name)
			for i, c := range v.Cases {
				got, err := ref.Official(input(t, c.Input))
				if err != nil {
					t.Fatalf("case %d: %v", i, err)
				}
				equal := got.Clean == c.PerCorruption["clean"]["OA"] &&
					got.MCE == c.Final["mCE"] && got.RMCE == c.Final["RmCE"] && got.MOA == c.Final["mOA"]
				for _, name := range ref.Corruptions {
					want := c.PerCorruption[name]
					equal = equal && got.OA[name] == want["OA"] && got.CE[name] == want["CE"] && got.RCE[name] == want["RCE"]
				}
				if !equal {
					t.Errorf("case %d: got %+v, want %v, final %v", i, got, c.PerCorruption, c.Final)
				}
				if c.Exact.CE != nil {
					exact, err := ref.Exact(input(t, c.Input))
					if err != nil {
						t.Fatal(err)
					}
					for _, name := range ref.Corruptions {
						checkClose(t, i, name+" OA", exact.OA[name], c.Exact.OA[name])
						checkClose(t, i, name+" CE", exact.CE[name], c.Exact.CE[name])
						checkClose(t, i, name+" RCE", exact.RCE[name], c.Exact.RCE[name])
					}
					checkClose(t, i, "mOA", exact.MOA, c.Exact.MOA)
					checkClose(t, i, "mCE", exact.MCE, c.Exact.MCE)
					checkClose(t, i, "RmCE", exact.RMCE, c.Exact.RMCE)
				}
			}
		})
	}
}

// TestExactVectors checks against calculators that round only at the end.
func TestExactVectors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"scanobjectnn-c_offline", "modelnet-c_offline_adaptpoint"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, ref := readVectors(t, name)
			for i, c := range v.Cases {
				got, err := ref.Exact(input(t, c.Input))
				if err != nil {
					t.Fatalf("case %d: %v", i, err)
				}
				for j, name := range ref.Corruptions {
					checkClose(t, i, name+" CE", got.CE[name], c.InOrder["CE"][j])
					checkClose(t, i, name+" RCE", got.RCE[name], c.InOrder["RCE"][j])
					want := c.PerCorruption[name]
					// The stored values are rounded here, not ours: ours average five equal
					// severities, whose last bit decides where a value lies on a tie.
					ce, rce := Round3(c.InOrder["CE"][j]), Round3(c.InOrder["RCE"][j])
					if ce != want["CE"] || rce != want["RCE"] {
						t.Errorf("case %d, %s: got %v, %v, want %v", i, name, ce, rce, want)
					}
				}
				if Round3(got.MCE) != c.Final["mCE"] || Round3(got.RMCE) != c.Final["RmCE"] {
					t.Errorf("case %d: got mCE %v, RmCE %v, want %v", i, got.MCE, got.RMCE, c.Final)
				}
			}
		})
	}
}

func TestRound3Vectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(sharedtest.Path(t, "oracles", "metrics", "round3.json"))
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Cases [][2]float64 }
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range v.Cases {
		if got := Round3(c[0]); got != c[1] {
			t.Errorf("Round3(%v): got %v, want %v", c[0], got, c[1])
		}
	}
}

// checkClose allows 1e-12, relative to values that are at most a few units: the
// accuracy that the vectors promise.
func checkClose(t *testing.T, i int, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-12*max(1, math.Abs(want))) {
		t.Errorf("case %d, %s: got %v, want %v", i, what, got, want)
	}
}
