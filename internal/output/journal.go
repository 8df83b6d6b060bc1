package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Several names cannot change in one step. Before they do, a journal beside the output lists them. It exists until all
// have changed, so that a process that finds it without a lock can finish the work; see [Recover]. While the program
// runs, an error undoes what was done.
//
// Each file of the journal is replaced in two steps: old ones are renamed to backups, the main file first, so that it
// is never seen beside other files than its own; then new ones get their names, the main file last.

// journal is the contents of a journal. The main file is the last.
type journal struct {
	Schema string          `json:"schema"`
	Files  []journalRename `json:"files"`
}

// journalRename is one file or folder of a journal, by its names in the journal's folder.
type journalRename struct {
	Temporary string `json:"temporary"`
	Final     string `json:"final"`
	Gone      bool   `json:"gone,omitempty"` // there is no new file: the old one is removed
}

const journalSchema = "wiseft.journal/1"

// journalPath returns the path of the journal of an output.
func journalPath(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".journal")
}

// journalWait is how long another process may take to change names.
const journalWait = 10 * time.Second

// Recover finishes the replacement of an output, a file or a folder, that a killed process has begun, and waits for one
// that another process does at the moment. Call it before an output is read. An output without a journal costs one
// look at its folder.
func Recover(path string) error {
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		f, err := openUnblocked(journalPath(path))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if isBusy(f) {
			_ = f.Close()
			if time.Since(start) > journalWait {
				return fmt.Errorf("%s: another process has been replacing it for %s", path, journalWait)
			}
			continue
		}
		if isNamed(f) {
			err = finish(path, f)
		}
		return errors.Join(err, f.Close())
	}
}

// isBusy reports whether a living process writes a journal or follows it. Without locks a young journal counts as one.
func isBusy(f *os.File) bool {
	if canLock {
		return isLocked(f)
	}
	info, err := f.Stat()
	return err == nil && time.Since(info.ModTime()) < journalWait
}

// finish does what a journal that was left says.
func finish(path string, f *os.File) error {
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return atPath(path, err)
	}
	var j journal
	if json.Unmarshal(text, &j) != nil { // it was not written to its end, so nothing was renamed
		return atPath(path, remove(f.Name()))
	}
	if err := j.check(path); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if _, err := j.forward(dir); err != nil {
		return fmt.Errorf("%s: an interrupted replacement cannot be finished: %w", path, err)
	}
	SyncFolder(dir)
	return j.clean(f.Name())
}

// check refuses a journal that names other files than those of an output.
func (j journal) check(path string) error {
	ok := j.Schema == journalSchema && len(j.Files) > 0 && j.Files[len(j.Files)-1].Final == filepath.Base(path)
	for _, r := range j.Files {
		of, temporary := finalName(r.Temporary)
		ok = ok && (temporary && of == r.Final || r.Temporary == nextName(r.Final)) &&
			filepath.Base(r.Final) == r.Final && filepath.IsLocal(r.Final)
	}
	if !ok {
		return fmt.Errorf("%s: %s is no journal of it; remove that file", path, filepath.Base(journalPath(path)))
	}
	return nil
}

// backup returns the name of the old file.
func (r journalRename) backup() string { return r.Temporary + temporarySuffix }

// names are the two names of a file that was renamed.
type names struct{ from, to string }

// forward gives all files their final names, from any state between, and returns what it renamed, in that order.
func (j journal) forward(dir string) (done []names, err error) {
	move := func(from, to string) error {
		n := names{filepath.Join(dir, from), filepath.Join(dir, to)}
		if err := Rename(n.from, n.to); err != nil {
			return err
		}
		done = append(done, n)
		return nil
	}
	for _, r := range slices.Backward(j.Files) {
		if !r.Gone && !exist(dir, r.Temporary) || !exist(dir, r.Final) || exist(dir, r.backup()) {
			continue
		}
		if err := move(r.Final, r.backup()); err != nil {
			return done, err
		}
	}
	for _, r := range j.Files {
		if !exist(dir, r.Temporary) {
			continue
		}
		if err := move(r.Temporary, r.Final); err != nil {
			return done, err
		}
	}
	return done, nil
}

// undo gives files that [journal.forward] renamed the names that they had.
func undo(done []names) error {
	for _, n := range slices.Backward(done) {
		if err := Rename(n.to, n.from); err != nil {
			return err
		}
	}
	return nil
}

// clean removes the old files, and then the journal. Errors name the output, of which they are.
func (j journal) clean(path string) error {
	dir := filepath.Dir(path)
	for _, r := range j.Files {
		if err := remove(filepath.Join(dir, r.backup())); err != nil {
			return atPath(filepath.Join(dir, r.Final), err)
		}
	}
	return atPath(filepath.Join(dir, j.Files[len(j.Files)-1].Final), remove(path))
}

func exist(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// replaceAll renames files, whose contents are durable, to their final names; main is the last of them. After an
// error all have their former names.
func replaceAll(main string, list []journalRename, opt Options) error {
	j := journal{journalSchema, list}
	dir := filepath.Dir(main)
	f, err := lockedJournal(main)
	if err != nil {
		return err
	}
	defer f.Close()
	path := f.Name()
	for _, r := range list {
		if final := filepath.Join(dir, r.Final); !opt.Force && exist(dir, r.Final) { // made since the last check
			return errors.Join(exists(final), remove(path))
		}
	}
	if err := j.write(f, !opt.NoSync); err != nil {
		return errors.Join(atPath(main, err), os.Remove(path))
	}
	if done, err := j.forward(dir); err != nil {
		if undone := undo(done); undone != nil {
			return fmt.Errorf("%w; what was begun cannot be undone either (%w): the next call for %s finishes it",
				atPath(main, err), undone, main)
		}
		return errors.Join(atPath(main, err), os.Remove(path))
	}
	if !opt.NoSync {
		SyncFolder(dir)
	}
	return j.clean(path)
}

// lockedJournal makes an empty journal, which is no other process's.
func lockedJournal(main string) (*os.File, error) {
	path := journalPath(main)
	for {
		if err := Recover(main); err != nil {
			return nil, err
		}
		err := before("create", path)
		var f *os.File
		if err == nil {
			f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		}
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, atPath(main, err)
		}
		if !isLocked(f) && isNamed(f) {
			return f, nil
		}
		_ = f.Close() // another process took it for one that was left
	}
}

// write writes the journal, after which it will be followed.
func (j journal) write(f *os.File, sync bool) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := before("write", f.Name()); err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil || !sync {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	SyncFolder(filepath.Dir(f.Name()))
	return nil
}
