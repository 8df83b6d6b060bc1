package datasets_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// TestFoldersOfNumbers checks that classes named by numbers are in the order of the numbers, and others in that of text.
func TestFoldersOfNumbers(t *testing.T) {
	t.Parallel()
	for _, want := range [][]string{{"0", "2", "10", "999"}, {"0", "10", "2", "n2"}} {
		dir := t.TempDir()
		for _, name := range want {
			if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name, "a.xyz"), []byte("0 0 1\n1 0 0\n"), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		ds, err := datasets.Open(t.Context(), dir, datasets.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer ds.Close()
		if got := ds.Info().Classes; !slices.Equal(got, want) || !slices.Equal(datasets.Labels(ds), []int64{0, 1, 2, 3}) {
			t.Errorf("got %v with labels %v, want %v", got, datasets.Labels(ds), want)
		}
	}
}
