package feature

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestEpisodes(t *testing.T) {
	t.Parallel()
	f := &Set{Y: make([]int64, 120)}
	for i := range f.Y {
		f.Y[i] = int64(i % 6)
	}
	episodes, err := Episodes(f.Y, 4, 5, 10, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range episodes {
		count := map[int64][2]int{}
		for i, list := range [][]int{e.Train, e.Test} {
			for _, at := range list {
				n := count[f.Y[at]]
				n[i]++
				count[f.Y[at]] = n
			}
		}
		for label, n := range count {
			if n != [2]int{5, 10} {
				t.Errorf("class %d has %v samples, want [5 10]", label, n)
			}
		}
		all := slices.Sorted(slices.Values(slices.Concat(e.Train, e.Test)))
		if len(count) != 4 || len(slices.Compact(all)) != 60 {
			t.Errorf("%d classes, %d different samples", len(count), len(slices.Compact(all)))
		}
	}
	again, _ := Episodes(f.Y, 4, 5, 10, 3, 1)
	other, _ := Episodes(f.Y, 4, 5, 10, 3, 2)
	if !reflect.DeepEqual(again, episodes) || reflect.DeepEqual(other, episodes) || reflect.DeepEqual(episodes[0],
		episodes[1]) {
		t.Error("episodes do not follow the seed")
	}
	if _, err := Episodes(f.Y, 4, 15, 10, 3, 1); err == nil ||
		!strings.Contains(err.Error(), "0 classes have 25 samples or more") {
		t.Errorf("too many shots: got error %v", err)
	}
}

func TestPool(t *testing.T) {
	t.Parallel()
	f := &Set{Dim: 10, Y: []int64{0}, X: []float32{1, -1, 2, -2, 0, 5, 3, 8, 7, 4}} // five tokens of two
	want := map[string][]float32{
		"point-m2ae": {7 + 13./5, 8 + 14./5},
		"recon":      {2, 5, 7 + 5, 8 + 6},
		"point-mae":  {1, -1, 7, 8},
	}
	if len(want) != len(Conventions()) {
		t.Errorf("%d conventions", len(Conventions()))
	}
	for _, c := range Conventions() {
		got, err := c.Pool(f, 5)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.X, want[c.Name]) || got.Dim != len(want[c.Name]) {
			t.Errorf("%s: got %v, want %v", c.Name, got.X, want[c.Name])
		}
	}
	recon, err := LookupConvention("recon")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := recon.Pool(f, 3); err == nil {
		t.Error("10 values as 3 tokens are no error")
	}
}
