package wiseft

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// openWithData opens a model, with the data files of its folder.
func openWithData(f *os.File, size int64, path string, dir *os.Root) (*onnx.Model, error) {
	var m *onnx.Model
	err := inFolder(path, dir, func(folder onnx.Folder) (err error) {
		m, err = onnx.OpenInFolder(f, size, folder)
		return err
	})
	return m, err
}

// inFolder calls use with the folder of a file, dir, in which further files are opened. Symbolic links of the folder may lead
// anywhere inside of one cache of Hugging Face, and otherwise to the one folder in which the file itself lies.
func inFolder(path string, dir *os.Root, use func(onnx.Folder) error) error {
	folder := onnx.Folder{Root: dir}
	end, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	own, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil || filepath.Dir(end) == own {
		return use(folder)
	}
	if cache, ok := hubCache(own); ok {
		folder.Path, _ = filepath.Rel(cache, own)
		if folder.Root, err = os.OpenRoot(cache); err != nil {
			return err
		}
		defer folder.Root.Close()
		return use(folder)
	}
	if folder.Linked, err = os.OpenRoot(filepath.Dir(end)); err != nil {
		return err
	}
	defer folder.Linked.Close()
	return use(folder)
}

// hubCache returns the cache of Hugging Face that holds a folder: CACHE of CACHE/models--NAME/snapshots/REVISION, the
// layout of huggingface_hub.
func hubCache(dir string) (string, bool) {
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		model := filepath.Dir(filepath.Dir(dir))
		if filepath.Base(filepath.Dir(dir)) == "snapshots" && strings.HasPrefix(filepath.Base(model), "models--") {
			return filepath.Dir(model), true
		}
	}
	return "", false
}
