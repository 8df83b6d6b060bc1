package feature

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"
	"github.com/wiseft/wiseft/internal/memorytest"
)

// encodedRow is a row whose columns have the encodings of Parquet in which counts are within pages.
type encodedRow struct {
	A     float32 `parquet:"a,dict"`
	B     int32   `parquet:"b,delta"`
	C     int64   `parquet:"c,delta"`
	D     float64 `parquet:"d,dict,optional"`
	E     bool    `parquet:"e"`
	Label string  `parquet:"label,delta"`
}

// TestEncodings reads what parquet-go writes with these encodings, in pages of both versions.
func TestEncodings(t *testing.T) {
	t.Parallel()
	const n = 1000
	rows, want := make([]encodedRow, n), []float32(nil)
	for i := range rows {
		c, d := int64(i*i), float64(i/100+1) // 0 is none
		rows[i] = encodedRow{float32(i % 7), int32(-5 * i), c, d, i%3 == 0, fmt.Sprintf("class %d", i%10)}
		e := float32(0)
		if rows[i].E {
			e = 1
		}
		want = append(want, rows[i].A, float32(rows[i].B), float32(c), float32(d), e)
	}
	for _, version := range []int{1, 2} {
		for _, codec := range []parquet.WriterOption{parquet.Compression(&parquet.Snappy), parquet.Compression(&parquet.Uncompressed)} {
			var file bytes.Buffer
			w := parquet.NewGenericWriter[encodedRow](&file, parquet.DataPageVersion(version), parquet.PageBufferSize(2000), codec)
			if _, err := w.Write(rows); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			f, err := ReadPart(bytes.NewReader(file.Bytes()), int64(file.Len()), Part{})
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if !slices.Equal(f.X, want) || len(f.Meta.Data.Classes) != 10 {
				t.Errorf("version %d: %d values, classes %q", version, len(f.X), f.Meta.Data.Classes)
			}
		}
	}
}

// TestTextOfDictionary reads one long text as the label of many rows: it is kept once.
func TestTextOfDictionary(t *testing.T) {
	type row struct {
		A     float32 `parquet:"a"`
		Label string  `parquet:"label,dict"`
	}
	const n, size = 1000, 100_000
	var file bytes.Buffer
	w := parquet.NewGenericWriter[row](&file)
	if _, err := w.Write(slices.Repeat([]row{{1, strings.Repeat("x", size)}}, n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	taken := memorytest.Allocated(func() {
		_, err = ReadPart(bytes.NewReader(file.Bytes()), int64(file.Len()), Part{})
	})
	if err != nil || taken > n*size/4 {
		t.Errorf("%d bytes for a file of %d (%v)", taken, file.Len(), err)
	}
}

// TestPageCounts compares counts within pages of 100 values: as they are written, and as one changed number claims them.
func TestPageCounts(t *testing.T) {
	t.Parallel()
	const values = 100
	numbers := make([]int32, values)
	for i := range numbers {
		numbers[i] = int32(i * i % 13)
	}
	indexes, err := (&rle.DictionaryEncoding{}).EncodeInt32(nil, numbers)
	if err != nil {
		t.Fatal(err)
	}
	deltas, err := (&delta.BinaryPackedEncoding{}).EncodeInt32(nil, numbers)
	if err != nil {
		t.Fatal(err)
	}
	c := pageCounts{values: values}
	sum, rest, err := c.deltas(append(slices.Clone(deltas), "rest"...))
	var want int64
	for _, v := range numbers {
		want += int64(v)
	}
	if err != nil || sum != want || string(rest) != "rest" {
		t.Errorf("a sum of %d, want %d; behind it is %q (%v)", sum, want, rest, err)
	}
	texts := func(prefix, suffix int32, n int) []byte {
		b, err1 := (&delta.BinaryPackedEncoding{}).EncodeInt32(nil, slices.Repeat([]int32{prefix}, n))
		s, err2 := (&delta.BinaryPackedEncoding{}).EncodeInt32(nil, slices.Repeat([]int32{suffix}, n))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		return append(b, s...)
	}
	c.text = 5000
	run := func(n uint64) []byte { return append(binary.AppendUvarint(nil, n<<1), 1) }
	level := func(b []byte) []byte { return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...) }
	for name, test := range map[string]struct {
		encoding format.Encoding
		data     []byte
		want     string
	}{
		"indexes":         {8, indexes, ""},
		"runs":            {8, slices.Concat([]byte{1}, run(60), run(40)), ""},
		"long run":        {8, slices.Concat([]byte{1}, run(60), run(1<<31-1)), "more values than the 100"},
		"long packed run": {2, []byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f}, "more values than the 100"},
		"cut run":         {2, []byte{8, 3, 1}, "ends within"},
		"run of booleans": {3, level(run(100)), ""},
		"more booleans":   {3, level(run(1 << 30)), "more values than the 100"},
		"cut booleans":    {3, []byte{9, 0, 0, 0, 1}, "ends within"},
		"deltas":          {5, deltas, ""},
		"more deltas":     {5, []byte{0x80, 1, 4, 0xff, 0xff, 0xff, 0xff, 7, 0}, "more values than the 100"},
		"lengths":         {6, append(deltas, make([]byte, want)...), ""},
		"long lengths":    {6, deltas, fmt.Sprintf("%d bytes of text, and 0 follow", want)},
		"texts":           {7, texts(40, 2, values), ""},
		"long texts":      {7, texts(60, 2, values), "its texts have 6200 bytes"},
		"negative":        {7, texts(-1, 2, values), "its texts have"},
	} {
		if err := c.contents(test.encoding, test.data); (err == nil) != (test.want == "") ||
			err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}
