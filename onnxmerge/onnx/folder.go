package onnx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// folder opens data files below the model's folder and nowhere else.
type folder struct{ dir *os.Root }

func (d folder) open(location string) (opened, error) {
	name := filepath.FromSlash(location)
	if !filepath.IsLocal(name) {
		return opened{}, errors.New("the path is not inside of the model's folder")
	}
	info, err := d.dir.Stat(name) // refuses symbolic links that leave the folder
	if err == nil {
		err = d.check(info) // opening a pipe would wait for a writer
	}
	if err != nil {
		return opened{}, cause(err)
	}
	f, err := d.dir.Open(name)
	if err != nil {
		return opened{}, cause(err)
	}
	if info, err = f.Stat(); err == nil {
		err = d.check(info) // it may have been replaced
	}
	if err != nil {
		return opened{}, errors.Join(err, f.Close())
	}
	return opened{f, f, info.Size()}, nil
}

// check refuses files that are not regular, and files with hard links outside of the folder, whose contents may
// belong to another program.
func (d folder) check(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	names, known := linkCount(info)
	if !known || names <= 1 {
		return nil
	}
	inside := uint64(0)
	err := fs.WalkDir(d.dir.FS(), ".", func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil // an unlisted file counts as outside
		}
		if other, err := e.Info(); err == nil && os.SameFile(info, other) {
			inside++
		}
		if inside == names {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return err
	}
	if inside < names {
		return errors.New("the file has a hard link outside of the model's folder; copy the file into the folder")
	}
	return nil
}

// cause returns the part of a file error that does not repeat the file's name.
func cause(err error) error {
	if at, ok := errors.AsType[*os.PathError](err); ok {
		return at.Err
	}
	return err
}
