package output

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
)

// Tests of this file do not run in parallel: they intercept the steps of the package.

func contents(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		all = append(all, rel+"="+string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func writer(text string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, text); return err }
}

// writeGroup writes a main file m, a file d beside it, takes a waiting file n, and one that there is not, and removes an old
// file o.
func writeGroup(dir string) error {
	path := filepath.Join(dir, "m")
	opt := Options{Force: true}
	if err := Check(path, opt); err != nil {
		return err
	}
	g := Group{Path: path, Options: opt}
	defer g.Abort()
	for _, name := range []string{"d", ""} {
		w, err := g.Create(name)
		if err != nil {
			return err
		}
		if err := writer("new")(w); err != nil {
			return err
		}
	}
	g.Take("n")
	g.Take("kept")
	g.Remove("o")
	return g.Commit()
}

// jobs are what the package writes: how, the folder before, and after.
var jobs = map[string]struct {
	run           func(dir string) error
	before, after map[string]string
}{
	"file": {func(dir string) error {
		_, err := WriteFile(filepath.Join(dir, "m"), Options{Force: true}, writer("new"))
		return err
	}, map[string]string{"m": "old"}, map[string]string{"m": "new"}},
	"group": {writeGroup, map[string]string{"m": "old", "d": "old", "n": "old", "next-n": "new", "o": "old", "kept": "old"},
		map[string]string{"m": "new", "d": "new", "n": "new", "kept": "old"}},
	"folder": {func(dir string) error {
		return ReplaceFolder(filepath.Join(dir, "f"), func(temp string) error {
			_, err := WriteFile(filepath.Join(temp, "b"), Options{}, writer("new"))
			return err
		})
	}, map[string]string{"f/a": "old", "f/b": "old"}, map[string]string{"f/b": "new"}},
}

func prepare(t *testing.T, files map[string]string) (dir, text string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	return dir, contents(t, dir)
}

// A step that fails leaves all files as they were, and no other; or all new ones, where it comes after the last rename.
func TestFailureAtEveryStep(t *testing.T) {
	defer Intercept(nil)
	for name, job := range jobs {
		_, after := prepare(t, job.after)
		failed := 0
		for at := 1; ; at++ {
			dir, before := prepare(t, job.before)
			step := 0
			Intercept(func(what, _ string) error {
				if step++; step == at {
					failed++
					return &os.PathError{Op: what, Path: "x", Err: syscall.ENOSPC}
				}
				return nil
			})
			err := job.run(dir)
			Intercept(nil)
			if failed < at {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			if got := contents(t, dir); err == nil || !errors.Is(err, syscall.ENOSPC) || got != before {
				if err2 := Recover(filepath.Join(dir, "m")); err2 != nil || contents(t, dir) != after {
					t.Errorf("%s, step %d fails (%v): %s", name, at, err, got)
				}
			}
		}
		if failed < 4 {
			t.Errorf("%s has %d steps", name, failed)
		}
	}
}

// stopped is what a process that is killed panics with.
type stopped struct{}

// A process that is killed before any step leaves what it had before or, after Recover, everything that is new. The
// next one removes what it left.
func TestEndAtEveryStep(t *testing.T) {
	defer Intercept(nil)
	for name, job := range jobs {
		_, after := prepare(t, job.after)
		seenOld, seenNew := 0, 0
		for at, ended := 1, true; ended; at++ {
			dir, before := prepare(t, job.before)
			step := 0
			Intercept(func(string, string) error {
				if step++; step >= at { // a dead process does nothing more, in deferred calls either
					panic(stopped{})
				}
				return nil
			})
			ended = ends(t, func() error { return job.run(dir) })
			Intercept(nil)
			for _, path := range []string{"m", "f"} {
				if err := Recover(filepath.Join(dir, path)); err != nil {
					t.Fatalf("%s, step %d: %v", name, at, err)
				}
				removeStale(filepath.Join(dir, path))
			}
			removeStale(filepath.Join(dir, "d"))
			switch got := contents(t, dir); got {
			case before:
				seenOld++
			case after:
				seenNew++
			default:
				t.Errorf("%s, step %d: %s", name, at, got)
			}
		}
		if seenOld < 3 || seenNew < 1 {
			t.Errorf("%s: %d times old, %d times new", name, seenOld, seenNew)
		}
	}
}

// ends reports whether f panicked with stopped.
func ends(t *testing.T, f func() error) (ended bool) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			if _, ended = r.(stopped); !ended {
				panic(r)
			}
		}
	}()
	if err := f(); err != nil {
		t.Error(err)
	}
	return false
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := put(t, filepath.Join(dir, "in"), "x")
	put(t, filepath.Join(dir, "data/a/x.pcd"), "x")
	other := put(t, filepath.Join(dir, "other"), "x")
	for name, to := range map[string]string{"link": in, "dangling": filepath.Join(dir, "none"), "null": os.DevNull} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	if err := os.Link(in, filepath.Join(dir, "hard")); err != nil {
		t.Fatal(err)
	}
	opt := Options{Force: true, Inputs: []string{in, filepath.Join(dir, "data"), filepath.Join(dir, "missing"), ""}}
	for name, want := range map[string]string{
		"in": "is the input", "./in": "is the input", "link": "is the input", "hard": "is the input",
		"data/a/x.pcd": "would replace a file of the input", "data": "is the input", "null": "not a regular file",
		"nowhere/x": "there is no folder", "dangling": "", "other": "", "new": "", "data/new": "",
	} {
		err := Check(filepath.Join(dir, name), opt)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	for _, name := range []string{"other", "dangling"} {
		if err := Check(filepath.Join(dir, name), Options{}); fault.KindOf(err) != fault.Usage {
			t.Errorf("%s exists: got %v", other, err)
		}
	}
}

