package metric

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/wiseft/wiseft/internal/text"
)

const (
	referenceSchema = "wiseft.reference/1"
	// maxReferenceBytes exceeds any table of accuracies.
	maxReferenceBytes = 1 << 20
)

// referenceFile is the shape of a reference in JSON. Corruptions are a list because
// means are summed in their order.
type referenceFile struct {
	Schema      string   `json:"schema"`
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Suite       string   `json:"suite"`
	Source      string   `json:"source"`
	Rounding    string   `json:"rounding"`
	Clean       *float64 `json:"clean"`
	Corruptions []struct {
		Name string   `json:"name"`
		OA   *float64 `json:"oa"`
	} `json:"corruptions"`
}

// ReadReference reads a user's own reference:
//
//	{"schema": "wiseft.reference/1", "name": "our DGCNN", "suite": "modelnet-c",
//	 "source": "lab notebook, page 12", "clean": 0.931,
//	 "corruptions": [{"name": "scale", "oa": 0.907}, ...]}
//
// Accuracies are shares, not percentages, each the mean over the severities. "title", by default the suite, is the
// name of the data; "rounding" is "stages", the default, or "end". The ID is the name. Every corruption of the suite
// that counts must be there, with an accuracy below 1 that differs from clean, since errors are divided by both
// differences. Errors do not name the file.
func ReadReference(r io.Reader) (Reference, error) {
	var f referenceFile
	limited := &io.LimitedReader{R: r, N: maxReferenceBytes}
	d := json.NewDecoder(limited)
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		if limited.N == 0 {
			return Reference{}, fmt.Errorf("is longer than %d bytes, the limit of a reference", maxReferenceBytes)
		}
		return Reference{}, fmt.Errorf("is not a reference: %w", text.JSONError(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return Reference{}, fmt.Errorf("has data after the reference; a file holds one reference")
	}
	if err := f.check(); err != nil {
		return Reference{}, err
	}
	ref := Reference{
		ID: f.Name, Name: f.Name, Title: f.Title, Suite: f.Suite, Source: f.Source,
		Clean: *f.Clean, OA: make(map[string]float64, len(f.Corruptions)),
	}
	if ref.Title == "" {
		ref.Title = f.Suite
	}
	if f.Rounding == RoundEnd.String() {
		ref.Rounding = RoundEnd
	}
	for _, c := range f.Corruptions {
		ref.Corruptions = append(ref.Corruptions, c.Name)
		ref.OA[c.Name] = *c.OA
	}
	return ref, nil
}

// check returns the first error in f.
func (f *referenceFile) check() error {
	switch {
	case f.Schema != referenceSchema:
		return fmt.Errorf("schema %q, want %q", f.Schema, referenceSchema)
	case f.Name == "" || f.Suite == "" || f.Source == "":
		return fmt.Errorf("needs name, suite and source, which results record")
	case slices.ContainsFunc(References(), func(r Reference) bool { return r.ID == f.Name || r.Name == f.Name }):
		return fmt.Errorf("name %q belongs to a published reference; take another", f.Name)
	case !slices.Contains([]string{"", RoundStages.String(), RoundEnd.String()}, f.Rounding):
		return fmt.Errorf("rounding %q, want %q or %q", f.Rounding, RoundStages, RoundEnd)
	case f.Clean == nil || !(*f.Clean > 0 && *f.Clean <= 1):
		return fmt.Errorf("clean %s must be a share above 0 and at most 1", number(f.Clean))
	case len(f.Corruptions) == 0:
		return fmt.Errorf("has no corruptions")
	}
	seen := map[string]bool{}
	for i, c := range f.Corruptions {
		switch {
		case c.Name == "":
			return fmt.Errorf("corruption %d has no name", i)
		case seen[c.Name]:
			return fmt.Errorf("corruption %q occurs twice", c.Name)
		case c.OA == nil || !(*c.OA >= 0 && *c.OA < 1):
			return fmt.Errorf("corruption %q: oa %s must be a share from 0 and below 1: CE divides by the error",
				c.Name, number(c.OA))
		case *c.OA == *f.Clean:
			return fmt.Errorf("corruption %q: oa %s equals clean, but RCE divides by the difference", c.Name, number(c.OA))
		}
		seen[c.Name] = true
	}
	return nil
}

func number(v *float64) string {
	if v == nil {
		return "(missing)"
	}
	return fmt.Sprint(*v)
}
