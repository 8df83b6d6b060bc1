package mapping

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// tensors makes a checkpoint of float32 tensors of one axis, or two if the number of rows is given.
func tensors(t testing.TB, values map[string][]float32, rows map[string]int64) *checkpoint.Checkpoint {
	t.Helper()
	b := tensorBytes(t, values, rows)
	c, err := checkpoint.Open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tensorBytes returns the file of tensors.
func tensorBytes(t testing.TB, values map[string][]float32, rows map[string]int64) []byte {
	t.Helper()
	var list []checkpoint.Output
	for name, v := range values {
		dims := []int64{int64(len(v))}
		if n := rows[name]; n > 0 {
			dims = []int64{n, int64(len(v)) / n}
		}
		raw := onnx.Float32Bytes(v)
		list = append(list, checkpoint.Output{Name: name, DType: onnx.Float32, Dims: dims,
			Read: func(dst []byte, off int64) error { copy(dst, raw[off:]); return nil }})
	}
	var b bytes.Buffer
	if err := checkpoint.Write(context.Background(), &b, list, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sequence returns n numbers that differ.
func sequence(n int, seed float64) []float32 {
	list := make([]float32, n)
	for i := range list {
		list[i] = float32(math.Sin(seed + 1.7*float64(i*i)))
	}
	return list
}

// TestAlignNames looks names up in a checkpoint whose names have another prefix.
func TestAlignNames(t *testing.T) {
	t.Parallel()
	base := tensors(t, map[string][]float32{"a.w": {1}, "b.w": {2}}, nil)
	for name, test := range map[string]struct {
		values map[string][]float32
		want   string // the name that a.w is found by
	}{
		"same":     {map[string][]float32{"a.w": {1}, "b.w": {2}}, "a.w"},
		"longer":   {map[string][]float32{"net.a.w": {1}, "net.b.w": {2}}, "net.a.w"},
		"two":      {map[string][]float32{"ema.a.w": {1}, "ema.b.w": {2}, "net.a.w": {1}, "net.b.w": {2}}, ""},
		"one less": {map[string][]float32{"net.a.w": {1}}, ""},
		"other":    {map[string][]float32{"c": {1}}, ""},
	} {
		lookup, said := alignNames(base, tensors(t, test.values, nil))
		got := ""
		if x := lookup("a.w"); x != nil {
			got = x.Name
		}
		if got != test.want || (said != "") != (test.want != "" && test.want != "a.w") {
			t.Errorf("%s: a.w is %q (%s), want %q", name, got, said, test.want)
		}
	}
	lookup, _ := alignNames(tensors(t, map[string][]float32{"net.a.w": {1}, "net.b.w": {2}}, nil), base)
	if x := lookup("net.a.w"); x == nil || x.Name != "a.w" {
		t.Errorf("a prefix less: %v", x)
	}
}

// TestLayouts finds the arrangement of an array in another, and both of a symmetric one.
func TestLayouts(t *testing.T) {
	t.Parallel()
	x := &Expression{Op: Tensor, Name: "x"}
	from := array{onnx.Float32, []int64{2, 3, 4}, onnx.Float32Bytes(sequence(24, 0))}
	for want, perm := range map[string][]int{"transpose(x, [2 0 1])": {2, 0, 1}, "transpose(x, [1 0 2])": {1, 0, 2}, "x": nil} {
		moved := from
		if perm != nil {
			moved = array{onnx.Float32, permuted(from.dims, perm), nil}
			for w := (layout{perm, from.dims}).walk(); len(moved.data) < len(from.data); w.next() {
				moved.data = append(moved.data, from.data[4*w.off:][:4]...)
			}
		}
		if got := layouts(x, from, moved); len(got) != 1 || got[0].String() != want {
			t.Errorf("%v, want %s", got, want)
		}
	}
	flat, _ := from.reshape([]int64{6, 4})
	if got := layouts(x, from, flat); len(got) != 1 || got[0].String() != "reshape(x, [6 4])" {
		t.Errorf("reshaped: %v", got)
	}
	symmetric := array{onnx.Float32, []int64{2, 2}, onnx.Float32Bytes([]float32{1, 2, 2, 1})}
	if got := layouts(x, symmetric, symmetric); len(got) != 2 {
		t.Errorf("symmetric: %v, want both arrangements", got)
	}
}

// TestPlain tells numbers that code has from those that training gives.
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, v := range []float64{0, 1, -2, 0.5, 1e-5, 1e-12, 0.044715, math.Sqrt2, 1 / math.Sqrt(96), math.Pow(64, -0.25),
		math.Sqrt(2 / math.Pi), math.Inf(-1), -math.MaxFloat32, 197, 0.485, math.Pi / 2,
		math.Log(511.0 / 128)} {
		x := float64(float32(v))
		if !plainOf(onnx.Float32, 1).has(x) {
			t.Errorf("%v is not taken for a constant", v)
		}
	}
	if half := plainOf(onnx.Float16, 1); !half.has(half.rounded(math.Sqrt(2/math.Pi))) || !half.has(half.rounded(geluFactor)) {
		t.Error("constants of GELU in float16 are not taken for constants")
	}
	for dtype, most := range map[onnx.DType]int{onnx.Float64: 10, onnx.Float32: 20, onnx.Float16: 900, onnx.BFloat16: 700,
		onnx.Float8E4M3FN: 2000} { // of 10000: weights of few bits are constants only if all their elements are
		plain, how := 0, plainOf(dtype, 1)
		for _, v := range sequence(10000, 1) {
			if how.has(how.rounded(float64(v))) {
				plain++
			}
		}
		if plain > most {
			t.Errorf("%s: %d of 10000 numbers are taken for constants, want %d at most", dtype, plain, most)
		}
	}
}

// TestFormula tells constants of several elements from weights.
func TestFormula(t *testing.T) {
	t.Parallel()
	table, decay := make([]float64, 8*6), make([]float64, 8)
	for i := range table {
		table[i] = math.Sin(float64(i/6)*math.Pow(10, -float64(i%6)/2) + float64(i%2)*math.Pi/2)
	}
	for i := range decay {
		decay[i] = float64(float32(math.Pow(10000, -float64(i)/8)))
	}
	for name, test := range map[string]struct {
		values []float64
		dims   []int64
		want   string
	}{
		"scalar":    {[]float64{0.5}, nil, "the constant 0.5"},
		"weight":    {widened(sequence(6, 3)), []int64{6}, ""},
		"grid":      {[]float64{0.5, 1.5, 2.5, 3.5}, []int64{4}, "few digits"},
		"positions": {table, []int64{8, 6}, "sines"},
		"decay":     {decay, []int64{8}, "progressions"},
		"other":     {widened(sequence(48, 5)), []int64{6, 8}, ""},
	} {
		got := formula(test.values, test.dims, onnx.Float32)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func widened(list []float32) []float64 {
	out := make([]float64, len(list))
	for i, v := range list {
		out[i] = float64(v)
	}
	return out
}

// TestSignature adds signatures of parts, in any order of elements.
func TestSignature(t *testing.T) {
	t.Parallel()
	v := sequence(24, 2)
	d := newDigester([]int64{4, 6}, onnx.Float32)
	raw := onnx.Float32Bytes(v)
	for part := range slices.Chunk(raw, 20) { // across rows
		d.add(part)
	}
	want := signature(0)
	for at := 0; at < len(raw); at += 4 {
		want += mix(uint64(binary.LittleEndian.Uint32(raw[at:])))
	}
	rows, columns := d.sums(0), d.sums(1)
	if d.whole != want || rows[4] != want || columns[6] != want || d.uniform {
		t.Errorf("whole %x, rows %x, columns %x, want %x", d.whole, rows[4], columns[6], want)
	}
	part := newDigester([]int64{2, 6}, onnx.Float32)
	part.add(raw[6*4 : 18*4])
	if got := rows[3] - rows[1]; got != part.whole {
		t.Errorf("rows 1 and 2 have %x, want %x", got, part.whole)
	}
}