// Of processes that make one new file at once, one succeeds; of those that replace one, the last.
func TestRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	const racers = 8
	for _, force := range []bool{false, true} {
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range racers {
			wg.Go(func() {
				_, err := WriteFile(path, Options{Force: force}, writer("new"))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case fault.KindOf(err) != fault.Usage:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if want := map[bool]int{false: 1, true: racers}[force]; won != want {
			t.Errorf("force %v: %d of %d wrote the file", force, won, racers)
		}
	}
	if got := contents(t, filepath.Dir(path)); got != "m=new" {
		t.Error(got)
	}
}

// Groups that are committed at once are never mixed.
func TestGroupsRace(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for _, text := range []string{"a", "b", "c", "d", "e", "f"} {
		wg.Go(func() {
			for range 20 {
				g := Group{Path: filepath.Join(dir, "m"), Options: Options{Force: true}}
				for _, name := range []string{"d", ""} {
					w, err := g.Create(name)
					if err == nil {
						err = writer(text)(w)
					}
					if err != nil {
						t.Error(err)
					}
				}
				if err := g.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := contents(t, dir); len(got) != len("d=a m=a") || got[2] != got[6] {
		t.Error(got)
	}
}

// A journal that names files of others, as one in a downloaded folder may, is refused.
func TestForeignJournal(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"schema":"wiseft.journal/1","files":[{"temporary":"../x","final":"m"}]}`,
		`{"schema":"wiseft.journal/1","files":[{"temporary":".other.1-0.tmp","final":"other"}]}`,
		`{"schema":"wiseft.journal/1","files":[{"temporary":".m.1-0.tmp","final":"../m"}]}`,
		`{"schema":"wiseft.journal/1","files":[]}`,
	} {
		dir := t.TempDir()
		path := put(t, filepath.Join(dir, "m"), "old")
		put(t, journalPath(path), text)
		if err := Recover(path); err == nil || !strings.Contains(err.Error(), "is no journal of it") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
