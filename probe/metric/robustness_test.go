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
	ref, ok := DefaultReference("modelnet-c")
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
			"DGCNN on ModelNet-C: needs the whole suite: no accuracy between 0 and 1 at every severity for jitter"},
		{"four severities", 0.9, func(m map[string][]float64) { m["scale"] = m["scale"][:4] },
			"DGCNN on ModelNet-C: needs the whole suite: no accuracy between 0 and 1 at every severity for scale"},
		{"NaN severity", 0.9, func(m map[string][]float64) { m["scale"][2] = math.NaN() },
			"DGCNN on ModelNet-C: needs the whole suite: no accuracy between 0 and 1 at every severity for scale"},
		{"no clean", math.NaN(), func(map[string][]float64) {},
			"DGCNN on ModelNet-C: needs the whole suite: no accuracy between 0 and 1 at every severity for clean"},
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

// readVectors reads the outputs of a calculator and the reference that repeats it.
func readVectors(t *testing.T, name, id string) (v vectors, ref Reference) {
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
	if ref, err = LookupReference(id); err != nil {
		t.Fatal(err)
	}
	order := slices.DeleteFunc(slices.Clone(v.Order), func(s string) bool { return s == "clean" })
	want := maps.Clone(v.Reference)
	delete(want, "clean")
	if !slices.Equal(ref.Corruptions, order) || ref.Clean != v.Reference["clean"] || !maps.Equal(ref.OA, want) {
		t.Fatalf("reference %s: got %v, %v, %v, want %v, %v", id, ref.Clean, ref.Corruptions, ref.OA, order, v.Reference)
	}
	return v, ref
}

// bySeverity reads five severities per corruption.
func bySeverity(t *testing.T, raw map[string]json.RawMessage) (clean float64, oa map[string][]float64) {
	t.Helper()
	oa = make(map[string][]float64)
	for name, data := range raw {
		var values []float64
		if err := json.Unmarshal(data, &values); err != nil {
			t.Fatal(err)
		}
		oa[name] = values
	}
	clean = oa["clean"][0]
	delete(oa, "clean")
	return clean, oa
}

// means reads one accuracy per corruption.
func means(t *testing.T, raw map[string]json.RawMessage) (clean float64, oa map[string]float64) {
	t.Helper()
	oa = make(map[string]float64)
	for name, data := range raw {
		var mean float64
		if err := json.Unmarshal(data, &mean); err != nil {
			t.Fatal(err)
		}
		oa[name] = mean
	}
	clean = oa["clean"]
	delete(oa, "clean")
	return clean, oa
}

// TestStagedVectors checks the evaluations that round stage by stage.
func TestStagedVectors(t *testing.T) {
	t.Parallel()
	for file, id := range map[string]string{
		"modelnet-c_online": "modelnet-c", "scanobjectnn-c_online": "scanobjectnn-c",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			v, ref := readVectors(t, file, id)
			for i, c := range v.Cases {
				clean, oa := bySeverity(t, c.Input)
				got, err := ref.Official(clean, oa)
				if err != nil {
					t.Fatalf("case %d: %v", i, err)
				}
				checkEqual(t, i, "clean OA", got.Clean, c.PerCorruption["clean"]["OA"])
				checkEqual(t, i, "mOA", got.MOA, c.Final["mOA"])
				checkEqual(t, i, "mCE", got.MCE, c.Final["mCE"])
				checkEqual(t, i, "RmCE", got.RMCE, c.Final["RmCE"])
				for _, name := range ref.Corruptions {
					want := c.PerCorruption[name]
					checkEqual(t, i, name+" OA", got.OA[name], want["OA"])
					checkEqual(t, i, name+" CE", got.CE[name], want["CE"])
					checkEqual(t, i, name+" RCE", got.RCE[name], want["RCE"])
					got, err := ref.OfficialCorruption(name, clean, oa[name])
					if err != nil || got.OA != want["OA"] || got.CE != want["CE"] || got.RCE != want["RCE"] {
						t.Errorf("case %d, %s alone: got %+v, %v, want %v", i, name, got, err, want)
					}
				}
				if c.Exact.CE == nil {
					continue
				}
				exact, err := ref.Exact(clean, oa)
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range ref.Corruptions {
					checkEqual(t, i, name+" OA", exact.OA[name], c.Exact.OA[name])
					checkEqual(t, i, name+" CE", exact.CE[name], c.Exact.CE[name])
					checkEqual(t, i, name+" RCE", exact.RCE[name], c.Exact.RCE[name])
				}
				checkEqual(t, i, "mOA", exact.MOA, c.Exact.MOA)
				checkEqual(t, i, "mCE", exact.MCE, c.Exact.MCE)
				checkEqual(t, i, "RmCE", exact.RMCE, c.Exact.RMCE)
			}
		})
	}
}

// TestEndVectors checks the calculators that round only at the end.
func TestEndVectors(t *testing.T) {
	t.Parallel()
	for file, id := range map[string]string{
		"modelnet-c_offline_adaptpoint": "modelnet-c-offline", "scanobjectnn-c_offline": "scanobjectnn-c-offline",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			v, ref := readVectors(t, file, id)
			for i, c := range v.Cases {
				clean, oa := means(t, c.Input)
				got, err := ref.OfficialMeans(clean, oa)
				if err != nil {
					t.Fatalf("case %d: %v", i, err)
				}
				exact, err := ref.ExactMeans(clean, oa)
				if err != nil {
					t.Fatalf("case %d: %v", i, err)
				}
				checkEqual(t, i, "mCE", got.MCE, c.Final["mCE"])
				checkEqual(t, i, "RmCE", got.RMCE, c.Final["RmCE"])
				for j, name := range ref.Corruptions {
					checkEqual(t, i, name+" CE", got.CE[name], c.PerCorruption[name]["CE"])
					checkEqual(t, i, name+" RCE", got.RCE[name], c.PerCorruption[name]["RCE"])
					checkEqual(t, i, name+" exact CE", exact.CE[name], c.InOrder["CE"][j])
					checkEqual(t, i, name+" exact RCE", exact.RCE[name], c.InOrder["RCE"][j])
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

func checkEqual(t *testing.T, i int, what string, got, want float64) {
	t.Helper()
	if got != want {
		t.Errorf("case %d, %s: got %v, want %v", i, what, got, want)
	}
}
