package main

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
)

// outFile is a file that appears under its name only when it is whole. Until Commit
// it is a temporary sibling; Abort after Commit does nothing, so it can be deferred.
type outFile struct {
	path   string
	f      *os.File
	sum    hash.Hash // nil if the hash is not wanted
	size   int64
	behind int64 // bytes that the system was asked to begin writing
	done   bool
}

// checkOutput refuses a path that would overwrite an input, or an existing file
// without force. Call it before long work.
func checkOutput(path string, force bool, inputs ...string) error {
	if path == "" {
		return usageError{msg: "no output is named", hint: "name it with -o FILE"}
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if parent, err := os.Stat(filepath.Dir(path)); err != nil || !parent.IsDir() {
			return usageError{msg: fmt.Sprintf("%s: there is no folder %s", path, filepath.Dir(path)), hint: "make the folder first"}
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, in := range inputs {
		if other, err := os.Stat(in); err == nil && os.SameFile(info, other) {
			return usageError{msg: fmt.Sprintf("%s: the output is the input %s", path, in), hint: "choose another name for the output"}
		}
	}
	if info.IsDir() {
		return usageError{msg: path + ": the output is a folder", hint: "name a file in it"}
	}
	if !force {
		return usageError{msg: path + ": the output exists", hint: "replace it with --force"}
	}
	return nil
}

// createOutput begins the file. checkOutput must have passed.
func createOutput(path string) (*outFile, error) {
	o, err := createUnhashed(path)
	if err != nil {
		return nil, err
	}
	o.sum = sha256.New()
	return o, nil
}

// createUnhashed is createOutput for a file that is hashed elsewhere.
func createUnhashed(path string) (*outFile, error) {
	f, err := createTemp(path)
	if err != nil {
		return nil, err
	}
	return &outFile{path: path, f: f}, nil
}

// createTemp makes a new file beside path, with the permissions that the user's
// files have (os.CreateTemp would give private ones).
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

func (o *outFile) Write(p []byte) (int, error) {
	n, err := o.f.Write(p)
	if o.sum != nil {
		o.sum.Write(p[:n])
	}
	o.size += int64(n)
	if o.size-o.behind >= writeBehind {
		beginWriting(o.f, o.behind, o.size-o.behind)
		o.behind = o.size
	}
	return n, o.named(err)
}

// writeBehind is how much is written before the disk is asked to begin with it, so that
// at the end there is little left to wait for.
const writeBehind = 16 << 20

// named puts the output's own name into an error instead of the temporary one.
func (o *outFile) named(err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", o.path, at.Err)
	}
	return err
}

// SHA256 returns the hash of what was written, in lower-case hexadecimal.
func (o *outFile) SHA256() string { return hex.EncodeToString(o.sum.Sum(nil)) }

// Commit makes the file durable and gives it its name.
func (o *outFile) Commit() error {
	if err := o.settle(); err != nil {
		return err
	}
	if err := o.name(); err != nil {
		return err
	}
	syncFolder(filepath.Dir(o.path))
	return nil
}

// settle makes the contents durable, under the temporary name.
func (o *outFile) settle() error {
	if err := errors.Join(o.f.Sync(), o.f.Close()); err != nil {
		o.Abort()
		return o.named(err)
	}
	return nil
}

// name gives a settled file its name.
func (o *outFile) name() error {
	if err := os.Rename(o.f.Name(), o.path); err != nil {
		o.Abort()
		return o.named(err)
	}
	o.done = true
	return nil
}

// syncFolder makes names durable, on systems that can.
func syncFolder(path string) {
	if dir, err := os.Open(path); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}

// Abort removes the file unless it was committed.
func (o *outFile) Abort() {
	if !o.done {
		o.done = true
		_ = o.f.Close()
		_ = os.Remove(o.f.Name())
	}
}

// writeOutput writes one whole file and returns its hash and size.
func writeOutput(path string, write func(io.Writer) error) (sha string, size int64, err error) {
	o, err := createOutput(path)
	if err != nil {
		return "", 0, err
	}
	defer o.Abort()
	if err := write(o); err != nil {
		return "", 0, err
	}
	return o.SHA256(), o.size, o.Commit()
}
