package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func mustOpen(t *testing.T, root, worker string) *Folder {
	t.Helper()
	f, err := Open(root, worker)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), f.Close()); err != nil {
			t.Error(err)
		}
	})
	return f
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

func load(f *Folder, kind string, key Key) (got string, err error) {
	err = f.Load(kind, key, func(r io.ReaderAt, size int64) error {
		b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
		got = string(b)
		return err
	})
	return got, err
}

func TestKeyDependsOnEveryField(t *testing.T) {
	t.Parallel()
	type parts struct {
		A string
		B []int
	}
	keys := map[Key]bool{}
	for _, p := range []parts{{"x", nil}, {"", nil}, {"x", []int{1}}, {"x", []int{1, 2}}, {"x", []int{12}}} {
		k := NewKey(p)
		if len(k) != 64 || keys[k] || k != NewKey(p) {
			t.Errorf("%+v: key %s", p, k)
		}
		keys[k] = true
	}
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	f := mustOpen(t, root, "a")
	key := NewKey("one")
	if _, err := load(f, "features", key); !errors.Is(err, fs.ErrNotExist) || f.Has("features", key) {
		t.Errorf("a unit that is not there: %v", err)
	}
	long := strings.Repeat("long ", bufferBytes/2)
	for _, want := range []string{"first", "", long} {
		if err := f.Save("features", key, text(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := load(f, "features", key); err != nil || got != want {
			t.Errorf("got %d bytes (%v), want %d", len(got), err, len(want))
		}
	}
	if !f.Has("features", key) || f.Has("scores", key) {
		t.Error("the unit is of another kind")
	}
	// A unit whose write fails leaves no file, and an existing unit stays.
	broken := errors.New("broken")
	err := f.Save("features", key, func(w io.Writer) error { return errors.Join(text("half")(w), broken) })
	if got, _ := load(f, "features", key); !errors.Is(err, broken) || got != long {
		t.Errorf("after a failure (%v): %d bytes", err, len(got))
	}
	if err := f.Save("features", NewKey("two"), func(io.Writer) error { return broken }); !errors.Is(err,
		broken) || f.Has("features", NewKey("two")) {
		t.Errorf("half a unit is there (%v)", err)
	}
	for _, path := range files(t, root) {
		if strings.Contains(path, ".tmp") {
			t.Errorf("%s is left", path)
		}
	}
	if err := f.Load("features", key, func(io.ReaderAt, int64) error { return broken }); !errors.Is(err,
		broken) || !strings.Contains(err.Error(), string(key)) {
		t.Errorf("an error of reading: %v", err)
	}
}

// A file under the name of another unit is an error that says so; one without a closing line is read and counted.
func TestFileOfAnotherUnit(t *testing.T) {
	t.Parallel()
	f := mustOpen(t, t.TempDir(), "a")
	one, two := NewKey("one"), NewKey("two")
	if err := errors.Join(f.Save("scores", one, text("1")), f.Save("probe", one, text("2"))); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{f.path("scores", two), f.path("probe", one)} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(other), 0o777), os.RemoveAll(other),
			os.Link(f.path("scores", one), other)); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []struct {
		kind string
		key  Key
	}{{"scores", two}, {"probe", one}} {
		if got, err := load(f, at.kind, at.key); err == nil || !strings.Contains(err.Error(), string(one)) || got != "" {
			t.Errorf("%s %s: %q, %v", at.kind, at.key, got, err)
		}
	}
	if err := os.WriteFile(f.path("scores", one), []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := load(f, "scores", one); got != "old" || err != nil || f.Unnamed() != 1 {
		t.Errorf("without a line: %q, %v, %d", got, err, f.Unnamed())
	}
}

func files(t *testing.T, root string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestJournalIsAppended(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for range 2 {
		f := mustOpen(t, root, "a")
		if err := errors.Join(f.Record(map[string]int{"n": 1}), f.Record([]int{2}), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Join(root, "journal", "a.jsonl"))
	if want := "{\"n\":1}\n[2]\n{\"n\":1}\n[2]\n"; err != nil || string(got) != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	a, b := mustOpen(t, root, "a"), mustOpen(t, root, "b")
	key := NewKey("one")
	claim, ok, err := a.Claim("features", key)
	if err != nil || !ok {
		t.Fatalf("claim: %v, %v", ok, err)
	}
	if _, ok, err := b.Claim("features", key); ok || err != nil {
		t.Errorf("claimed twice: %v, %v", ok, err)
	}
	if other, ok, err := b.Claim("scores", key); !ok || err != nil {
		t.Errorf("another kind: %v, %v", ok, err)
	} else {
		other.Release()
	}
	// The claim of a worker that has died is taken over.
	old := time.Now().Add(-2 * staleAfter)
	if err := os.Chtimes(claim.path, old, old); err != nil {
		t.Fatal(err)
	}
	a.freshen()
	if _, ok, _ := b.Claim("features", key); ok {
		t.Error("a claim that was freshened is taken over")
	}
	if err := os.Chtimes(claim.path, old, old); err != nil {
		t.Fatal(err)
	}
	taken, ok, err := b.Claim("features", key)
	if err != nil || !ok {
		t.Errorf("a stale claim: %v, %v", ok, err)
	}
	taken.Release()
	claim.Release() // the file does not exist any more, which is harmless
	if left := files(t, filepath.Join(root, "claims")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// Of any number of concurrent workers, exactly one gets the claim.
func TestOneWorkerClaims(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	key := NewKey("one")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for i := range 8 {
		f := mustOpen(t, root, string(rune('a'+i)))
		wg.Go(func() {
			_, ok, err := f.Claim("features", key)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			if ok {
				got++
			}
		})
	}
	wg.Wait()
	if got != 1 {
		t.Errorf("%d workers have the claim", got)
	}
}

func TestCollect(t *testing.T) {
	t.Parallel()
	here, there := mustOpen(t, t.TempDir(), "a"), mustOpen(t, t.TempDir(), "b")
	one, two := NewKey("one"), NewKey("two")
	for _, err := range []error{here.Save("scores", one, text("1")), there.Save("scores", one, text("1")),
		there.Save("features", two, text("2")), there.Record("done")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{1, 0} {
		if n, err := here.Collect(there.Root()); err != nil || n != want {
			t.Errorf("time %d: %d units (%v), want %d", i, n, err, want)
		}
	}
	if got, err := load(here, "features", two); err != nil || got != "2" {
		t.Errorf("got %q (%v)", got, err)
	}
	if _, err := os.Stat(filepath.Join(here.Root(), "journal", "b.jsonl")); err != nil {
		t.Error(err)
	}
	if n, err := here.Collect(t.TempDir()); n != 0 || err != nil {
		t.Errorf("an empty folder: %d units (%v)", n, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, worker := range []string{"", "a/b"} {
		if _, err := Open(t.TempDir(), worker); err == nil {
			t.Errorf("worker %q is taken", worker)
		}
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, "a"); err == nil {
		t.Error("a file is taken for a folder")
	}
}

// A process that ends removes the folder of temporary files, and others that still work in the run make it again.
func TestWritersOutliveTheTemporaryFolder(t *testing.T) {
	root := t.TempDir()
	ended, working := mustOpen(t, root, "ended"), mustOpen(t, root, "working")
	ended.RemoveTemporary()
	if err := working.SaveFile("result", text("whole")); err != nil {
		t.Error(err)
	}
	ended.RemoveTemporary()
	if _, err := working.fileTime(); err != nil {
		t.Error(err)
	}
	stop := make(chan struct{})
	var removing sync.WaitGroup
	removing.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Microsecond):
				ended.RemoveTemporary()
			}
		}
	})
	for i := range 300 {
		if err := working.Save("kind", NewKey(i), text("whole")); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	removing.Wait()
}
