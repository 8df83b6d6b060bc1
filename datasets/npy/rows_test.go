package npy_test

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
)

func TestRows(t *testing.T) {
	t.Parallel()
	const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }\n"
	values := []byte{0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64, 0, 0, 192, 64} // 1 to 6
	open := func(method uint16, values []byte) (*npy.Rows, error) {
		b := archive(t, method, header, values)
		a, err := npy.Open(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		return a.Rows("x")
	}
	rows, err := open(zip.Store, values)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 4)
	if err := rows.Read(got, 1); err != nil || !slices.Equal(got, []float32{3, 4, 5, 6}) {
		t.Errorf("got %v (%v)", got, err)
	}
	if err := rows.Read(got, 2); err == nil {
		t.Error("rows beyond the end are no error")
	}
	if _, err := open(zip.Deflate, values); err == nil || !strings.Contains(err.Error(), "is compressed") {
		t.Errorf("compressed: got error %v", err)
	}
	if _, err := open(zip.Store, values[:20]); err == nil || !strings.Contains(err.Error(), "needs 24 bytes") {
		t.Errorf("short: got error %v", err)
	}
}
