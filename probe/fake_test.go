package probe

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/feature"
)

// fakeData makes samples from their index. shape may depend on it too.
type fakeData struct {
	n     int
	shape func(i int) []int
	fail  int // index of a sample that cannot be read, or -1
}

func clouds(n, points int) *fakeData {
	return &fakeData{n: n, fail: -1, shape: func(int) []int { return []int{points, 3} }}
}

func (d *fakeData) Info() datasets.Info                  { return datasets.Info{Name: "fake"} }
func (d *fakeData) Len() int                             { return d.n }
func (d *fakeData) Label(i int) int64                    { return int64(i % 3) }
func (d *fakeData) Hash(context.Context) (string, error) { return "00", nil }
func (d *fakeData) Close() error                         { return nil }

func (d *fakeData) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if i == d.fail {
		return fmt.Errorf("fake: sample %d is damaged", i)
	}
	shape := d.shape(i)
	size := 1
	for _, v := range shape {
		size *= v
	}
	x := make([]float32, size)
	for j := range x {
		x[j] = float32(i*1000 + j)
	}
	dst.Set(x, shape, d.Label(i))
	return nil
}

// fakeModel computes two features: the first value of the sample, and the second value of its row in memory, which
// differs between layouts.
type fakeModel struct {
	in    Input
	out   Output
	calls [][]int64 // shapes of the batches
	nan   int       // sample whose feature is NaN, or -1
	hook  func(call int)
}

func newFakeModel(shape ...int64) *fakeModel {
	return &fakeModel{in: Input{Name: "points", Shape: shape}, nan: -1}
}

func (m *fakeModel) Inputs() []Input { return []Input{m.in} }
func (m *fakeModel) Output() Output  { return m.out }
func (m *fakeModel) Close() error    { return nil }

func (m *fakeModel) Extract(ctx context.Context, dst []float32, b Batch) ([]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.calls = append(m.calls, append([]int64(nil), b.Shape...))
	if m.hook != nil {
		m.hook(len(m.calls))
	}
	size := len(b.X) / int(b.Shape[0])
	for i := range int(b.Shape[0]) {
		row := b.X[i*size : (i+1)*size]
		first := row[0]
		if m.nan >= 0 && first == float32(m.nan*1000) {
			first = float32(math.NaN())
		}
		dst = append(dst, first, row[1])
	}
	return dst, nil
}

// checkRows compares features with what fakeModel computes of fakeData.
func checkRows(t *testing.T, f *feature.Set, n int, second float32) {
	t.Helper()
	if f.Len() != n || f.Dim != 2 || len(f.X) != 2*n {
		t.Fatalf("got %d samples of dimension %d with %d values, want %d of 2", f.Len(), f.Dim, len(f.X), n)
	}
	for i := range n {
		want := [2]float32{float32(i * 1000), float32(i*1000) + second}
		if got := [2]float32(f.Row(i)); got != want || f.Y[i] != int64(i%3) {
			t.Fatalf("sample %d: got %v, label %d, want %v, label %d", i, got, f.Y[i], want, i%3)
		}
	}
}
