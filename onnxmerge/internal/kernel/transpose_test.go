package kernel

import (
	"encoding/binary"
	"slices"
	"testing"
)

func TestTranspose(t *testing.T) {
	t.Parallel()
	for _, rows := range []int{0, 7, 8, 16, 21} {
		for _, columns := range []int{0, 7, 8, 16, 23} {
			testTranspose(t, rows, columns)
		}
	}
}

func testTranspose(t *testing.T, rows, columns int) {
	t.Helper()
	const between = 12 // bytes behind each row, which stay
	step, srcStep := 4*columns+between, 4*rows+between
	src, dst := make([]byte, columns*srcStep), make([]byte, rows*step)
	for i := range src {
		src[i] = byte(i*7 + i/256)
	}
	before := slices.Repeat([]byte{0xaa}, step)
	for i := range dst {
		dst[i] = 0xaa
	}
	m, n := Transpose(dst, step, src, srcStep, rows, columns)
	if all := m == rows&^7 && n == columns&^7; !all && (transposes && rows >= 8 && columns >= 8 || m+n != 0) {
		t.Errorf("of %d rows and %d columns: %d and %d are set", rows, columns, m, n)
	}
	for i := range rows {
		row, set := dst[i*step:][:step], 0
		if i < m {
			set = n
		}
		for k := range set {
			if got, want := binary.LittleEndian.Uint32(row[4*k:]), binary.LittleEndian.Uint32(src[k*srcStep+4*i:]); got != want {
				t.Fatalf("%d rows, %d columns: element %d of row %d is %x, want %x", rows, columns, k, i, got, want)
			}
		}
		if !slices.Equal(row[4*set:], before[4*set:]) {
			t.Errorf("%d rows, %d columns: row %d is changed behind them", rows, columns, i)
		}
	}
}
