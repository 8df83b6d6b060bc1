package probe

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/wiseft/wiseft/datasets"
)

func TestExtract(t *testing.T) {
	t.Parallel()
	grow := &fakeData{n: 7, fail: -1, shape: func(i int) []int { return []int{4 + i/3, 3} }}
	alternate := &fakeData{n: 16, fail: -1, shape: func(i int) []int { return []int{4 + i%2, 3} }}
	images := &fakeData{n: 5, fail: -1, shape: func(int) []int { return []int{2, 4, 4} }}
	tests := []struct {
		name   string
		data   *fakeData
		input  []int64
		opt    ExtractOptions
		second float32 // the value behind the first in a row: 1 as [n 3], 3 as [3 n]
		calls  [][]int64
	}{
		{"bnc", clouds(5, 4), []int64{-1, -1, 3}, ExtractOptions{Batch: 2}, 1, [][]int64{{2, 4, 3}, {2, 4, 3}, {1, 4, 3}}},
		{"bcn", clouds(5, 4), []int64{-1, 3, -1}, ExtractOptions{Batch: 4}, 3, [][]int64{{4, 3, 4}, {1, 3, 4}}},
		{"layout said", clouds(2, 3), []int64{-1, 3, 3}, ExtractOptions{Layout: LayoutBCN}, 3, [][]int64{{2, 3, 3}}},
		{"fixed batch", clouds(5, 4), []int64{2, 4, 3}, ExtractOptions{Batch: 32}, 1,
			[][]int64{{2, 4, 3}, {2, 4, 3}, {2, 4, 3}}},
		{"varying points", grow, []int64{-1, -1, 3}, ExtractOptions{Batch: 4}, 1,
			[][]int64{{3, 4, 3}, {1, 5, 3}, {2, 5, 3}, {1, 6, 3}}},
		{"varying points, fixed batch", grow, []int64{4, -1, 3}, ExtractOptions{}, 1,
			[][]int64{{4, 4, 3}, {4, 5, 3}, {4, 5, 3}, {4, 6, 3}}},
		{"alternating points", alternate, []int64{-1, -1, 3}, ExtractOptions{Batch: 4}, 1,
			[][]int64{{2, 4, 3}, {2, 5, 3}, {4, 4, 3}, {4, 5, 3}, {2, 4, 3}, {2, 5, 3}}},
		{"alternating points, fixed batch", alternate, []int64{4, -1, 3}, ExtractOptions{}, 1,
			[][]int64{{4, 4, 3}, {4, 5, 3}, {4, 4, 3}, {4, 5, 3}, {4, 4, 3}, {4, 5, 3}}},
		{"no clouds", images, []int64{-1, 2, 4, 4}, ExtractOptions{}, 1, [][]int64{{5, 2, 4, 4}}},
		{"nothing declared", images, nil, ExtractOptions{}, 1, [][]int64{{5, 2, 4, 4}}},
	}
	for _, tt := range tests {
		held, err := datasets.InMemory(t.Context(), tt.data, nil)
		if err != nil {
			t.Fatal(err)
		}
		check := func(t *testing.T, data datasets.Dataset, opt ExtractOptions) {
			m := newFakeModel(tt.input...)
			f, err := Extract(t.Context(), m, data, opt)
			if err != nil {
				t.Fatal(err)
			}
			checkRows(t, f, tt.data.n, tt.second)
			if !reflect.DeepEqual(m.calls, tt.calls) {
				t.Errorf("batches: got %v, want %v", m.calls, tt.calls)
			}
		}
		for _, workers := range []int{1, 3} {
			tt.opt.Workers = workers
			t.Run(fmt.Sprintf("%s/%d workers", tt.name, workers), func(t *testing.T) {
				t.Parallel()
				check(t, tt.data, tt.opt)
			})
		}
		t.Run(tt.name+"/in memory", func(t *testing.T) {
			t.Parallel()
			check(t, held, tt.opt)
		})
	}
}

