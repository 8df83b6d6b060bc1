package probe

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
)

// arrayModel returns, as the features of a sample, the elements of all its inputs as numbers, and the first one of arrays
// whose first axis is not the batch.
type arrayModel struct {
	inputs []Input
	mixing bool // adds the sum over the batch
	calls  []string
}

func (m *arrayModel) Inputs() []Input { return m.inputs }
func (m *arrayModel) Output() Output  { return Output{} }
func (m *arrayModel) Close() error    { return nil }

func (m *arrayModel) Extract(_ context.Context, dst []float32, b Batch) ([]float32, error) {
	var shapes []string
	n := int(b.Shape[0])
	rows, sum := make([][]float32, n), float32(0)
	for i, a := range b.Arrays {
		if err := a.Check(); err != nil {
			return nil, fmt.Errorf("input %d: %w", i, err)
		}
		shapes = append(shapes, fmt.Sprintf("%s%v", a.Type, a.Shape))
		values := make([]float64, len(a.Text))
		if a.Type != typed.String {
			values = a.Float64s()
		}
		for k := range values {
			if a.Type == typed.String {
				values[k] = float64(len(a.Text[k]))
			}
		}
		for r := range n {
			own := values[:min(1, len(values))]
			if len(a.Shape) > 0 && a.Shape[0] == int64(n) {
				own = values[r*len(values)/n : (r+1)*len(values)/n]
			}
			for _, v := range own {
				rows[r] = append(rows[r], float32(v))
				sum += float32(v)
			}
		}
	}
	m.calls = append(m.calls, strings.Join(shapes, " "))
	for _, row := range rows {
		for _, v := range row {
			if m.mixing {
				v += sum
			}
			dst = append(dst, v)
		}
	}
	return dst, nil
}

