package output

import (
	"path/filepath"
	"testing"
)

// Writing to the disk begins before the end of a large file, unless that is left to the system.
func TestWriteBehind(t *testing.T) {
	t.Parallel()
	block := make([]byte, writeBehind)
	for _, noSync := range []bool{false, true} {
		f, err := CreateUnhashed(filepath.Join(t.TempDir(), "file"), Options{NoSync: noSync})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Abort()
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
		if begun := f.started > 0; begun == noSync {
			t.Errorf("without sync %v: writing to the disk has begun: %v", noSync, begun)
		}
	}
}
