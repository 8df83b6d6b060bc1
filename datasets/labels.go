package datasets

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/input"
	"github.com/wiseft/wiseft/internal/text"
)

// LabelMap turns the labels of one set of classes into those of another.
type LabelMap struct {
	Name    string          `json:"-"`
	Doc     string          `json:"-"`
	Classes []string        `json:"classes"` // names of the new labels; may be nil
	To      map[int64]int64 `json:"to"`      // new label by old; samples of others are left out
}

// labelMaps are the built-in maps.
var labelMaps = []LabelMap{
	{
		Name:    "modelnet10-modelnet40",
		Doc:     "ModelNet10's ten classes as ModelNet40 numbers them",
		Classes: modelNet40Classes,
		To:      byName(modelNet10Classes, modelNet40Classes),
	},
	{
		Name:    "modelnet40-modelnet10",
		Doc:     "the samples of ModelNet40 whose class is one of ModelNet10's ten",
		Classes: modelNet10Classes,
		To:      byName(modelNet40Classes, modelNet10Classes),
	},
	{
		Name: "modelnet40-scanobjectnn",
		Doc: "the samples of ModelNet40 whose class is one of the eleven that ScanObjectNN shares " +
			"(bench, chair and stool are chairs, dresser and wardrobe cabinets, bookshelf is a shelf, monitor a display)",
		Classes: scanObjectNNClasses,
		// ScanObjectNN's mapping2.py.
		To: map[int64]int64{2: 10, 4: 8, 8: 4, 12: 5, 13: 7, 14: 3, 22: 6, 3: 4, 29: 12, 30: 13, 32: 4, 33: 9, 35: 14, 38: 3},
	},
	{
		Name: "scanobjectnn-modelnet40",
		Doc: "the samples of ScanObjectNN whose class is one of the eleven that ModelNet40 shares; " +
			"chairs become chair, cabinets dresser",
		Classes: modelNet40Classes,
		To:      map[int64]int64{10: 2, 8: 4, 4: 8, 5: 12, 7: 13, 3: 14, 6: 22, 12: 29, 13: 30, 9: 33, 14: 35},
	},
}

// byName maps the labels of names that are in both lists.
func byName(from, to []string) map[int64]int64 {
	m := map[int64]int64{}
	for i, name := range from {
		if k := slices.Index(to, name); k >= 0 {
			m[int64(i)] = int64(k)
		}
	}
	return m
}

// LabelMaps returns the built-in maps.
func LabelMaps() []LabelMap { return slices.Clone(labelMaps) }

// LookupLabelMap returns the built-in map of that name, or reads a JSON file:
//
//	{"classes": ["chair", "desk"], "to": {"8": 0, "12": 1}}
//
// with the new label by the old one. classes may be left out.
func LookupLabelMap(name string) (LabelMap, error) {
	for _, m := range labelMaps {
		if m.Name == name {
			return m, nil
		}
	}
	document, err := input.ReadFile(name)
	if err != nil {
		names := make([]string, len(labelMaps))
		for i, m := range labelMaps {
			names[i] = m.Name
		}
		return LabelMap{}, malformed(name, "is neither a label map (%s) nor a file that can be read",
			strings.Join(names, ", "))
	}
	m := LabelMap{Name: name}
	if err := json.Unmarshal(document, &m); err != nil {
		return m, malformed(name, "is not a label map: %v", text.JSONError(err))
	}
	if len(m.To) == 0 {
		return m, malformed(name, `is not a label map: "to" has no labels`)
	}
	for old, label := range m.To {
		if old < 0 || label < 0 || len(m.Classes) > 0 && label >= int64(len(m.Classes)) {
			return m, malformed(name,
				"maps label %d to %d; labels count from 0, and must be below the number of class names, %d, if there are any",
				old, label, len(m.Classes))
		}
	}
	return m, nil
}

// MapLabels returns the samples of ds that have a label in m, with their new labels. The error is a *FormatError if
// there are none. ds must stay open; closing the result does not close it.
func MapLabels(ds Dataset, m LabelMap) (Dataset, error) {
	var kept []int
	for i := range ds.Len() {
		if _, ok := m.To[ds.Label(i)]; ok {
			kept = append(kept, i)
		}
	}
	if len(kept) == 0 {
		return nil, malformed(ds.Info().Name, "has no sample with a label of the map %s", m.Name)
	}
	line := fmt.Sprintf("labels: %s, %d of %d samples", m.Name, len(kept), ds.Len())
	return &mapped{Dataset: Subset(ds, kept, "those with a new label"), m: m, line: line}, nil
}

type mapped struct {
	Dataset
	m    LabelMap
	line string
}

// Info implements Dataset.
func (d *mapped) Info() Info {
	info := withHistory(d.Dataset.Info(), d.line)
	info.Classes = slices.Clone(d.m.Classes)
	return info
}

// Label implements Dataset.
func (d *mapped) Label(i int) int64 { return d.m.To[d.Dataset.Label(i)] }

// Read implements Dataset.
func (d *mapped) Read(ctx context.Context, dst *Sample, i int) error {
	err := d.Dataset.Read(ctx, dst, i)
	dst.Label = d.m.To[dst.Label]
	return err
}

// Hash implements Dataset.
func (d *mapped) Hash(ctx context.Context) (string, error) {
	text, err := json.Marshal(d.m.To) // sorted by key
	if err != nil {
		return "", err
	}
	return DerivedHash(ctx, d.Dataset, strings.Join(append([]string{d.line, string(text)}, d.m.Classes...), "\n"))
}
