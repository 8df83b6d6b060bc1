// Package output writes files that appear under their names only when they are whole, and refuses names that
// would replace an input.
//
// A file is written under a temporary name in the folder of the final one, made durable (fsync) and renamed.
// Every 16 MiB a write to the disk is started without waiting for it (sync_file_range on Linux), which leaves little
// for the fsync at the end. Several files that belong together are a [Group], a folder is exchanged with an old one in
// one step where the system can (renameat2 on Linux); otherwise a journal beside the output says what is being renamed,
// and [Recover] finishes what a killed process has begun. Temporary files of killed processes, which hold no lock, are
// removed when the same output is written again.
package output

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// File is a file that is being written. It must be committed or aborted; Abort after Commit does nothing, so
// that it can be deferred.
type File struct {
	path    string
	opt     Options
	f       *os.File
	sum     hash.Hash // nil without a hash
	size    int64
	started int64 // bytes whose write to the disk was started
	writing time.Duration
	syncing time.Duration
	done    bool
}

// Create begins a file whose SHA-256 is computed while it is written. [Check] must have passed.
func Create(path string, opt Options) (*File, error) {
	o, err := CreateUnhashed(path, opt)
	if err != nil {
		return nil, err
	}
	o.sum = sha256.New()
	return o, nil
}

// CreateUnhashed is [Create] without a hash, for a file that is hashed elsewhere.
func CreateUnhashed(path string, opt Options) (*File, error) {
	if err := checkInputs(path, opt.Inputs); err != nil {
		return nil, err
	}
	f, err := createTemp(path, opt.TemporaryIn)
	if err != nil {
		return nil, err
	}
	open.Add(1)
	return &File{path: path, opt: opt, f: f}, nil
}

// open counts the files and folders that are being written.
var open atomic.Int64

// InProgress reports whether a file or folder is being written, of which something would be left if the program ended.
func InProgress() bool { return open.Load() > 0 }

// writeBehind is the number of bytes after which their write to the disk is started. With [Options.NoSync] it is left to the
// system: started early, it took a merge of 2 GiB 1.3 to 1.7 times as long.
const writeBehind = 16 << 20

// Write implements io.Writer.
func (o *File) Write(p []byte) (int, error) {
	if err := before("write", o.path); err != nil {
		return 0, atPath(o.path, err)
	}
	start := time.Now()
	n, err := o.f.Write(p)
	o.writing += time.Since(start)
	if o.sum != nil {
		o.sum.Write(p[:n])
	}
	o.size += int64(n)
	if !o.opt.NoSync && o.size-o.started >= writeBehind {
		start := time.Now()
		beginWriting(o.f, o.started, o.size-o.started)
		o.syncing += time.Since(start)
		o.started = o.size
	}
	return n, atPath(o.path, err)
}

// Path returns the final path.
func (o *File) Path() string { return o.path }

// SizeBytes returns how many bytes were written.
func (o *File) SizeBytes() int64 { return o.size }

// Took returns how long the system took to accept what was written, and how long the file then waited for the disk.
func (o *File) Took() (writing, syncing time.Duration) { return o.writing, o.syncing }

// SHA256 returns the hash of what was written, in lower-case hexadecimal; "" for a file without a hash.
func (o *File) SHA256() string {
	if o.sum == nil {
		return ""
	}
	return hex.EncodeToString(o.sum.Sum(nil))
}

// Commit makes the contents durable and renames the file to its final path. Without [Options.Force] a file that
// another process has made since [Check] stays, and is an error.
func (o *File) Commit() error {
	if err := o.sync(); err != nil {
		return err
	}
	if err := o.rename(); err != nil {
		o.Abort()
		return atPath(o.path, err)
	}
	if !o.opt.NoSync {
		SyncFolder(filepath.Dir(o.path))
	}
	return o.end()
}

// sync makes the contents durable under the temporary name. The file stays open, because that keeps its lock, where the
// system has locks and can rename open files.
func (o *File) sync() error {
	err := before("sync", o.path)
	if err == nil && !o.opt.NoSync {
		start := time.Now()
		err = o.f.Sync()
		o.syncing += time.Since(start)
	}
	if err == nil && !canLock {
		err = o.f.Close()
	}
	if err != nil {
		o.Abort()
	}
	return atPath(o.path, err)
}

// rename gives a synced file its final path.
func (o *File) rename() error {
	if o.opt.Force {
		return Rename(o.f.Name(), o.path)
	}
	if err := before("rename", o.path); err != nil {
		return err
	}
	done, err := renameNew(o.f.Name(), o.path)
	if !done {
		if exist(filepath.Dir(o.path), filepath.Base(o.path)) {
			return exists(o.path)
		}
		return os.Rename(o.f.Name(), o.path)
	}
	if errors.Is(err, fs.ErrExist) {
		return exists(o.path)
	}
	return err
}

// end closes a file that has its final name.
func (o *File) end() error {
	o.done = true
	open.Add(-1)
	if !canLock {
		return nil
	}
	return atPath(o.path, o.f.Close())
}

// Abort removes the file unless it was committed.
func (o *File) Abort() {
	if !o.done {
		o.done = true
		_ = o.f.Close()
		_ = remove(o.f.Name())
		open.Add(-1)
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

// WriteFile writes one whole file. Call [Check] before long work.
func WriteFile(path string, opt Options, write func(io.Writer) error) (Written, error) {
	o, err := Create(path, opt)
	if err != nil {
		return Written{}, err
	}
	defer o.Abort()
	if err := write(o); err != nil {
		return Written{}, err
	}
	return Written{o.SHA256(), o.size}, o.Commit()
}
