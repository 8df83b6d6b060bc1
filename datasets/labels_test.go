package datasets_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

func TestLabelMaps(t *testing.T) {
	t.Parallel()
	// Known pairs of labels, from the data sets' own lists.
	for name, pairs := range map[string]map[int64]int64{
		"modelnet10-modelnet40":   {0: 1, 1: 2, 2: 8, 3: 12, 4: 14, 5: 22, 6: 23, 7: 30, 8: 33, 9: 35},
		"modelnet40-modelnet10":   {1: 0, 35: 9},
		"modelnet40-scanobjectnn": {8: 4, 32: 4, 38: 3},
		"scanobjectnn-modelnet40": {4: 8, 14: 35},
	} {
		m, err := datasets.LookupLabelMap(name)
		if err != nil {
			t.Fatal(err)
		}
		for old, label := range pairs {
			if m.To[old] != label {
				t.Errorf("%s: label %d becomes %d, want %d", name, old, m.To[old], label)
			}
		}
		for old, label := range m.To {
			if label < 0 || label >= int64(len(m.Classes)) {
				t.Errorf("%s: label %d becomes %d of %d classes", name, old, label, len(m.Classes))
			}
		}
	}
	there, _ := datasets.LookupLabelMap("modelnet40-scanobjectnn")
	back, _ := datasets.LookupLabelMap("scanobjectnn-modelnet40")
	if len(back.To) != 11 {
		t.Errorf("%d classes are shared, want 11", len(back.To))
	}
	for old, label := range back.To {
		if there.To[label] != old {
			t.Errorf("label %d of ScanObjectNN becomes %d, and that %d", old, label, there.To[label])
		}
	}
}

func TestMapLabels(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "map.json")
	if err := os.WriteFile(path, []byte(`{"classes": ["seat", "surface"], "to": {"2": 0, "1": 1}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := datasets.LookupLabelMap(path)
	if err != nil {
		t.Fatal(err)
	}
	base := open(t, "testdata/npz/float32.npz", "")
	mapped := func(*testing.T) datasets.Dataset {
		ds, err := datasets.MapLabels(base, m)
		if err != nil {
			t.Fatal(err)
		}
		return ds
	}
	datasettest.Run(t, mapped)
	ds := mapped(t)
	if got := ds.Info().Classes; !slices.Equal(got, []string{"seat", "surface"}) {
		t.Errorf("classes %v", got)
	}
	var labels []int64
	for i := range ds.Len() {
		labels = append(labels, read(t, ds, i).Label)
	}
	if !slices.Equal(labels, []int64{1, 0, 1, 0}) || !slices.Equal(read(t, ds, 0).X, wantCloud(1, testPoints)) {
		t.Errorf("labels %v, want those of samples 1, 2, 4 and 5", labels)
	}
	for text, want := range map[string]string{
		`{}`:                                 `"to" has no labels`,
		`[]`:                                 "is not a label map",
		`{"to": {"1": -1}}`:                  "maps label 1 to -1; labels count from 0",
		`{"classes": ["a"], "to": {"1": 1}}`: "must be below the number of class names, 1",
		`{"to": {"chair": 1}}`:               "is not a label map",
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := datasets.LookupLabelMap(path); err == nil || !contains(err, want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := datasets.LookupLabelMap("nothing"); err == nil || !contains(err, "modelnet10-modelnet40") {
		t.Errorf("an unknown map gives %v", err)
	}
	if _, err := datasets.MapLabels(base, datasets.LabelMap{Name: "m", To: map[int64]int64{7: 0}}); err == nil {
		t.Error("a map without a label of the data set gives a data set")
	}
}
