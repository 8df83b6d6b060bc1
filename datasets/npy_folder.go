package datasets

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/internal/archive"
	"github.com/wiseft/wiseft/datasets/npy"
)

func init() {
	Register(Format{
		Name: "npy-folder",
		Doc: `folder of NPY files, one array each, named like the inputs of the model and y.npy for labels; or of train and test, ` +
			`folders of them`,
		Match: matchNPYFolder,
		Open:  openNPYFolder,
	})
}

// npyNames returns the NPY files of a folder, sorted and without their extension.
func npyNames(dir string) ([]string, error) {
	entries, err := archive.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".npy"); ok && !e.IsDir() {
			names = append(names, name)
		}
	}
	return names, nil
}

// npySplits returns the folders of arrays that a folder has.
func npySplits(dir string) (splits []string, err error) {
	entries, err := archive.ReadDir(dir)
	for _, e := range entries {
		if !e.IsDir() || !arrays.IsSplit(e.Name()) {
			continue
		}
		names, err := npyNames(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			splits = append(splits, e.Name())
		}
	}
	return splits, err
}

func matchNPYFolder(path string) (bool, error) {
	info, err := archive.Stat(path)
	if err != nil || !info.IsDir() {
		return false, err
	}
	names, err := npyNames(path)
	if err != nil || len(names) > 0 {
		return len(names) > 0 && !hasCorruptedNPY(path) && !hasCIFARC(path), err
	}
	splits, err := npySplits(path)
	return len(splits) > 0, err
}

func openNPYFolder(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	s := &arraySet{info: Info{Name: path, Format: "npy-folder"}, path: path}
	dir := path
	names, err := npyNames(path)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		splits, err := npySplits(path)
		if err != nil {
			return nil, err
		}
		split, err := arrays.ChooseSplit(splits, opt.Split)
		if err != nil {
			return nil, malformed(path, "%v", err)
		}
		s.info.Name, s.info.Split, dir = path+" "+split, split, filepath.Join(path, split)
		if names, err = npyNames(dir); err != nil {
			return nil, err
		}
		opt.Split = ""
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	folder := &npyFolder{dir: dir, names: names}
	err = s.index(folder, opt)
	s.files = append(s.files, folder)
	s.hashed = append(folder.used, s.hashed...)
	return s.opened(err)
}

// npyFolder is a folder with an array a file.
type npyFolder struct {
	dir   string
	names []string
	used  []string // paths of the arrays that were opened, each once
	files []archive.File
}

// Names implements arrays.Source.
func (f *npyFolder) Names() []string { return f.names }

// open opens an array. Close closes its file.
func (f *npyFolder) open(name string) (*npy.Rows, error) {
	path := filepath.Join(f.dir, name+".npy")
	file, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	rows, err := npy.OpenArray(file, info.Size())
	if err != nil {
		return nil, errors.Join(malformed(path, "%v", err), file.Close())
	}
	f.files = append(f.files, file)
	return rows, nil
}

// Header implements arrays.Source.
func (f *npyFolder) Header(name string) (*npy.Header, error) {
	rows, err := f.open(name)
	if err != nil {
		return nil, err
	}
	last := len(f.files) - 1
	err = f.files[last].Close()
	f.files = f.files[:last]
	return rows.Header, errors.Join(err, rows.Close())
}

// Rows implements arrays.Source.
func (f *npyFolder) Rows(name string) (*npy.Rows, error) {
	if path := filepath.Join(f.dir, name+".npy"); !slices.Contains(f.used, path) {
		f.used = append(f.used, path)
	}
	return f.open(name)
}

// Close closes the files.
func (f *npyFolder) Close() (err error) {
	for _, file := range f.files {
		err = errors.Join(err, file.Close())
	}
	f.files = nil
	return err
}

// hasCorruptedNPY reports whether a folder is one of corrupted data in NPY files.
func hasCorruptedNPY(dir string) bool {
	_, err := archive.Stat(filepath.Join(dir, "label.npy"))
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	files, err := archive.Glob(dir, "data_*.npy")
	return err == nil && len(files) > 0
}
