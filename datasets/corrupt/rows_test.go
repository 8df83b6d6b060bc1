package corrupt_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/datasets/corrupt/corrupttest"
)

// TestKeyedRows compares rows with what Wrap gives, in order.
func TestKeyedRows(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 7, 8, 9, 100, 131} {
		base := corrupttest.Clouds(n, 64)
		for _, name := range []string{"jitter", "dropout_local"} {
			c, _ := corrupt.Lookup(name)
			ds, err := corrupt.Wrap(base, c, 2, 5)
			if err != nil {
				t.Fatal(err)
			}
			i := 0
			for cloud, err := range corrupt.KeyedRows(t.Context(), base, c, 2, 5) {
				if err != nil {
					t.Fatal(err)
				}
				want := readOf(t, ds, i)
				if len(cloud.Points)*3 != len(want) || cloud.Double {
					t.Fatalf("%s: row %d has %d points, want %d", name, i, len(cloud.Points), len(want)/3)
				}
				for k, v := range want {
					if cloud.Points[k/3][k%3] != float64(v) {
						t.Fatalf("%s: row %d of %d differs from sample %d", name, i, n, i)
					}
				}
				i++
			}
			if i != n {
				t.Errorf("%s: %d rows, want %d", name, i, n)
			}
		}
	}
}

// TestRowsEnd stops early, by the caller and by the context. It counts goroutines and therefore is not parallel.
func TestRowsEnd(t *testing.T) {
	before := runtime.NumGoroutine()
	c, _ := corrupt.Lookup("jitter")
	base := corrupttest.Clouds(200, 64)
	rows := 0
	for range corrupt.KeyedRows(t.Context(), base, c, 1, 0) {
		if rows++; rows == 10 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	rows = 0
	for _, err := range corrupt.KeyedRows(ctx, base, c, 1, 0) {
		if last = err; err == nil {
			if rows++; rows == 3 {
				cancel()
			}
		}
	}
	if !errors.Is(last, context.Canceled) || rows > 150 {
		t.Errorf("%d rows came after a cancellation in the third, and then %v", rows, last)
	}
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("goroutines: got %d, want %d", runtime.NumGoroutine(), before)
}

func readOf(t *testing.T, ds datasets.Dataset, i int) []float32 {
	t.Helper()
	var s datasets.Sample
	if err := ds.Read(t.Context(), &s, i); err != nil {
		t.Fatal(err)
	}
	return s.X
}
