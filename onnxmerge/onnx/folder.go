package onnx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/internal/input"
)

// folder opens data files below the model's folder and nowhere else.
type folder struct{ dir *os.Root }

func (d folder) open(location string) (opened, error) {
	name := filepath.FromSlash(location)
	if !filepath.IsLocal(name) {
		return opened{}, errors.New("the path is not inside of the model's folder")
	}
	f, err := input.OpenIn(d.dir, name) // refuses symbolic links that leave the folder
	if err != nil {
		return opened{}, err
	}
	info, err := f.Stat()
	if err == nil {
		err = d.check(info)
	}
	if err != nil {
		return opened{}, errors.Join(err, f.Close())
	}
	return opened{f, f, info.Size()}, nil
}

// check refuses files with hard links outside of the folder, whose contents may belong to another program.
func (d folder) check(info fs.FileInfo) error {
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