// tokens is a data set of n samples with two arrays: ids of int32, of which sample i has 10 i, 10 i + 1, ..., and text.
func tokens(t *testing.T, n, length int) datasets.Dataset {
	t.Helper()
	var list []datasets.Sample
	for i := range n {
		ids := typed.Array{Type: typed.Int32, Shape: []int64{int64(length)}}
		for k := range length {
			ids.Data = binary.LittleEndian.AppendUint32(ids.Data, uint32(10*i+k))
		}
		word := typed.Array{Type: typed.String, Shape: []int64{1}, Text: []string{strings.Repeat("x", i)}}
		list = append(list, datasets.Sample{Arrays: []typed.Array{ids, word}, Label: int64(i)})
	}
	info := datasets.Info{Name: "tokens", Inputs: []datasets.InputArray{{Input: "ids", Array: "a"}, {Input: "word", Array: "b"}}}
	ds, err := datasets.NewMemory(info, list)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func given(t *testing.T, ds datasets.Dataset, constants ...string) datasets.Dataset {
	t.Helper()
	var list []datasets.Constant
	for _, text := range constants {
		input, value, _ := strings.Cut(text, "=")
		c, err := datasets.ParseConstant(input, value)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
	return datasets.WithConstants(ds, list)
}

var (
	idsInput  = Input{Name: "ids", Type: typed.Int64, Shape: []int64{-1, -1}, Axes: []string{"batch", "length"}}
	wordInput = Input{Name: "word", Type: typed.String, Shape: []int64{-1, 1}, Axes: []string{"batch", ""}}
)

// TestExtractArrays checks what every input gets, in which batches, and that padding is cut.
func TestExtractArrays(t *testing.T) {
	t.Parallel()
	float := Input{Name: "f", Type: typed.Float16, Shape: []int64{-1, 3}}
	fixed := idsInput
	fixed.Shape = []int64{6, 2}
	for _, c := range []struct {
		name   string
		inputs []Input
		data   datasets.Dataset
		calls  []string
		last   []float32 // features of the last of four samples
	}{
		{"two arrays", []Input{idsInput, wordInput}, tokens(t, 4, 2), []string{"int64[3 2] string[3 1]", "int64[1 2] string[1 1]"},
			[]float32{30, 31, 3}},
		{"fixed batch", []Input{fixed, wordInput}, tokens(t, 4, 2), []string{"int64[6 2] string[6 1]"},
			[]float32{30, 31, 3}},
		{"constants", []Input{idsInput, wordInput, {Name: "state", Shape: []int64{2, -1, 1}, Axes: []string{"", "batch", ""}},
			{Name: "rate", Type: typed.Uint16}, float}, given(t, tokens(t, 4, 1), "state=zeros", "rate=9", "f=0.5"),
			[]string{"int64[3 1] string[3 1] float32[2 3 1] uint16[] float16[3 3]", "int64[1 1] string[1 1] float32[2 1 1] uint16[] float16[1 3]"},
			[]float32{30, 3, 0, 9, .5, .5, .5}},
		{"x and a constant", []Input{{Name: "pixels", Type: typed.Int16, Shape: []int64{-1, 2}}, float},
			given(t, samplesOf([]int{2}, []int{2}, []int{2}, []int{2}), "f=[1,2,3]"),
			[]string{"int16[3 2] float16[3 3]", "int16[1 2] float16[1 3]"}, []float32{3000, 3001, 1, 2, 3}},
	} {
		m := &arrayModel{inputs: c.inputs}
		f, err := Extract(t.Context(), m, c.data, ExtractOptions{Batch: 3, Workers: 2})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.Equal(m.calls, c.calls) {
			t.Errorf("%s: batches %q, want %q", c.name, m.calls, c.calls)
		}
		if f.Len() != 4 || !slices.Equal(f.Row(3), c.last) {
			t.Errorf("%s: %d samples, the last one %v, want %v", c.name, f.Len(), f.Row(f.Len()-1), c.last)
		}
		if err := CheckBatch(t.Context(), m, c.data, LayoutAuto, 3); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		m.mixing = true
		if err := CheckBatch(t.Context(), m, c.data, LayoutAuto, 3); err == nil {
			t.Errorf("%s: features that depend on the batch are accepted", c.name)
		}
	}
}

// TestExtractArraysRefused checks values, shapes and batches that do not fit.
func TestExtractArraysRefused(t *testing.T) {
	t.Parallel()
	small, two, batch := idsInput, idsInput, wordInput
	small.Type, two.Shape, batch.Shape = typed.Uint8, []int64{4, 2}, []int64{3, 1}
	for _, c := range []struct {
		inputs []Input
		data   datasets.Dataset
		wrong  string
	}{
		{[]Input{small, wordInput}, tokens(t, 30, 2),
			`tokens: sample 26 has the array "a" for the input "ids": value 0 is 260, which uint8 does not hold`},
		{[]Input{idsInput, idsInput}, tokens(t, 4, 2), ""},
		{[]Input{{Name: "ids", Type: typed.Int64, Shape: []int64{-1, 5}}, wordInput}, tokens(t, 4, 2),
			`sample 0 has the array "a" of shape [2], but model input "ids" takes [5] after the batch axis`},
		{[]Input{{Name: "ids", Type: typed.String}, wordInput}, tokens(t, 4, 2), `is int32, want string`},
		{[]Input{two, batch}, tokens(t, 4, 2), `batches of 4 at its input "ids" and of 3 at "word"`},
		{[]Input{idsInput, wordInput, {Name: "other"}}, tokens(t, 4, 2), `the input "other" of the model gets no values`},
	} {
		_, err := Extract(t.Context(), &arrayModel{inputs: c.inputs}, c.data, ExtractOptions{Batch: 3})
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%v, want %q", err, c.wrong)
		}
	}
}

// TestConstants checks how a text becomes the values of an input.
func TestConstants(t *testing.T) {
	t.Parallel()
	free := Input{Name: "c", Shape: []int64{-1, -1, 2}, Axes: []string{"batch", "past", ""}}
	classes := Input{Name: "c", Shape: []int64{-1}, Axes: []string{"classes"}}
	for _, c := range []struct {
		in    Input
		value string
		shape []int64
		want  []float64
		wrong string
	}{
		{Input{Name: "c"}, "2.5", nil, []float64{2.5}, ""},
		{Input{Name: "c", Type: typed.Bool}, "true", nil, []float64{1}, ""},
		{Input{Name: "c", Type: typed.Int64}, "2.5", nil, nil, "value 0 is 2.5, which int64 does not hold"},
		{Input{Name: "c"}, "fast", nil, nil, "is string, want float32"},
		{Input{Name: "c", Shape: []int64{1}}, "3", []int64{1}, []float64{3}, ""},
		{Input{Name: "c", Shape: []int64{-1, 2}}, "3", []int64{2, 2}, []float64{3, 3, 3, 3}, ""},
		{Input{Name: "c", Shape: []int64{-1, 2}}, "[1, 2]", []int64{2, 2}, []float64{1, 2, 1, 2}, ""},
		{Input{Name: "c", Shape: []int64{-1, 2}}, "[[1, 2]]", []int64{2, 2}, []float64{1, 2, 1, 2}, ""},
		{Input{Name: "c", Shape: []int64{-1, 2}}, "[1, 2, 3]", nil, nil, "has shape [3], and the input takes [batch 2]"},
		{Input{Name: "c", Shape: []int64{2, -1}, Axes: []string{"", "batch"}}, "[[1], [2]]", []int64{2, 2}, []float64{1, 1, 2, 2}, ""},
		{Input{Name: "c", Shape: []int64{2, -1}, Axes: []string{"", "batch"}}, "[1, 2]", []int64{2, 2}, []float64{1, 1, 2, 2}, ""},
		{Input{Name: "c", Shape: []int64{2, -1}, Axes: []string{"", "batch"}}, "[[1,2,3],[4,5,6]]", nil, nil, "3 rows along the batch axis"},
		{free, "zeros", []int64{2, 0, 2}, nil, ""},
		{free, "1", nil, nil, "one value cannot fill [batch past 2]"},
		{free, "[[1, 2], [3, 4]]", []int64{2, 2, 2}, []float64{1, 2, 3, 4, 1, 2, 3, 4}, ""},
		{classes, "[0.5, 1, 2]", []int64{3}, []float64{.5, 1, 2}, ""},
		{classes, "zeros", []int64{0}, nil, ""},
		{Input{Name: "c", Shape: []int64{1 << 40}}, "zeros", nil, nil, "more than"},
		{Input{Name: "c", Shape: []int64{2}}, "[[1], [2]]", nil, nil, "has shape [2 1], and the input takes [2]"},
	} {
		given, err := datasets.ParseConstant("c", c.value)
		if err != nil {
			t.Fatal(err)
		}
		k := &constant{in: c.in, given: given}
		k.findBatchAxis([]source{{in: idsInput}, {in: c.in, constant: k}})
		var got typed.Array
		for range 2 { // the second one is kept
			got, err = k.array(2)
		}
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", c.value, err, c.wrong)
			}
			continue
		}
		if err != nil || got.Check() != nil || !slices.Equal(got.Shape, c.shape) || !slices.Equal(got.Float64s(), c.want) &&
			len(c.want) > 0 {
			t.Errorf("%v %s: %v %v (%v), want %v %v", c.in.Shape, c.value, got.Shape, got.Float64s(), err, c.shape, c.want)
		}
	}
}

