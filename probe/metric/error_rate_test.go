package metric

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

func fifteen() ([]string, map[string][]float64) {
	names, oa := []string{}, map[string][]float64{}
	for i := range 15 {
		name := fmt.Sprintf("corruption %d", i)
		names = append(names, name)
		for s := range Severities {
			oa[name] = append(oa[name], 1-float64(i*Severities+s)/100)
		}
	}
	return names, oa
}

// Errors of 0, 1, ..., 74 percent have the mean 37, those of the i-th corruption 5i + 2.
func TestErrorRates(t *testing.T) {
	t.Parallel()
	names, oa := fifteen()
	got, err := NewErrorRates("modelnet40-c", names, 0.9, oa)
	if err != nil {
		t.Fatal(err)
	}
	if !(math.Abs(got.Mean-0.37) <= 1e-12) || !(math.Abs(got.Clean-0.1) <= 1e-12) {
		t.Errorf("got mean %v, clean %v, want 0.37, 0.1", got.Mean, got.Clean)
	}
	for i, name := range names {
		if want := float64(5*i+2) / 100; !(math.Abs(got.Corruptions[name]-want) <= 1e-12) {
			t.Errorf("%s: got %v, want %v", name, got.Corruptions[name], want)
		}
	}
}

func TestErrorRatesOfPart(t *testing.T) {
	t.Parallel()
	names, whole := fifteen()
	for what, edit := range map[string]func(map[string][]float64){
		"one missing":     func(oa map[string][]float64) { delete(oa, names[3]) },
		"four severities": func(oa map[string][]float64) { oa[names[3]] = oa[names[3]][:4] },
		"a percentage":    func(oa map[string][]float64) { oa[names[3]] = []float64{93, 93, 93, 93, 93} },
		"one too many":    func(oa map[string][]float64) { oa["shear"] = whole[names[3]] },
	} {
		_, oa := fifteen()
		edit(oa)
		_, err := NewErrorRates("modelnet40-c", names, 0.9, oa)
		if _, ok := errors.AsType[*PartialError](err); !ok {
			t.Errorf("%s: got %v, want a PartialError", what, err)
		}
	}
}
