package wire

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// nest wraps data in depth messages of field 3, each with an additional unknown field 9.
func nest(data []byte, depth int) []byte {
	for range depth {
		b := protowire.AppendVarint(protowire.AppendTag(nil, 9, protowire.VarintType), 7)
		data = protowire.AppendBytes(protowire.AppendTag(b, 3, protowire.BytesType), data)
	}
	return data
}

// find returns the innermost field 3 and its enclosing fields.
func find(t *testing.T, s *Source, depth int) (inner Field, within []Field) {
	t.Helper()
	span := s.All()
	for range depth {
		found := false
		for f, err := range s.Fields(span) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Num == 3 {
				inner, found = f, true
			}
		}
		if !found {
			t.Fatal("no field 3")
		}
		within = append(within, inner)
		span = inner.Body
	}
	return inner, within[:depth-1]
}

// Payloads around 127 bytes, where a longer length prefix changes the length of the enclosing prefixes.
func TestRewriteMendsLengths(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, from := range []int{0, 1, 100, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 16000} {
		for _, to := range []int{0, 1, 110, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 16383, 16384, 300000} {
			const depth = 4
			data := nest(bytes.Repeat([]byte{1}, from), depth)
			want := nest(bytes.Repeat([]byte{2}, to), depth)
			src := NewBytesSource(data)
			inner, within := find(t, src, depth)
			edit := NewEdit(inner.Body, bytes.Repeat([]byte{2}, to), append(within, inner))
			var out bytes.Buffer
			if _, err := Rewrite(t.Context(), &out, src, []Edit{edit}, 2); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%d -> %d bytes: got %d bytes, want %d", from, to, out.Len(), len(want))
			}
			if got := src.Size([]Edit{edit}); got != int64(len(want)) {
				t.Errorf("%d -> %d bytes: Size is %d, want %d", from, to, got, len(want))
			}
			checked++
		}
	}
	if checked == 0 {
		t.Fatal("nothing was checked")
	}
}

func TestRewriteDoesNotDependOnWorkers(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 3*BlockSize+17)
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	src := NewBytesSource(data)
	edits := []Edit{
		{At: Span{5, 2*BlockSize + 3}, Size: 2*BlockSize + 3, Fill: func(_ context.Context, dst []byte, off int64) error {
			for i := range dst {
				dst[i] = byte((off + int64(i)) % 251)
			}
			return nil
		}},
		NewEdit(Span{Off: int64(len(data))}, []byte("tail"), nil),
	}
	var want []byte
	for _, workers := range []int{1, 2, 8} {
		var out bytes.Buffer
		if _, err := Rewrite(t.Context(), &out, src, edits, workers); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = slices.Clone(out.Bytes())
		}
		if !bytes.Equal(out.Bytes(), want) {
			t.Errorf("%d workers give other bytes than one", workers)
		}
	}
	if !bytes.Equal(want[:5], data[:5]) || want[5] != 0 || want[5+BlockSize] != byte(BlockSize%251) ||
		!bytes.HasSuffix(want, []byte("tail")) {
		t.Error("the edits are not in place")
	}
}

func TestRewriteRefusesOverlap(t *testing.T) {
	t.Parallel()
	src := NewBytesSource(make([]byte, 10))
	for _, edits := range [][]Edit{
		{NewEdit(Span{0, 5}, nil, nil), NewEdit(Span{4, 2}, nil, nil)},
		{NewEdit(Span{8, 3}, nil, nil)},
	} {
		if _, err := Rewrite(t.Context(), &bytes.Buffer{}, src, edits, 1); err == nil {
			t.Errorf("edits %v are accepted", edits)
		}
	}
}

func TestRewriteReportsTheFirstFailure(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	src := NewBytesSource(make([]byte, 4*BlockSize))
	fail := Edit{At: Span{BlockSize, BlockSize}, Size: BlockSize,
		Fill: func(context.Context, []byte, int64) error { return broken }}
	for _, workers := range []int{1, 4} {
		if _, err := Rewrite(t.Context(), &bytes.Buffer{}, src, []Edit{fail}, workers); !errors.Is(err, broken) {
			t.Errorf("%d workers: error %v, want %v", workers, err, broken)
		}
	}
}

func TestFieldsRefusesWhatIsMalformed(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"group":             {0x0b},
		"tag cut off":       {0x80},
		"varint cut off":    {0x08, 0x80},
		"fixed32 cut off":   {0x0d, 1, 2},
		"length cut off":    {0x0a, 0x80},
		"length too large":  {0x0a, 5, 1},
		"length past int64": append([]byte{0x0a}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
		"field number 0":    {0x02, 0},
	} {
		var last error
		src := NewBytesSource(data)
		for _, err := range src.Fields(src.All()) {
			last = err
		}
		if !errors.Is(last, ErrMalformed) {
			t.Errorf("%s: error %v, want ErrMalformed", name, last)
		}
	}
}
