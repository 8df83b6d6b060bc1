package datasets_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/datasettest"
	"github.com/wiseft/wiseft/internal/fault"
)

// checkArchived packs the folder of a format and compares what is read from its archives.
func checkArchived(t *testing.T, want datasets.Dataset, test formatTest) {
	t.Helper()
	if info, err := os.Stat(test.path); err != nil || !info.IsDir() {
		return
	}
	dir := t.TempDir()
	for name, pack := range packers {
		file, inner := filepath.Join(dir, name), "data"
		if strings.HasPrefix(name, "flat") {
			inner = "."
		}
		if err := pack(file, inner, os.DirFS(test.path)); err != nil {
			t.Fatal(err)
		}
		for _, place := range []string{file, filepath.Join(file, inner)} {
			if holdsArrays(t, test.path) && inner == "." {
				continue // of NPY files without a folder is an NPZ
			}
			ds := open(t, place, test.split)
			if err := same(t.Context(), ds, want); err != "" {
				t.Errorf("%s: %s", place, err)
			}
		}
	}
}

// holdsArrays reports whether there are NPY files directly in a folder.
func holdsArrays(t *testing.T, dir string) bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.npy"))
	if err != nil {
		t.Fatal(err)
	}
	return len(paths) > 0
}

// packers write archives of a folder, by the names of the files.
var packers = map[string]func(file, inner string, dir fs.FS) error{
	"flat.zip":   zipped(zip.Deflate),
	"folder.zip": zipped(zip.Deflate),
	"stored.zip": zipped(zip.Store),
	"flat.tar":   tarred,
	"folder.tar": tarred,
}

func zipped(method uint16) func(file, inner string, dir fs.FS) error {
	return func(file, inner string, dir fs.FS) error {
		return writeFile(file, func(w io.Writer) error {
			z := zip.NewWriter(w)
			err := eachFile(dir, func(name string, content []byte) error {
				f, err := z.CreateHeader(&zip.FileHeader{Name: path.Join(inner, name), Method: method})
				if err == nil {
					_, err = f.Write(content)
				}
				return err
			})
			if err != nil {
				return err
			}
			return z.Close()
		})
	}
}

func tarred(file, inner string, dir fs.FS) error {
	return writeFile(file, func(w io.Writer) error {
		z := tar.NewWriter(w)
		if err := z.WriteHeader(&tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			return err
		}
		err := eachFile(dir, func(name string, content []byte) error {
			h := &tar.Header{Name: "./" + path.Join(inner, name), Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o644}
			err := z.WriteHeader(h)
			if err == nil {
				_, err = z.Write(content)
			}
			return err
		})
		if err != nil {
			return err
		}
		return z.Close()
	})
}

func writeFile(file string, content func(io.Writer) error) error {
	var b bytes.Buffer
	if err := content(&b); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o666)
}

func eachFile(dir fs.FS, use func(name string, content []byte) error) error {
	return fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		return use(name, content)
	})
}

// same returns how a data set differs from the wanted one in labels, values or hash.
func same(ctx context.Context, got, want datasets.Dataset) string {
	if got.Len() != want.Len() {
		return "has another number of samples"
	}
	a, err1 := got.Hash(ctx)
	b, err2 := want.Hash(ctx)
	if err1 != nil || err2 != nil || a != b {
		return "has another hash, or none"
	}
	var s, w datasets.Sample
	for i := range want.Len() {
		if err := got.Read(ctx, &s, i); err != nil {
			return err.Error()
		}
		if err := want.Read(ctx, &w, i); err != nil {
			return err.Error()
		}
		if s.Label != w.Label || len(s.X) != len(w.X) {
			return "has another sample"
		}
		for k := range w.X {
			if math.Float32bits(s.X[k]) != math.Float32bits(w.X[k]) {
				return "has another value"
			}
		}
	}
	return ""
}

// The conformance suite runs on an archive, too: samples are read concurrently and after it was closed.
func TestArchiveConforms(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "modelnet.zip")
	if err := zipped(zip.Deflate)(file, "modelnet", os.DirFS("testdata/modelnet")); err != nil {
		t.Fatal(err)
	}
	datasettest.Run(t, func(t *testing.T) datasets.Dataset { return open(t, file, "train") })
}

// A folder that holds all others stands for the archive, unless it is the only class.
func TestOnlyFolderOfAnArchive(t *testing.T) {
	t.Parallel()
	off := []byte("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n")
	for names, want := range map[string]string{
		"set/chair/0.off set/desk/0.off":                             "chair desk",
		"set/train/chair/0.off set/train/desk/0.off":                 "chair desk",
		"set/chair/train/0.off set/desk/train/0.off":                 "chair desk",
		"chair/train/0.off chair/test/0.off":                         "chair",
		"chair/0.off":                                                "chair",
		"chair/0.off __MACOSX/chair/._0.off":                         "chair",
		"set/chair/0.off set/desk/0.off __MACOSX/set/x .DS_Store":    "chair desk",
		`set\chair\0.off set\desk\0.off`:                             "chair desk",
		"chair/0.off desk/0.off":                                     "chair desk",
		"set/chair/0.off set/desk/0.off set/README set/desk/.hidden": "chair desk",
	} {
		file := filepath.Join(t.TempDir(), "set.zip")
		err := writeFile(file, func(w io.Writer) error {
			z := zip.NewWriter(w)
			for name := range strings.FieldsSeq(names) {
				f, err := z.Create(name)
				if err != nil {
					return err
				}
				if _, err := f.Write(off); err != nil {
					return err
				}
			}
			return z.Close()
		})
		if err != nil {
			t.Fatal(err)
		}
		ds, err := datasets.Open(t.Context(), file, datasets.OpenOptions{Split: "train"})
		if err != nil {
			t.Errorf("%s: %v", names, err)
			continue
		}
		if got := strings.Join(ds.Info().Classes, " "); got != want {
			t.Errorf("%s: classes %s, want %s", names, got, want)
		}
		ds.Close()
	}
}

// Archives that cannot be read are refused by what they are.
func TestBadArchives(t *testing.T) {
	t.Parallel()
	tarHead := make([]byte, 1024)
	copy(tarHead[257:], "ustar")
	dir := writeFiles(t, map[string][]byte{"a.tar": tarHead, "a.tgz": {0x1f, 0x8b, 8, 0},
		"a.zip": []byte("PK\x03\x04 and nothing else")})
	for name, want := range map[string]string{
		"a.tar":       "no tar archive that can be read",
		"a.tar/chair": "no tar archive that can be read",
		"a.tgz":       "found a gzip file, which must be decompressed first (gunzip)",
		"a.zip":       "no index that can be read",
	} {
		err := openAndRead(t.Context(), filepath.Join(dir, name), "")
		if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Input {
			t.Errorf("%s: got %v, want an error of the input with %q", name, err, want)
		}
	}
}
