package onnx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/internal/input"
)

// Folder is where the data files of a model are searched, and nowhere else.
type Folder struct {
	// Root is left neither by a location nor by any hop of a symbolic link.
	Root *os.Root
	// Path is the model's folder below Root, with separators of the system; "" is Root itself.
	Path string
	// Linked is the folder in which the model's file lies if its entry in Path is a symbolic link out of Root. A data file
	// may be a link that ends in Linked, too. nil is none.
	Linked *os.Root
}

func (d Folder) open(location string) (opened, error) {
	f, size, err := d.Open(location)
	if err != nil {
		return opened{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return opened{}, errors.Join(err, f.Close())
	}
	return opened{f, f, size, input.Holes(info)}, nil
}

// Open opens a file of the folder, by its path with slashes, and returns its size in bytes. Errors do not name it.
func (d Folder) Open(location string) (*os.File, int64, error) {
	name := filepath.FromSlash(location)
	if !filepath.IsLocal(name) {
		return nil, 0, errors.New("the path is not inside of the model's folder")
	}
	name = filepath.Join(d.Path, name)
	f, err := input.OpenIn(d.Root, name)
	if base, ok := d.inLinked(name); err != nil && ok {
		d = Folder{Root: d.Linked}
		f, err = input.OpenIn(d.Root, base)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil {
		err = d.check(info)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// inLinked returns the name of the file in Linked at which a link of the model's folder ends. It is false if it ends
// elsewhere, or not at a regular file.
func (d Folder) inLinked(name string) (base string, ok bool) {
	if d.Linked == nil {
		return "", false
	}
	end, err := filepath.EvalSymlinks(filepath.Join(d.Root.Name(), name))
	if err != nil {
		return "", false
	}
	folder, err := filepath.EvalSymlinks(d.Linked.Name())
	if err != nil || filepath.Dir(end) != folder {
		return "", false
	}
	info, err := d.Linked.Lstat(filepath.Base(end))
	return filepath.Base(end), err == nil && info.Mode().IsRegular()
}

// check refuses files with hard links outside of the folder, whose contents may belong to another program.
func (d Folder) check(info fs.FileInfo) error {
	names, known := linkCount(info)
	if !known || names <= 1 {
		return nil
	}
	inside := uint64(0)
	err := fs.WalkDir(d.Root.FS(), ".", func(_ string, e fs.DirEntry, err error) error {
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
