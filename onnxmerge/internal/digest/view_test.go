package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// What is seen in memory is hashed as what is read is, in order or not; a range that cannot be read is not taken for hashed.
func TestView(t *testing.T) {
	t.Parallel()
	data := make([]byte, 3<<20+123)
	for i := range data {
		data[i] = byte(i * i / 7)
	}
	sum := sha256.Sum256(data)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	const end = 3<<20 + 123
	for name, ranges := range map[string][][2]int64{
		"in order": {{100, 1 << 20}, {1<<20 + 120, 2 << 20}}, "swapped": {{1 << 20, 2 << 20}, {0, 1 << 20}}, "all": {{0, end}},
	} {
		tap := NewTap(f, end, SHA256)
		tap.Start(1 << 20)
		var views []*View
		for _, r := range ranges {
			v, err := tap.View(r[0], r[1])
			if errors.Is(err, errors.ErrUnsupported) && runtime.GOOS == "windows" {
				t.Skip("no files in memory on this system")
			}
			if err != nil {
				t.Fatal(err)
			}
			same := false
			if err := v.Use(func(got []byte) { same = bytes.Equal(got, data[r[0]:r[0]+r[1]]) }); err != nil || !same {
				t.Errorf("%s: equal is %v (%v)", name, same, err)
			}
			views = append(views, v)
		}
		for _, v := range views {
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		}
		_, read := tap.Reads()
		if name != "swapped" && read > 1<<10 {
			t.Errorf("%s: %d bytes are read for the hash before its end", name, read)
		}
		if got, err := tap.Sum(t.Context()); err != nil || got != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: hash %s (%v)", name, got, err)
		}
	}
	if _, err := NewTap(f, end, SHA256).View(1, end); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("error %v of a range behind the end", err)
	}
}
