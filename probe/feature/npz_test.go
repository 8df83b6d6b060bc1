package feature

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
)

// written is an NPZ file of another program: two rows and names of classes.
func written(t *testing.T, labels []int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z := npy.NewWriter(&b)
	row := func(i int) ([]float32, error) { return []float32{float32(i), 1}, nil }
	if err := z.Float32Rows("x", 2, []int{2}, row); err != nil {
		t.Fatal(err)
	}
	if err := z.Int64s("y", labels); err != nil {
		t.Fatal(err)
	}
	if err := z.Strings("classes", []string{"chair", "table"}); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Names of classes in a file without meta are those of the labels.
func TestClassesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	file := written(t, []int64{1, 0})
	f, err := Read(bytes.NewReader(file), int64(len(file)))
	if err != nil || !slices.Equal(f.Meta.Data.Classes, []string{"chair", "table"}) {
		t.Errorf("classes %v (%v)", f, err)
	}
	file = written(t, []int64{1, 2})
	if _, err := Read(bytes.NewReader(file), int64(len(file))); err == nil || !strings.Contains(err.Error(), "label 2") {
		t.Errorf("error %v", err)
	}
}
