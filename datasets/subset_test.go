package datasets_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
)

func TestSubset(t *testing.T) {
	t.Parallel()
	idx := []int{4, 0, 4}
	datasettest.Run(t, func(t *testing.T) datasets.Dataset {
		return datasets.Subset(open(t, "testdata/modelnet", "train"), idx, "three")
	})
	base := open(t, "testdata/modelnet", "train")
	ds := datasets.Subset(base, slices.Clone(idx), "three")
	idx[0] = 1
	for i, k := range []int{4, 0, 4} {
		if got, want := read(t, ds, i), read(t, base, k); !slices.Equal(got.X, want.X) || got.Label != want.Label {
			t.Errorf("sample %d is not sample %d of the base", i, k)
		}
	}
	if got := ds.Info().History; !slices.Equal(got, []string{"subset: 3 of 5 samples, three"}) {
		t.Errorf("history %q", got)
	}
}

// labelled is a data set that has only labels.
type labelled struct {
	datasets.Dataset
	labels []int64
	fail   map[int]bool
	reads  atomic.Int64
}

func (l *labelled) Len() int                             { return len(l.labels) }
func (l *labelled) Label(i int) int64                    { return l.labels[i] }
func (l *labelled) Info() datasets.Info                  { return datasets.Info{Name: "labels", Format: "test"} }
func (l *labelled) Hash(context.Context) (string, error) { return "00", nil }

func (l *labelled) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	l.reads.Add(1)
	if l.fail[i] {
		return fmt.Errorf("sample %d is broken", i)
	}
	dst.Set([]float32{float32(i)}, []int{1}, l.labels[i])
	return ctx.Err()
}

func TestSplitStratified(t *testing.T) {
	t.Parallel()
	ds := &labelled{}
	counts := map[int64]int{0: 1, 1: 2, 2: 3, 3: 100, 7: 1000, datasets.NoLabel: 4}
	for i := range 1000 {
		for label := datasets.NoLabel; label <= 7; label++ {
			if i < counts[label] {
				ds.labels = append(ds.labels, label)
			}
		}
	}
	for _, test := range []struct {
		fraction float64
		want     map[int64]int // held
	}{
		{0.2, map[int64]int{1: 1, 2: 1, 3: 20, 7: 200, -1: 1}},
		{0.001, map[int64]int{1: 1, 2: 1, 3: 1, 7: 1, -1: 1}},
		{0.999, map[int64]int{1: 1, 2: 2, 3: 99, 7: 999, -1: 3}},
		{0, map[int64]int{}},
		{1, map[int64]int{1: 1, 2: 2, 3: 99, 7: 999, -1: 3}},
		{2, map[int64]int{1: 1, 2: 2, 3: 99, 7: 999, -1: 3}},
	} {
		rest, held := datasets.SplitStratified(datasets.Labels(ds), test.fraction, 1)
		got := map[int64]int{}
		for _, i := range held {
			got[ds.labels[i]]++
		}
		if fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("fraction %v: held %v, want %v", test.fraction, got, test.want)
		}
		all := slices.Sorted(slices.Values(slices.Concat(rest, held)))
		for i := range ds.labels {
			if len(all) != len(ds.labels) || all[i] != i {
				t.Fatalf("fraction %v: the parts do not make up the whole", test.fraction)
			}
		}
		if !slices.IsSorted(rest) || !slices.IsSorted(held) {
			t.Errorf("fraction %v: not sorted", test.fraction)
		}
	}
	_, a := datasets.SplitStratified(datasets.Labels(ds), 0.2, 1)
	_, again := datasets.SplitStratified(datasets.Labels(ds), 0.2, 1)
	_, b := datasets.SplitStratified(datasets.Labels(ds), 0.2, 2)
	if !slices.Equal(a, again) || slices.Equal(a, b) {
		t.Error("the split must depend on the seed and on nothing else")
	}
}

func TestInMemory(t *testing.T) {
	t.Parallel()
	load := func(t *testing.T) datasets.Dataset {
		base := open(t, "testdata/modelnet", "train")
		ds, err := datasets.InMemory(t.Context(), base, nil)
		if err != nil {
			t.Fatal(err)
		}
		base.Close() // its samples are in ds
		return ds
	}
	datasettest.Run(t, load)
	ds, base := load(t), open(t, "testdata/modelnet", "train")
	a, _ := ds.Hash(t.Context())
	b, _ := base.Hash(t.Context())
	if a != b || fmt.Sprint(ds.Info()) != fmt.Sprint(base.Info()) {
		t.Error("a data set in memory is not equal to its base")
	}
	for i := range base.Len() {
		if !slices.Equal(read(t, ds, i).X, read(t, base, i).X) {
			t.Errorf("sample %d differs", i)
		}
	}
}

func TestInMemoryProgressAndErrors(t *testing.T) {
	t.Parallel()
	ds := &labelled{labels: make([]int64, 500)}
	var calls []int
	if _, err := datasets.InMemory(t.Context(), ds,
		func(done, total int) { calls = append(calls, done*1000+total) }); err != nil {
		t.Fatal(err)
	}
	if ds.reads.Load() != 500 || len(calls) != 500 || calls[0] != 1500 || calls[499] != 500500 || !slices.IsSorted(calls) {
		t.Errorf("%d reads, %d calls of progress", ds.reads.Load(), len(calls))
	}
	ds = &labelled{labels: make([]int64, 500), fail: map[int]bool{37: true, 38: true, 39: true, 400: true}}
	for range 20 {
		if _, err := datasets.InMemory(t.Context(), ds, nil); err == nil || !strings.Contains(err.Error(), "sample 37") {
			t.Fatalf("%v, want the error of sample 37", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := datasets.InMemory(ctx, &labelled{labels: make([]int64, 500)}, func(done, _ int) {
		if done == 100 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