// TestFed checks which inputs get values.
func TestFed(t *testing.T) {
	t.Parallel()
	optional := Input{Name: "gain", Optional: true}
	two := []Input{idsInput, wordInput, optional}
	arrays := func(names ...string) (info datasets.Info) {
		info.Name = "d"
		for _, name := range names {
			info.Inputs = append(info.Inputs, datasets.InputArray{Input: name, Array: name})
		}
		return info
	}
	constants := func(info datasets.Info, names ...string) datasets.Info {
		for _, name := range names {
			info.Constants = append(info.Constants, datasets.Constant{Input: name})
		}
		return info
	}
	for _, c := range []struct {
		declared    []Input
		data        datasets.Info
		want, wrong string
	}{
		{two, arrays("word", "ids"), "ids, word", ""},
		{two, arrays("word", "ids", "gain"), "ids, word, gain", ""},
		{two, constants(arrays("ids"), "word", "gain"), "ids, word, gain", ""},
		{two, arrays("ids"), "", "the inputs word get no values from d"},
		{two, arrays("ids", "words"), "", `no input "words"; it has ids, word, gain`},
		{two, constants(arrays("ids", "word"), "word"), "", `the input "word" is constant, and the data has an array for it`},
		{two, arrays(), "", "the model has 2 inputs (ids, word), and the samples of d feed one"},
		{two, constants(arrays(), "word"), "ids, word", ""},
		{two, constants(arrays(), "word", "ids"), "", "none is left for the samples"},
		{[]Input{idsInput, optional}, arrays(), "ids", ""},
	} {
		fed, err := Fed(c.declared, c.data)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%+v: %v, want %q", c.data, err, c.wrong)
			}
			continue
		}
		if got := inputNames(fed); err != nil || got != c.want {
			t.Errorf("%+v: %s (%v), want %s", c.data, got, err, c.want)
		}
	}
}

