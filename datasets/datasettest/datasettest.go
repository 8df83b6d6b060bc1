// Package datasettest checks that a data set keeps the contract of datasets.Dataset. Every format and every wrapper
// runs it.
package datasettest

import (
	"bytes"
	"context"
	"errors"
	"math"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// Run checks the data set that open returns. open is called several times and must
// give equal data sets of at least one sample; Run closes them.
func Run(t *testing.T, open func(t *testing.T) datasets.Dataset) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, datasets.Dataset){
		"values":      values,
		"concurrent":  concurrent,
		"reuse":       reuse,
		"range":       outOfRange,
		"info":        info,
		"cancelled":   cancelled,
		"close twice": closeTwice,
	} {
		t.Run(name, func(t *testing.T) {
			ds := open(t)
			defer ds.Close()
			if ds.Len() < 1 {
				t.Fatal("no samples")
			}
			check(t, ds)
		})
	}
	t.Run("hash", func(t *testing.T) {
		a, b := open(t), open(t)
		defer a.Close()
		defer b.Close()
		hash(t, a, b)
	})
}

func read(t testing.TB, ds datasets.Dataset, i int) datasets.Sample {
	t.Helper()
	var s datasets.Sample
	if err := ds.Read(t.Context(), &s, i); err != nil {
		t.Fatalf("Read(%d): %v", i, err)
	}
	return s
}

// equal compares bits, so that -0 and 0 differ.
func equal(a, b datasets.Sample) bool {
	return a.Label == b.Label && slices.Equal(a.Shape, b.Shape) && bytes.Equal(a.AppendBytes(nil), b.AppendBytes(nil))
}

func values(t *testing.T, ds datasets.Dataset) {
	classes := ds.Info().Classes
	for i := range ds.Len() {
		s := read(t, ds, i)
		if s.Label != ds.Label(i) {
			t.Fatalf("sample %d: Read gives label %d, Label %d", i, s.Label, ds.Label(i))
		}
		if s.Label < datasets.NoLabel || len(classes) > 0 && s.Label >= int64(len(classes)) {
			t.Fatalf("sample %d: label %d is out of range for %d classes", i, s.Label, len(classes))
		}
		if named := ds.Info().Inputs; len(named) != len(s.Arrays) {
			t.Fatalf("sample %d has %d arrays, and Info names %d", i, len(s.Arrays), len(named))
		}
		for _, a := range s.Arrays {
			if err := a.Check(); err != nil {
				t.Fatalf("sample %d: %v", i, err)
			}
		}
		if len(s.Arrays) > 0 {
			continue
		}
		size := 1
		for _, n := range s.Shape {
			size *= n
		}
		if size != len(s.X) || len(s.Shape) == 0 {
			t.Fatalf("sample %d: shape %v with %d values", i, s.Shape, len(s.X))
		}
		for k, v := range s.X {
			if v-v != 0 {
				t.Fatalf("sample %d: value %d is %v", i, k, v)
			}
		}
	}
}

// concurrent reads every sample from several goroutines, in different orders.
func concurrent(t *testing.T, ds datasets.Dataset) {
	n := min(ds.Len(), 64)
	want := make([]datasets.Sample, n)
	for i := range n {
		want[i] = read(t, ds, i)
	}
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			var s datasets.Sample
			for k := range n {
				i := (k + worker*n/4) % n
				if worker%2 == 1 {
					i = n - 1 - i
				}
				if err := ds.Read(t.Context(), &s, i); err != nil {
					t.Errorf("Read(%d): %v", i, err)
				} else if !equal(s, want[i]) {
					t.Errorf("sample %d differs when read concurrently", i)
				}
			}
		})
	}
	wg.Wait()
}

// reuse checks that the caller owns what Read returned.
func reuse(t *testing.T, ds datasets.Dataset) {
	first := read(t, ds, 0)
	kept := first.Clone()
	other := datasets.Sample{X: make([]float32, 0, 1<<16), Shape: make([]int, 0, 8)}
	for i := range ds.Len() {
		if err := ds.Read(t.Context(), &other, i); err != nil {
			t.Fatal(err)
		}
		for k := range other.X {
			other.X[k] = -12345
		}
		for k := range other.Shape {
			other.Shape[k] = -1
		}
	}
	if !equal(first, kept) {
		t.Error("a later Read into other memory changed an earlier sample")
	}
	if again := read(t, ds, 0); !equal(again, kept) {
		t.Error("writing into a sample changed the data set")
	}
}

func outOfRange(t *testing.T, ds datasets.Dataset) {
	var s datasets.Sample
	for _, i := range []int{-1, ds.Len(), math.MaxInt} {
		if err := ds.Read(t.Context(), &s, i); err == nil {
			t.Errorf("Read(%d) of %d samples gave no error", i, ds.Len())
		}
	}
}

func info(t *testing.T, ds datasets.Dataset) {
	a := ds.Info()
	if a.Name == "" || a.Format == "" {
		t.Errorf("Info has no name or format: %+v", a)
	}
	if len(a.History) > 0 {
		a.History[len(a.History)-1] = "changed by the caller"
		a.History = append(a.History, "added by the caller")
		if b := ds.Info(); b.History[len(b.History)-1] == "changed by the caller" || len(b.History) == len(a.History) {
			t.Error("Info shares its History with the caller")
		}
	}
}

func closeTwice(t *testing.T, ds datasets.Dataset) {
	for range 2 {
		if err := ds.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func hash(t *testing.T, a, b datasets.Dataset) {
	sumA, err := a.Hash(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(sumA) {
		t.Errorf("Hash is %q, want 64 lower-case hexadecimal digits", sumA)
	}
	read(t, a, 0)
	again, err := a.Hash(t.Context())
	if err != nil || again != sumA {
		t.Errorf("Hash is %q and then %q (%v)", sumA, again, err)
	}
	if sumB, err := b.Hash(t.Context()); err != nil || sumB != sumA {
		t.Errorf("Hash of the same data set opened twice: %q and %q (%v)", sumA, sumB, err)
	}
}

// cancelled checks that Read stops when its context has ended.
func cancelled(t *testing.T, ds datasets.Dataset) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var s datasets.Sample
	if err := ds.Read(ctx, &s, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("Read with an ended context: %v, want context.Canceled", err)
	}
}
