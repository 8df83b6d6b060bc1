package kernel

import (
	"encoding/binary"
	"slices"
	"testing"
)

func TestTranspose(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{0, 7, 8, 16, 23} {
		const between = 12 // bytes behind each row, which stay
		step, srcStep := 4*columns+between, 8*4+between
		src, dst := make([]byte, columns*srcStep), make([]byte, 8*step)
		for i := range src {
			src[i] = byte(i*7 + i/256)
		}
		before := slices.Repeat([]byte{0xaa}, len(dst))
		copy(dst, before)
		done := Transpose(dst, step, src, srcStep, columns)
		if want := columns &^ 7; done != want && (done != 0 || transposes) {
			t.Errorf("%d columns: %d are set, want %d", columns, done, want)
		}
		for i := range 8 {
			row := dst[i*step:][:step]
			for k := range done {
				got, want := binary.LittleEndian.Uint32(row[4*k:]), binary.LittleEndian.Uint32(src[k*srcStep+4*i:])
				if got != want {
					t.Fatalf("%d columns: element %d of row %d is %x, want %x", columns, k, i, got, want)
				}
			}
			if !slices.Equal(row[4*done:], before[:step-4*done]) {
				t.Errorf("%d columns: row %d is changed behind them", columns, i)
			}
		}
	}
}
