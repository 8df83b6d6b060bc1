package bench

import (
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
)

// Data of a plan that feed other inputs than the rest, and data that a corruption is not for, are refused before a run.
func TestFedAlike(t *testing.T) {
	t.Parallel()
	data := func(inputs ...string) datasets.Dataset {
		info := datasets.Info{Name: strings.Join(inputs, "+")}
		s := datasets.Sample{X: make([]float32, 6), Shape: []int{6}}
		for _, name := range inputs {
			info.Inputs = append(info.Inputs, datasets.InputArray{Input: name, Array: name + "s"})
			s.X, s.Shape = nil, nil
			s.Arrays = append(s.Arrays, typed.Array{Type: typed.Int8, Shape: []int64{1}, Data: []byte{1}})
		}
		ds, err := datasets.NewMemory(info, []datasets.Sample{s})
		if err != nil {
			t.Fatal(err)
		}
		return ds
	}
	constant := func(ds datasets.Dataset) datasets.Dataset {
		return datasets.WithConstants(ds, []datasets.Constant{{Input: "rate", Value: "1"}})
	}
	for _, c := range []struct {
		train, test datasets.Dataset
		corruptions []string
		wrong       string
	}{
		{data("ids", "mask"), data("mask", "ids"), nil, ""},
		{data("ids", "mask"), data("ids"), nil, "ids+mask feeds the inputs [ids, mask], and ids feeds [ids]"},
		{constant(data()), data(), nil, "feeds the inputs [rate (constant)]"},
		{constant(data()), constant(data()), nil, ""},
		{data("ids", "mask"), data("ids", "mask"), []string{"jitter"}, "jitter is for clouds, [points 3], and the samples are the arrays idss, masks"},
		{data(), data(), []string{"jitter"}, "jitter is for clouds, [points 3], and the samples have shape [6]"},
		{data(), data(), []string{"gaussian_noise"}, "is for images"},
	} {
		_, err := newRunData(t.Context(), &Plan{Train: c.train, Tests: []Test{{Name: "t", Data: c.test}}, Corruptions: c.corruptions,
			Severities: []int{1}})
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%v, want %q", err, c.wrong)
		}
	}
}
