package metric

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Every reference classifier has errors of 1 against itself, whatever the rounding.
func TestReferencesAgainstThemselves(t *testing.T) {
	t.Parallel()
	for _, ref := range References() {
		id := ref.ID
		got, err := ref.OfficialMeans(ref.Clean, ref.OA)
		if err != nil {
			t.Fatal(err)
		}
		if got.MCE != 1 || got.RMCE != 1 {
			t.Errorf("%s: got mCE %v, RmCE %v, want 1, 1", id, got.MCE, got.RMCE)
		}
	}
	if ref, ok := DefaultReference("modelnet-c"); !ok || ref.ID != "modelnet-c" {
		t.Errorf("default of modelnet-c: got %q", ref.ID)
	}
	if ref, ok := DefaultReference("scanobjectnn-c"); ok {
		t.Errorf("default of a suite that is none: got %q", ref.ID)
	}
	if _, err := LookupReference("no-such"); err == nil {
		t.Error("no-such: got a reference")
	}
}

// The two definitions of ScanObjectNN-C give different figures.
func TestScanObjectNNDefinitionsDiffer(t *testing.T) {
	t.Parallel()
	oa := seven(0.6, 0.5, 0.7, 0.6, 0.7, 0.6, 0.7)
	got := map[string]float64{}
	for _, id := range []string{"scanobjectnn-c", "scanobjectnn-c-offline"} {
		ref, _ := LookupReference(id)
		res, err := ref.OfficialMeans(0.86, oa)
		if err != nil {
			t.Fatal(err)
		}
		got[id] = res.RMCE
	}
	if got["scanobjectnn-c"] == got["scanobjectnn-c-offline"] {
		t.Errorf("both definitions give RmCE %v", got)
	}
}

const ownReference = `{"schema": "wiseft.reference/1", "name": "ours", "suite": "modelnet-c", "source": "notebook",
	"clean": 0.9, "corruptions": [{"name": "jitter", "oa": 0.5}, {"name": "scale", "oa": 0.8}]}`

func TestReadReference(t *testing.T) {
	t.Parallel()
	ref, err := ReadReference(strings.NewReader(ownReference))
	if err != nil {
		t.Fatal(err)
	}
	if ref.ID != "ours" || ref.Title != "modelnet-c" || ref.Rounding != RoundStages || ref.Clean != 0.9 ||
		!slices.Equal(ref.Corruptions, []string{"jitter", "scale"}) || !maps.Equal(ref.OA,
		map[string]float64{"jitter": 0.5, "scale": 0.8}) {
		t.Errorf("got %+v", ref)
	}
	end := strings.Replace(ownReference, `"clean"`, `"rounding": "end", "clean"`, 1)
	if ref, err := ReadReference(strings.NewReader(end)); err != nil || ref.Rounding != RoundEnd {
		t.Errorf("rounding end: got %v, %v", ref.Rounding, err)
	}
}

func TestReadReferenceRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ old, new, want string }{
		{`"wiseft.reference/1"`, `"x"`, `schema "x", want "wiseft.reference/1"`},
		{`"ours"`, `""`, `needs name, suite and source`},
		{`"ours"`, `"modelnet-c"`, `belongs to a published reference`},
		{`"ours"`, `"DGCNN on ModelNet-C"`, `belongs to a published reference`},
		{`"clean": 0.9,`, ``, `clean (missing) must be a share`},
		{`0.9`, `90`, `clean 90 must be a share`},
		{`0.5`, `50`, `corruption "jitter": oa 50 must be a share`},
		{`0.5`, `1`, `corruption "jitter": oa 1 must be a share`},
		{`0.5`, `null`, `corruption "jitter": oa (missing)`},
		{`0.5`, `0.9`, `corruption "jitter": oa 0.9 equals clean`},
		{`"scale"`, `"jitter"`, `corruption "jitter" occurs twice`},
		{`"scale"`, `""`, `corruption 1 has no name`},
		{`"clean"`, `"rounding": "up", "clean"`, `rounding "up", want "stages" or "end"`},
		{`"source"`, `"sauce"`, `unknown field "sauce"`},
		{`]}`, `]} {}`, `data after the reference`},
		{`]}`, ``, `is not a reference`},
		{`"notebook"`, `"` + strings.Repeat("x", 2<<20) + `"`, `is longer than 1048576 bytes`},
	} {
		text := strings.Replace(ownReference, tt.old, tt.new, 1)
		if text == ownReference {
			t.Fatalf("%s is not in the text", tt.old)
		}
		_, err := ReadReference(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.40s: got %v, want %s", tt.new, err, tt.want)
		}
	}
	if got := fmt.Sprint(Rounding(7)); got != "unknown" {
		t.Errorf("String of no rounding: got %s", got)
	}
}

// The calculator that rounds at the end shows three decimals, too.
func TestRoundEndShowsThreeDecimals(t *testing.T) {
	t.Parallel()
	ref, _ := LookupReference("scanobjectnn-c-offline")
	oa := levels(seven(0.60044, 0.5, 0.7, 0.6, 0.7, 0.6, 0.7))
	got, err := ref.Official(0.86049, oa)
	if err != nil {
		t.Fatal(err)
	}
	if got.Clean != 0.86 || got.OA["scale"] != 0.6 || got.MOA != 0.629 {
		t.Errorf("got clean %v, scale %v, mOA %v, want 0.86, 0.6, 0.629", got.Clean, got.OA["scale"], got.MOA)
	}
	// (1 - 0.60044) / (1 - 0.57752) = 0.94575 and (0.86049 - 0.60044) / (0.8581 - 0.57752) = 0.92683
	scale, err := ref.OfficialCorruption("scale", 0.86049, oa["scale"])
	if want := (CorruptionErrors{OA: 0.6, CE: 0.946, RCE: 0.927}); err != nil || scale != want {
		t.Errorf("scale alone: got %+v, %v, want %+v", scale, err, want)
	}
}
