package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets/internal/archive"
	"github.com/wiseft/wiseft/internal/memorytest"
)

func save(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// zipOf returns a zip archive with one deflated member m, whose header edit may change.
func zipOf(t testing.TB, content []byte, edit func(*zip.FileHeader)) []byte {
	t.Helper()
	var packed, b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "m", Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(content),
		UncompressedSize64: uint64(len(content))}
	plain := zip.NewWriter(&packed)
	w, err := plain.Create("m")
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, plain.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed.Bytes()), int64(packed.Len()))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := r.File[0].OpenRaw()
	if err != nil {
		t.Fatal(err)
	}
	h.CompressedSize64 = r.File[0].CompressedSize64
	edit(h)
	if w, err = z.CreateRaw(h); err == nil {
		_, err = io.Copy(w, raw)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A member that is not what the archive says is refused, and none of its claims is allocated.
func TestZipMembers(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat("some text, ", 100))
	for name, test := range map[string]struct {
		content []byte
		edit    func(*zip.FileHeader)
		want    string // of the error; "" is none
	}{
		"good":           {text, func(*zip.FileHeader) {}, ""},
		"empty":          {nil, func(*zip.FileHeader) {}, ""},
		"checksum":       {text, func(h *zip.FileHeader) { h.CRC32++ }, "its checksum does not match"},
		"longer":         {text, func(h *zip.FileHeader) { h.UncompressedSize64-- }, "more than the 1099 bytes"},
		"shorter":        {text, func(h *zip.FileHeader) { h.UncompressedSize64++ }, "unexpected EOF"},
		"huge":           {text, func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 40 }, "more than 100 times its size"},
		"encrypted":      {text, func(h *zip.FileHeader) { h.Flags |= 1 }, "is encrypted"},
		"other method":   {text, func(h *zip.FileHeader) { h.Method = 12 }, "compressed by method 12"},
		"link":           {text, func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }, "is a link"},
		"bomb":           {make([]byte, 20<<20), func(*zip.FileHeader) {}, "more than 100 times its size"},
		"small and thin": {make([]byte, 2<<20), func(*zip.FileHeader) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := save(t, "a.zip", zipOf(t, test.content, test.edit))
			got, err := archive.ReadFile(filepath.Join(path, "m"))
			switch {
			case test.want == "" && (err != nil || !bytes.Equal(got, test.content)):
				t.Errorf("%d bytes, %v", len(got), err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

// A member larger than what is held in memory goes through a temporary file, of which nothing is left.
func TestLargeMember(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	content := make([]byte, 65<<20)
	rand.NewChaCha8([32]byte{}).Read(content)
	path := filepath.Join(save(t, "a.zip", zipOf(t, content, func(*zip.FileHeader) {})), "m")
	f, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1<<20)
	for _, off := range []int64{3 << 20, 64 << 20, 0, 30 << 20} {
		if _, err := f.ReadAt(b, off); err != nil || !bytes.Equal(b, content[off:off+int64(len(b))]) {
			t.Errorf("at %d: %v, or other bytes", off, err)
		}
	}
	if n, err := f.ReadAt(b, int64(len(content))-10); n != 10 || !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %d bytes, %v", n, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func tarOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := h.Uname // of the test
		h.Uname, h.Size, h.Mode = "", int64(len(content)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Links of a tar archive are followed within it, and a member that comes again replaces the first.
func TestTarMembers(t *testing.T) {
	t.Parallel()
	path := save(t, "a.tar", tarOf(t,
		tar.Header{Name: "d/f", Typeflag: tar.TypeReg, Uname: "old"},
		tar.Header{Name: "d/s", Typeflag: tar.TypeSymlink, Linkname: "f"},
		tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "d/f"},
		tar.Header{Name: "loop", Typeflag: tar.TypeSymlink, Linkname: "loop"},
		tar.Header{Name: "out", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		tar.Header{Name: "up", Typeflag: tar.TypeSymlink, Linkname: "../a.tar"},
		tar.Header{Name: "fifo", Typeflag: tar.TypeFifo},
		tar.Header{Name: "d/f", Typeflag: tar.TypeReg, Uname: "new"}))
	for name, want := range map[string]string{"d/f": "new", "d/s": "new", "h": "new"} {
		if got, err := archive.ReadFile(filepath.Join(path, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if info, err := archive.Stat(filepath.Join(path, name)); err != nil || info.Size() != 3 || info.IsDir() {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for _, name := range []string{"loop", "out", "up", "fifo", "d", "none"} {
		if got, err := archive.ReadFile(filepath.Join(path, name)); err == nil {
			t.Errorf("%s: %q is read", name, got)
		}
	}
	entries, err := archive.ReadDir(filepath.Join(path, "d"))
	if err != nil || len(entries) != 2 || entries[0].Name() != "f" || entries[1].Name() != "s" {
		t.Errorf("%v, %v", entries, err)
	}
	if _, err := archive.Stat(filepath.Join(path, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []int{512, 600, 1024, 2048} {
		if err := os.WriteFile(path, whole[:end], 0o666); err != nil { // the index is read again
			t.Fatal(err)
		}
		if entries, err := archive.ReadDir(path); err == nil {
			t.Errorf("an archive that ends after %d bytes lists %v", end, entries)
		}
	}
}

// Names that lead out of an archive, and names that come twice, make it one that is not read.
func TestBadNames(t *testing.T) {
	t.Parallel()
	for _, names := range []string{"../m", "/m", "a/../../m", "m m", "m a/../m"} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for name := range strings.FieldsSeq(names) {
			if _, err := z.Create(name); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if entries, err := archive.ReadDir(save(t, "a.zip", b.Bytes())); err == nil {
			t.Errorf("%s: lists %v", names, entries)
		}
	}
}

// Outside archives, files and folders are what they are.
func TestOutside(t *testing.T) {
	t.Parallel()
	path := save(t, "plain", []byte("text"))
	if got, err := archive.ReadFile(path); err != nil || string(got) != "text" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := archive.ReadFile(filepath.Join(path, "m")); err == nil {
		t.Error("a file below a file is read")
	}
	if _, err := archive.ReadDir(path); err == nil {
		t.Error("a file is listed")
	}
	found, err := archive.Glob(filepath.Dir(path), "pl*")
	if err != nil || !slices.Equal(found, []string{path}) {
		t.Errorf("%v, %v", found, err)
	}
	if archive.Outer(path) != path || archive.Is(path) {
		t.Error("a plain file is taken for an archive")
	}
}

// FuzzArchive lists and reads arbitrary archives: memory stays below what 16 MiB and 100 times the file's size give.
func FuzzArchive(f *testing.F) {
	f.Add(zipOf(f, []byte("some text"), func(*zip.FileHeader) {}))
	f.Add(tarOf(f, tar.Header{Name: "d/f", Typeflag: tar.TypeReg, Uname: "text"},
		tar.Header{Name: "s", Typeflag: tar.TypeSymlink, Linkname: "d/f"}))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := save(t, "a", content)
		read := 0
		var walk func(dir string)
		walk = func(dir string) {
			entries, err := archive.ReadDir(dir)
			if err != nil {
				return
			}
			for _, e := range entries {
				inner := filepath.Join(dir, e.Name())
				if e.IsDir() {
					walk(inner)
				} else if got, err := archive.ReadFile(inner); err == nil {
					read = max(read, len(got))
				}
			}
		}
		walk(path)
		if most := max(16<<20, 101*len(content)); read > most {
			t.Errorf("%d bytes of a file of %d", read, len(content))
		}
	})
}

// FuzzMemoryArchive lists and reads arbitrary archives: memory follows what an archive holds, and what its members
// decompress to, whatever sizes are claimed.
func FuzzMemoryArchive(f *testing.F) {
	seeds := [][]byte{
		zipOf(f, []byte(strings.Repeat("some text, ", 100)), func(*zip.FileHeader) {}),
		zipOf(f, nil, func(h *zip.FileHeader) { h.UncompressedSize64 = 1 << 24 }),
		tarOf(f, tar.Header{Name: "d/f", Typeflag: tar.TypeReg, Uname: "text"},
			tar.Header{Name: "s", Typeflag: tar.TypeSymlink, Linkname: "d/f"}),
		tarOf(f, tar.Header{Name: strings.Repeat("long/", 60) + "f", Typeflag: tar.TypeReg, Uname: "text"}),
	}
	for _, file := range seeds {
		f.Add(file)
	}
	// A folder of a name of two bytes takes some 300; text that is read is copied as it grows.
	list, member := memorytest.Limit{Fixed: 2 << 20, PerByte: 512}, memorytest.Limit{Fixed: 4 << 20, PerByte: 16}
	f.Fuzz(func(t *testing.T, file []byte) {
		dir := save(t, "a", file)
		for range 4 { // folders deep
			var entries []fs.DirEntry
			memorytest.Check(t, len(file), list.Of(file), func() { entries, _ = archive.ReadDir(dir) })
			inner := ""
			for _, e := range entries[:min(len(entries), 8)] {
				path := filepath.Join(dir, e.Name())
				if e.IsDir() {
					inner = path
					continue
				}
				var got []byte
				taken := memorytest.Allocated(func() { got, _ = archive.ReadFile(path) })
				if most := member.Of(got) + list.PerByte*int64(len(file)); taken > most {
					t.Fatalf("%d bytes of an archive of %d take %d, at most %d are expected", len(got), len(file), taken, most)
				}
			}
			if inner == "" {
				return
			}
			dir = inner
		}
	})
}
