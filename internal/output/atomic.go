// Package output writes files that appear under their names only when they are whole, and refuses names that
// would replace an input.
//
// A file is written under a temporary name in the folder of the final one, made durable (fsync) and renamed.
// Every 16 MiB a write to the disk is started without waiting for it (sync_file_range on Linux), which leaves little
// for the fsync at the end. Several files that belong together are a [Group].
package output

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/internal/fault"
)

// Check refuses a path that is an input or lies in an input folder, that is no regular file, or, without force, that
// exists. Inputs are compared by identity, so that links and ./ count. Call it before long work.
func Check(path string, opt Options) error {
	if path == "" {
		return fault.Usagef("no output is named").WithHint("name it with -o FILE")
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return checkParent(path)
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fault.Usagef("%s: the output is a folder", path).WithHint("name a file in it")
	}
	if err := opt.checkInputs(path, info); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fault.Usagef("%s: the output is a device, a pipe or a socket, and not a file", path).
			WithHint("choose another name for the output")
	}
	if !opt.Force {
		return fault.Usagef("%s: the output exists", path).WithHint("replace it with --force")
	}
	return nil
}

// Options sets what an output may replace.
type Options struct {
	Force  bool     // an existing file may be replaced
	Inputs []string // files that may never be replaced, and folders in which no file may be
}

// checkInputs refuses an existing file that is an input or lies in an input folder.
func (o Options) checkInputs(path string, info fs.FileInfo) error {
	for _, in := range o.Inputs {
		other, err := os.Stat(in)
		if err != nil {
			continue // opening the input reports it
		}
		if os.SameFile(info, other) {
			return fault.Usagef("%s: the output is the input %s", path, in).WithHint("choose another name for the output")
		}
		if !other.IsDir() {
			continue
		}
		if inside, err := within(in, path); err != nil || inside {
			return errors.Join(err, fault.Usagef("%s: the output is a file of the input %s", path, in).
				WithHint("choose another name for the output"))
		}
	}
	return nil
}

// checkParent demands that the folder of path exists.
func checkParent(path string) error {
	dir := filepath.Dir(path)
	if parent, err := os.Stat(dir); err != nil || !parent.IsDir() {
		return fault.Usagef("%s: there is no folder %s", path, dir).WithHint("make the folder first")
	}
	return nil
}

// File is a file that is being written. It must be committed or aborted; Abort after Commit does nothing, so
// that it can be deferred.
type File struct {
	path    string
	f       *os.File
	sum     hash.Hash // nil without a hash
	size    int64
	started int64 // bytes whose write to the disk was started
	done    bool
}

// Create begins a file whose SHA-256 is computed while it is written. [Check] must have passed.
func Create(path string) (*File, error) {
	o, err := CreateUnhashed(path)
	if err != nil {
		return nil, err
	}
	o.sum = sha256.New()
	return o, nil
}

// CreateUnhashed is [Create] without a hash, for a file that is hashed elsewhere.
func CreateUnhashed(path string) (*File, error) {
	f, err := createTemp(path)
	if err != nil {
		return nil, err
	}
	return &File{path: path, f: f}, nil
}

// createTemp makes a new file in the folder of path with the permissions of ordinary files (os.CreateTemp
// makes private ones).
func createTemp(path string) (*os.File, error) {
	for i := range 1000 {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d-%d.tmp", filepath.Base(path), os.Getpid(), i))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("%s: too many temporary files beside it", path)
}

// writeBehind is the number of bytes after which their write to the disk is started.
const writeBehind = 16 << 20

// Write implements io.Writer.
func (o *File) Write(p []byte) (int, error) {
	n, err := o.f.Write(p)
	if o.sum != nil {
		o.sum.Write(p[:n])
	}
	o.size += int64(n)
	if o.size-o.started >= writeBehind {
		beginWriting(o.f, o.started, o.size-o.started)
		o.started = o.size
	}
	return n, o.withPath(err)
}

// withPath names the final path in an error instead of the temporary one.
func (o *File) withPath(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", o.path, at.Err)
	}
	return err
}

// Path returns the final path.
func (o *File) Path() string { return o.path }

// SizeBytes returns how many bytes were written.
func (o *File) SizeBytes() int64 { return o.size }

// SHA256 returns the hash of what was written, in lower-case hexadecimal; "" for a file without a hash.
func (o *File) SHA256() string {
	if o.sum == nil {
		return ""
	}
	return hex.EncodeToString(o.sum.Sum(nil))
}

// Commit makes the contents durable and renames the file to its final path.
func (o *File) Commit() error {
	if err := o.sync(); err != nil {
		return err
	}
	if err := o.rename(); err != nil {
		return err
	}
	SyncFolder(filepath.Dir(o.path))
	return nil
}

// sync makes the contents durable under the temporary name.
func (o *File) sync() error {
	if err := errors.Join(o.f.Sync(), o.f.Close()); err != nil {
		o.Abort()
		return o.withPath(err)
	}
	return nil
}

// rename gives a synced file its final path.
func (o *File) rename() error {
	if err := os.Rename(o.f.Name(), o.path); err != nil {
		o.Abort()
		return o.withPath(err)
	}
	o.done = true
	return nil
}

// Abort removes the file unless it was committed.
func (o *File) Abort() {
	if !o.done {
		o.done = true
		_ = o.f.Close()
		_ = os.Remove(o.f.Name())
	}
}

// SyncFolder makes the names in a folder durable, on systems that can.
func SyncFolder(path string) {
	if dir, err := os.Open(path); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}

// Written describes a file that was written.
type Written struct {
	SHA256    string // lower-case hexadecimal
	SizeBytes int64
}

// WriteFile writes one whole file, replacing an existing one. Call [Check] first.
func WriteFile(path string, write func(io.Writer) error) (Written, error) {
	o, err := Create(path)
	if err != nil {
		return Written{}, err
	}
	defer o.Abort()
	if err := write(o); err != nil {
		return Written{}, err
	}
	return Written{o.SHA256(), o.size}, o.Commit()
}