func TestExtractErrors(t *testing.T) {
	t.Parallel()
	damaged := clouds(9, 4)
	damaged.fail = 6
	tests := []struct {
		name  string
		data  *fakeData
		model *fakeModel
		want  string
	}{
		{"ambiguous", clouds(2, 3), newFakeModel(-1, 3, 3),
			`model input "points" has shape [-1 3 3], which does not tell points from coordinates; say --layout bnc or bcn`},
		{"neither", clouds(2, 3), newFakeModel(-1, -1, -1),
			`model input "points" has shape [-1 -1 -1], which does not tell points from coordinates; say --layout bnc or bcn`},
		{"points", clouds(2, 2048), newFakeModel(-1, 1024, 3),
			`fake: sample 0 has 2048 points, but model input "points" takes exactly 1024; say --points 1024`},
		{"points bcn", clouds(2, 5), newFakeModel(-1, 3, 4),
			`fake: sample 0 has 5 points, but model input "points" takes exactly 4; say --points 4`},
		{"rank", clouds(2, 4), newFakeModel(-1, 3),
			`model input "points" has shape [-1 3], but a cloud needs [batch, points, 3] or [batch, 3, points]`},
		{"image", &fakeData{n: 1, fail: -1, shape: func(int) []int { return []int{3, 8, 8} }}, newFakeModel(-1, 3, 9, 9),
			`fake: sample 0 has shape [3 8 8], but model input "points" takes [3 9 9] after the batch axis`},
		{"damaged sample", damaged, newFakeModel(-1, -1, 3), "fake: sample 6 is damaged"},
		{"no samples", clouds(0, 4), newFakeModel(-1, -1, 3), "fake: no samples"},
		{"NaN", clouds(9, 4), &fakeModel{in: Input{Shape: []int64{-1, -1, 3}}, nan: 7},
			"fake: sample 7: model gives feature 0 as NaN"},
		{"huge batch", clouds(2, 4), newFakeModel(1<<40, -1, 3),
			`model input "points" has a fixed batch of 1099511627776; at most 16384 are run at once`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Extract(t.Context(), tt.model, tt.data, ExtractOptions{Batch: 4, Workers: 2})
			if err == nil || err.Error() != tt.want {
				t.Errorf("got error %v, want %s", err, tt.want)
			}
		})
	}
}

// TestExtractCancelled is not parallel: it counts goroutines.
func TestExtractCancelled(t *testing.T) {
	before := runtime.NumGoroutine()
	for call := 1; call <= 4; call++ {
		ctx, cancel := context.WithCancel(t.Context())
		m := newFakeModel(-1, -1, 3)
		m.hook = func(n int) {
			if n == call {
				cancel()
			}
		}
		_, err := Extract(ctx, m, clouds(1000, 4), ExtractOptions{Batch: 2, Workers: 3})
		if !errors.Is(err, context.Canceled) || len(m.calls) > call+1 {
			t.Errorf("cancelled in call %d: got error %v after %d calls", call, err, len(m.calls))
		}
		cancel()
	}
	// A goroutine that has closed its last channel may not have ended yet.
	for range 1_000_000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("goroutines: got %d, want %d", runtime.NumGoroutine(), before)
}

// Several batches are built at a time; progress is called after each, and no batch is larger than the batch size.
func TestExtractTellsEveryBatch(t *testing.T) {
	t.Parallel()
	m := newFakeModel(-1, 3, -1)
	var told []int
	f, err := Extract(t.Context(), m, clouds(5, 4), ExtractOptions{
		Batch: 2, Progress: func(done, total int) { told = append(told, done, total) },
	})
	if err != nil {
		t.Fatal(err)
	}
	checkRows(t, f, 5, 3)
	if want := []int{2, 5, 4, 5, 5, 5}; !slices.Equal(told, want) {
		t.Errorf("progress: got %v, want %v", told, want)
	}
}

// steadyModel takes as much processor time as a small model's forward pass.
type steadyModel struct{ fakeModel }

func (m *steadyModel) Extract(_ context.Context, dst []float32, b Batch) ([]float32, error) {
	for end := time.Now().Add(2 * time.Millisecond); time.Now().Before(end); {
	}
	return append(dst, make([]float32, 2*b.Shape[0])...), nil
}

// BenchmarkExtract reports the time of Extract as a ratio to a loop over batches that were made before.
func BenchmarkExtract(b *testing.B) {
	const batch, points, batches = 32, 1024, 50
	m := &steadyModel{*newFakeModel(-1, 3, -1)}
	samples := make([]datasets.Sample, batch*batches)
	src := clouds(len(samples), points)
	for i := range samples {
		if err := src.Read(b.Context(), &samples[i], i); err != nil {
			b.Fatal(err)
		}
	}
	ready := Batch{X: make([]float32, batch*points*3), Shape: []int64{batch, 3, points}}
	var bare, fed time.Duration
	for b.Loop() {
		start := time.Now()
		var dst []float32
		for range batches {
			dst, _ = m.Extract(b.Context(), dst, ready)
		}
		bare += time.Since(start)
		start = time.Now()
		if _, err := Extract(b.Context(), m, &inMemory{clouds(len(samples), points), samples}, ExtractOptions{}); err != nil {
			b.Fatal(err)
		}
		fed += time.Since(start)
	}
	b.ReportMetric(bare.Seconds()/fed.Seconds(), "of-bare-loop")
}

type inMemory struct {
	*fakeData
	samples []datasets.Sample
}

func (d *inMemory) Read(_ context.Context, dst *datasets.Sample, i int) error {
	dst.Set(d.samples[i].X, d.samples[i].Shape, d.samples[i].Label)
	return nil
}
