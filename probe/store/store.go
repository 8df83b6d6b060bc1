// Package store keeps the results of units of work in a folder.
//
// A unit is named by its [Key], the hash of everything that can change its result. What was computed once is
// therefore not computed again by anyone who opens the folder: the same program after a crash, another worker on
// another machine that shares the folder, or a later run with more units. A run computes the units that do not exist.
//
//	RUN/units/<kind>/<2 digits>/<key>.npz   one file for each unit
//	RUN/claims/<kind>-<key>                 a worker computes the unit; removed afterwards
//	RUN/temp/                               files that are being written
//	RUN/journal/<worker>.jsonl              what each worker did, one line per unit, append-only
//
// A unit's file ends with a line that names the unit, so that a file under another unit's name is found when it is
// read. Units that were stored by version 0.2.0 and earlier lack the line; they are read by their name (see [Folder.Unnamed]).
//
// A unit's file is renamed into place when it is complete, and never changed. Two workers may compute the same unit
// at once; they write the same bytes, and the last one wins. Files are not synchronised to the disk one by one: after
// a power failure a unit may be damaged, which its reader detects by the checksums of its format; it is then computed
// again.
//
// A folder may be used by many processes at once, and a Folder by many goroutines.
package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/input"
	"github.com/wiseft/wiseft/internal/output"
)

// Key is the name of a unit: 64 hexadecimal digits.
type Key string