// TestMaskRefused checks masks that are no masks of the tensor.
func TestMaskRefused(t *testing.T) {
	t.Parallel()
	maskInput := Input{Name: "attention_mask", Type: typed.Float32, Shape: []int64{-1, -1}}
	values := func(v ...float32) typed.Array {
		a := typed.Array{Type: typed.Float32, Shape: []int64{1, int64(len(v))}}
		for _, x := range v {
			a.Data = binary.LittleEndian.AppendUint32(a.Data, math.Float32bits(x))
		}
		return a
	}
	inputs := []source{{in: idsInput}, {in: maskInput}}
	for _, c := range []struct {
		pool      Pooling
		mask      typed.Array
		positions []int64
		kept      []bool
		wrong     string
	}{
		{Pooling{Mode: PoolMean}, values(0, 1, 1), []int64{3}, []bool{false, true, true}, ""},
		{Pooling{Mode: PoolMean, Mask: "!attention_mask"}, values(0, 1, 1), []int64{3, 1}, []bool{true, false, false}, ""},
		{Pooling{Mode: PoolMean}, values(0, 1, 1), []int64{1}, nil, ""},
		{Pooling{Mode: PoolMean, Mask: "attention_mask"}, values(0, 1, 1), []int64{1}, nil, "has shape [1 3]"},
		{Pooling{Mode: PoolMean}, values(0, 1, 1), []int64{4}, nil, `has shape [1 3], and tensor "t" the positions [4]`},
		{Pooling{Mode: PoolMean}, values(0, 1, .5), []int64{3}, nil, "has the value 0.5 at position 2 of sample 0"},
		{Pooling{Mode: PoolMean}, values(0, 0, 0), []int64{3}, nil, "keeps no position of sample 0"},
		{Pooling{Mode: PoolMean, Mask: "none"}, values(0, 1, 1), []int64{3}, nil, ""},
		{Pooling{Mode: PoolMean, Mask: "other"}, values(0, 1, 1), []int64{3}, nil, "the inputs that get values are ids, attention_mask"},
		{Pooling{Mode: PoolFlatten, Mask: "attention_mask"}, values(0, 1, 1), []int64{3}, nil, "none of them is given"},
	} {
		var kept []bool
		m, err := newMask(c.pool, inputs)
		if err == nil && m != nil {
			kept, err = m.kept(Batch{Shape: []int64{1}, Arrays: []typed.Array{{}, c.mask}}, c.positions, "t")
		}
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%+v: %v, want %q", c.pool, err, c.wrong)
			}
			continue
		}
		if err != nil || !slices.Equal(kept, c.kept) {
			t.Errorf("%+v: %v (%v), want %v", c.pool, kept, err, c.kept)
		}
	}
}
