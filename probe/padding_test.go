package probe

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
)

// grids is a data set of one array a sample, of int32: sample i has i%3+1 rows of width(i) elements, all 10 i.
func grids(t *testing.T, n int, width func(i int) int) datasets.Dataset {
	t.Helper()
	var list []datasets.Sample
	for i := range n {
		a := typed.Array{Type: typed.Int32, Shape: []int64{int64(i%3 + 1), int64(width(i))}}
		for range a.Shape[0] * a.Shape[1] {
			a.Data = binary.LittleEndian.AppendUint32(a.Data, uint32(10*i))
		}
		list = append(list, datasets.Sample{Arrays: []typed.Array{a}})
	}
	ds, err := datasets.NewMemory(datasets.Info{Name: "grids", Inputs: []datasets.InputArray{{Input: "grid", Array: "a"}}}, list)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// passed returns the batches that a model gets.
func passed(t *testing.T, ds datasets.Dataset, batch int, inputs ...Input) (list []string, err error) {
	t.Helper()
	err = EachBatch(t.Context(), inputs, ds, ExtractOptions{Batch: batch}, func(b Batch, rows int) error {
		line := fmt.Sprint(rows)
		for _, a := range b.Arrays {
			if err := a.Check(); err != nil {
				return err
			}
			line += fmt.Sprintf(" %v%v", a.Shape, a.Float64s())
		}
		list = append(list, line)
		return nil
	})
	return list, err
}

// TestPadding fills batches up in two axes, with a mask that the data has not, and keeps apart what the model fixes.
func TestPadding(t *testing.T) {
	t.Parallel()
	one := func(int) int { return 1 }
	free := Input{Name: "grid", Type: typed.Int64, Shape: []int64{-1, -1, -1}}
	fixed := Input{Name: "grid", Type: typed.Float32, Shape: []int64{2, -1, 2}}
	mask := Input{Name: "mask", Type: typed.Bool, Shape: []int64{-1, -1}}
	tests := []struct {
		name   string
		data   datasets.Dataset
		pad    string
		batch  int
		inputs []Input
		want   []string
	}{
		{"two axes", grids(t, 3, func(i int) int { return 3 - i }), "7", 8, []Input{free}, []string{
			"3 [3 3 3][0 0 0 7 7 7 7 7 7 10 10 7 10 10 7 7 7 7 20 7 7 20 7 7 20 7 7]"}},
		{"as long as the longest of each batch", grids(t, 4, one), "-1", 2, []Input{free}, []string{
			"2 [2 2 1][0 -1 10 10]", "2 [2 3 1][20 20 20 30 -1 -1]"}},
		{"mask", grids(t, 2, one), "0:mask", 8, []Input{free, mask}, []string{"2 [2 2 1][0 0 10 10] [2 2][1 0 1 1]"}},
		{"mask of padding", grids(t, 2, one), "0:!mask", 8, []Input{free, mask}, []string{"2 [2 2 1][0 0 10 10] [2 2][0 1 0 0]"}},
		{"fixed axis and batch", grids(t, 3, func(int) int { return 2 }), "0.5", 8, []Input{fixed}, []string{
			"2 [2 2 2][0 0 0.5 0.5 10 10 10 10]", "1 [2 3 2][20 20 20 20 20 20 20 20 20 20 20 20]"}},
	}
	for _, tt := range tests {
		p, ok := datasets.ParsePadding(tt.pad)
		if !ok {
			t.Fatalf("%s is no padding", tt.pad)
		}
		got, err := passed(t, datasets.WithPadding(tt.data, p), tt.batch, tt.inputs...)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestPaddingRefused(t *testing.T) {
	t.Parallel()
	free := Input{Name: "grid", Type: typed.Int64, Shape: []int64{-1, -1, -1}}
	half := datasets.Padding{Value: 0.5}
	for want, run := range map[string]func() error{
		`"grid" cannot be filled up with 0.5: it takes int64`: func() error {
			_, err := passed(t, datasets.WithPadding(grids(t, 2, func(int) int { return 1 }), half), 8, free)
			return err
		},
		"clouds are filled up with --pad repeat": func() error {
			_, err := passed(t, datasets.WithPadding(clouds(2, 4), half), 8, Input{Name: "x", Shape: []int64{-1, -1, 3}})
			return err
		},
		`no input "mask"`: func() error {
			_, err := Fed([]Input{free}, datasets.WithPadding(grids(t, 2, func(int) int { return 1 }), datasets.Padding{Mask: "mask"}).Info())
			return err
		},
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, text := range []string{"", "x", "nan", "1:", "inf", "1e999", ":mask"} {
		if p, ok := datasets.ParsePadding(text); ok {
			t.Errorf("%q is taken for %v", text, p)
		}
	}
}