// NewKey returns the hash of the JSON of parts, which must have one encoding only: a struct of strings, numbers,
// lists and structs.
func NewKey(parts any) Key {
	text, err := json.Marshal(parts)
	if err != nil {
		panic("store: a key that is no JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return Key(hex.EncodeToString(sum[:]))
}

// Folder is an open folder of units. The caller closes it.
type Folder struct {
	root   string
	worker string

	mu      sync.Mutex
	unnamed map[string]bool // files without a closing line that were read
	journal *os.File        // nil until the first record
	claims  map[*Claim]any  // claims to be renewed
	beat    chan struct{}   // closed to end the renewal; nil without claims
	written sync.WaitGroup  // the goroutine that renews claims
}

// Open opens a folder, and makes it if it does not exist. What killed processes were writing in it is removed. worker
// is the writer's name in journal and claims; workers at the same time need different names.
func Open(root, worker string) (*Folder, error) {
	if worker == "" || strings.ContainsAny(worker, `/\`) {
		return nil, fault.Usagef("worker name %q cannot be a file name", worker)
	}
	if err := makeTemporary(filepath.Join(root, tempFolder)); err != nil {
		return nil, err
	}
	removeStale(root)
	return &Folder{root: root, worker: worker, claims: map[*Claim]any{}, unnamed: map[string]bool{}}, nil
}

// Look returns a folder for [Folder.Has] and [Folder.Load] alone. Nothing is made or removed; it may not exist.
func Look(root string) *Folder {
	return &Folder{root: root, claims: map[*Claim]any{}, unnamed: map[string]bool{}}
}

// Root returns the folder's path.
func (f *Folder) Root() string { return f.root }

// Close ends the renewal of claims and closes the journal. Closing twice is harmless.
func (f *Folder) Close() error {
	f.mu.Lock()
	f.stopBeat()
	journal := f.journal
	f.journal = nil
	f.mu.Unlock()
	f.written.Wait()
	if journal == nil {
		return nil
	}
	return journal.Close()
}

func (f *Folder) path(kind string, key Key) string {
	return filepath.Join(f.root, "units", kind, string(key[:2]), string(key)+".npz")
}

// Has reports whether the unit exists.
func (f *Folder) Has(kind string, key Key) bool {
	_, err := os.Stat(f.path(kind, key))
	return err == nil
}

// Load opens the unit and calls read, which must not keep the reader. If the unit does not exist, the error is
// fs.ErrNotExist. A file that holds another unit is an error, before read is called. Errors name the file.
func (f *Folder) Load(kind string, key Key, read func(r io.ReaderAt, size int64) error) error {
	file, err := input.Open(f.path(kind, key))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	size, err := payload(file, info.Size(), kind, key)
	if err == nil {
		err = read(io.NewSectionReader(file, 0, size), size)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file.Name(), err)
	}
	if size == info.Size() {
		f.mu.Lock()
		f.unnamed[file.Name()] = true
		f.mu.Unlock()
	}
	return nil
}

// Remove removes a damaged unit. It is not an error if it does not exist.
func (f *Folder) Remove(kind string, key Key) error {
	if err := os.Remove(f.path(kind, key)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Save writes a unit. If write fails, no file is left.
func (f *Folder) Save(kind string, key Key, write func(w io.Writer) error) error {
	return f.writeWhole(f.path(kind, key), func(w io.Writer) error {
		if err := write(w); err != nil {
			return err
		}
		_, err := io.WriteString(w, closing(kind, key))
		return err
	})
}

// SaveFile writes a file of that name into the folder itself, replacing an existing one.
func (f *Folder) SaveFile(name string, write func(w io.Writer) error) error {
	return f.writeWhole(filepath.Join(f.root, name), write)
}

// RemoveFile removes a file that SaveFile has written.
func (f *Folder) RemoveFile(name string) error { return os.Remove(filepath.Join(f.root, name)) }

// RemoveEmpty removes the folder if nothing was saved in it.
func (f *Folder) RemoveEmpty() {
	entries, err := os.ReadDir(f.root)
	if err == nil && len(entries) == 1 && entries[0].Name() == tempFolder {
		_ = os.Remove(filepath.Join(f.root, tempFolder)) // fails if another process is writing
		_ = os.Remove(f.root)
	}
}

// RemoveTemporary removes the folder of files that are being written, if no process is writing.
func (f *Folder) RemoveTemporary() { _ = os.Remove(filepath.Join(f.root, tempFolder)) }

// writeWhole writes a file that is renamed to path when it is complete.
func (f *Folder) writeWhole(path string, write func(w io.Writer) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	file, err := createIn(filepath.Join(f.root, tempFolder), func(temp string) (*output.File, error) {
		return output.CreateUnhashed(path, output.Options{Force: true, NoSync: true, TemporaryIn: temp})
	})
	if err != nil {
		return err
	}
	defer file.Abort()
	out := &buffered{w: file}
	if err := errors.Join(write(out), out.flush()); err != nil {
		return err
	}
	return file.Commit()
}

// tempFolder is the folder of files that are being written. It exists while it is needed: a process that ends removes it
// when it is empty, also while others work in the run.
const tempFolder = "temp"

// tries is how often the folder of temporary files is made again. A process removes it once, when it ends.
const tries = 100

// makeTemporary makes the folder of temporary files. One that is removed at the same time is no error.
func makeTemporary(temp string) (err error) {
	for range tries {
		err = os.MkdirAll(temp, 0o777)
		if info, found := os.Stat(temp); !errors.Is(err, fs.ErrExist) || found == nil && !info.IsDir() {
			return err
		}
	}
	return err
}

// createIn makes the folder of temporary files, and a file in it.
func createIn[F any](temp string, create func(temp string) (F, error)) (file F, err error) {
	for range tries {
		if err := makeTemporary(temp); err != nil {
			return file, err
		}
		if file, err = create(temp); !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return file, err
}

// JournalFiles is the pattern of the files of a folder's journal, from the folder.
const JournalFiles = "journal/*.jsonl"

// removeStale removes files that killed processes were writing, and the claims of those of this machine.
func removeStale(root string) {
	claims, _ := os.ReadDir(filepath.Join(root, "claims")) // what cannot be listed stays
	for _, e := range claims {
		if path := filepath.Join(root, "claims", e.Name()); isDead(path) {
			_ = os.Remove(path) // it expires anyway
		}
	}
	entries, _ := os.ReadDir(filepath.Join(root, tempFolder))
	for _, e := range entries {
		output.RemoveStale(filepath.Join(root, tempFolder, e.Name()))
	}
}

// buffered combines writes into few large ones.
type buffered struct {
	w   io.Writer
	buf bytes.Buffer
}

const bufferBytes = 1 << 18

func (b *buffered) Write(p []byte) (int, error) {
	n, _ := b.buf.Write(p)
	if b.buf.Len() >= bufferBytes {
		return n, b.flush()
	}
	return n, nil
}

func (b *buffered) flush() error {
	_, err := b.buf.WriteTo(b.w)
	return err
}

// Record appends a line of JSON to the worker's journal.
func (f *Folder) Record(entry any) error {
	line, err := json.Marshal(entry)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.journal == nil {
		dir := filepath.Join(f.root, "journal")
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		name := filepath.Join(dir, f.worker+".jsonl")
		if f.journal, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666); err != nil {
			return err
		}
	}
	_, err = f.journal.Write(append(line, '\n'))
	return err
}

// Parts returns the folders below root that hold the units and the journals of a [Folder].
func Parts(root string) []string {
	return []string{filepath.Join(root, "units"), filepath.Join(root, "journal")}
}

// Collect copies the units and journals of another folder that do not exist here, and returns how many units were
// copied. Incomplete files are left out.
func (f *Folder) Collect(from string) (units int, err error) {
	for _, root := range Parts(from) {
		part := filepath.Base(root)
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && path == root {
				return fs.SkipDir // a worker that has not done anything yet
			}
			if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
				return err
			}
			inside, err := filepath.Rel(from, path)
			if err != nil {
				return err
			}
			copied, err := f.copyFile(path, filepath.Join(f.root, inside))
			if copied && part == "units" {
				units++
			}
			return err
		})
		if err != nil {
			return units, err
		}
	}
	return units, nil
}

// copyFile copies a file unless one of the same length exists: units never change, and journals grow.
func (f *Folder) copyFile(from, to string) (bool, error) {
	in, err := input.Open(from)
	if err != nil {
		return false, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return false, err
	}
	if there, err := os.Stat(to); err == nil && there.Size() >= info.Size() {
		return false, nil
	}
	return true, f.writeWhole(to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}
