package datasets

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/wiseft/wiseft/internal/fault"
)

// AlignLabels compares the class names of labels with those of a reference, such as the training data's. It returns nil
// if the numbers agree: either list is unknown, no name is in both, or no number has one name here and another there.
// Otherwise it returns the reference's number of each label, by name; a label whose name the reference does not have is
// an error of the kind Mismatch. Names are compared by their letters and digits, without case.
func AlignLabels(labels []int64, classes, reference []string) (map[int64]int64, error) {
	known := map[string]int64{}
	for i, name := range reference {
		if key := nameKey(name); key != "" {
			known[key] = int64(i)
		}
	}
	common, differ := false, false
	for i, name := range classes {
		at, ok := known[nameKey(name)]
		common = common || ok
		there := i < len(reference) && reference[i] != ""
		differ = differ || nameKey(name) != "" && (ok && at != int64(i) || !ok && there)
	}
	if !common || !differ {
		return nil, nil
	}
	to := map[int64]int64{}
	for i, label := range labels {
		if label < 0 || label >= int64(len(classes)) {
			continue
		}
		at, ok := known[nameKey(classes[label])]
		if !ok {
			return nil, fault.Mismatchf("sample %d is of class %q, which is none of the %d classes %s", i, classes[label],
				len(reference), someNames(reference)).WithHint("map the classes with --labels")
		}
		to[label] = at
	}
	return to, nil
}

// nameKey is a name without case, spaces and punctuation: night_stand and Night Stand are one class.
func nameKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// someNames returns at most five names.
func someNames(names []string) string {
	if len(names) <= 5 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:5], ", ") + fmt.Sprintf(" and %d more", len(names)-5)
}

// AlignClasses returns ds with the labels that its class names have in a reference, as [AlignLabels] finds them, and ds
// itself where the numbers agree. ds must stay open; closing the result does not close it.
func AlignClasses(ds Dataset, reference []string) (Dataset, error) {
	to, err := AlignLabels(Labels(ds), ds.Info().Classes, reference)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ds.Info().Name, err)
	}
	if to == nil {
		return ds, nil
	}
	return MapLabels(ds, LabelMap{Name: "by class names", Classes: slices.Clone(reference), To: to})
}
