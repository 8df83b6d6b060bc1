package wiseft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Checkpoint is a checkpoint that is open for reading. Close it.
type Checkpoint struct {
	*checkpoint.Checkpoint
	path  string // as it was named
	files []*checkpointFile
}

// checkpointFile is an open file of a checkpoint.
type checkpointFile struct {
	*checkpoint.File
	file   *os.File
	path   string
	opened os.FileInfo
}

// indexNames are the names that the index of a checkpoint in a folder has, and then those of a checkpoint in one file.
var indexNames = []string{"model.safetensors.index.json", "pytorch_model.bin.index.json", "model.safetensors",
	"pytorch_model.bin"}

// OpenCheckpoint opens a safetensors file, a PyTorch checkpoint, the index of one in several files, or a folder with
// one of these under its usual name. Errors name the path.
func OpenCheckpoint(path string) (*Checkpoint, error) {
	c := &Checkpoint{path: path}
	main, err := checkpointMain(path)
	if err == nil {
		err = c.open(main)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// checkpointMain returns the file to open for a path, which may be a folder.
func checkpointMain(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return path, nil // a missing file is reported when it is opened
	}
	for _, name := range indexNames {
		if file := filepath.Join(path, name); fileExists(file) {
			return file, nil
		}
	}
	if list, _ := filepath.Glob(filepath.Join(path, "*.safetensors.index.json")); len(list) == 1 {
		return list[0], nil
	}
	return "", fault.Inputf("%s: the folder has no checkpoint of a usual name", path).
		WithHint("name the file, or the index of a checkpoint in several files: *.safetensors.index.json")
}

func fileExists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

func (c *Checkpoint) open(main string) error {
	f, size, err := c.add(main, main)
	if err != nil {
		return err
	}
	if strings.HasSuffix(main, ".index.json") {
		return c.openIndex(main, f, size)
	}
	c.Checkpoint, err = checkpoint.Open(f, size)
	return withPath(main, err)
}

// add opens a file; shown is its path in messages.
func (c *Checkpoint) add(path, shown string) (*checkpoint.File, int64, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, 0, err
	}
	return c.keep(f, size, shown)
}

// keep adds an open file and remembers its state.
func (c *Checkpoint) keep(f *os.File, size int64, shown string) (*checkpoint.File, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	hashed := checkpoint.NewFile(f, size)
	c.files = append(c.files, &checkpointFile{hashed, f, shown, info})
	return hashed, size, nil
}

// openIndex opens the files of an index, which lie beside it.
func (c *Checkpoint) openIndex(path string, index io.ReaderAt, size int64) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	err = inFolder(path, dir, func(folder onnx.Folder) (err error) {
		open := func(name string) (io.ReaderAt, int64, error) {
			f, size, err := folder.Open(name)
			if err != nil {
				return nil, 0, fault.Inputf("%s: %w", name, err)
			}
			return c.keep(f, size, filepath.Join(filepath.Dir(path), name))
		}
		c.Checkpoint, err = checkpoint.OpenIndex(index, size, open)
		return err
	})
	return withPath(path, err)
}

// Path returns the path that the checkpoint was opened by.
func (c *Checkpoint) Path() string { return c.path }

// Paths returns the paths of its files.
func (c *Checkpoint) Paths() []string {
	var paths []string
	for _, f := range c.files {
		paths = append(paths, f.path)
	}
	return paths
}

// Close closes its files.
func (c *Checkpoint) Close() error {
	var err error
	for _, f := range c.files {
		err = errors.Join(err, f.file.Close())
	}
	return err
}

// checkUnchanged returns an error if a file is not what it was when it was opened.
func (c *Checkpoint) checkUnchanged() error {
	for _, f := range c.files {
		now, err := os.Stat(f.path)
		if err != nil {
			return err
		}
		if !os.SameFile(f.opened, now) || f.opened.Size() != now.Size() || !f.opened.ModTime().Equal(now.ModTime()) {
			return fault.New(fault.Failed, "%s: the file changed while it was read", f.path).
				WithHint("run the command again when it is complete")
		}
	}
	return nil
}

// trackHashes hashes the files while they are read, so that record has less to read. Pieces that are read out of order wait in
// memory, in at most trackBytes.
func (c *Checkpoint) trackHashes() {
	for _, f := range c.files {
		f.TrackHash(trackBytes / len(c.files))
	}
}

// record returns the hashes of the files for a provenance. It reads what was not read in order since trackHashes.
func (c *Checkpoint) record(ctx context.Context) ([]onnxmerge.CheckpointFile, error) {
	var list []onnxmerge.CheckpointFile
	for _, f := range c.files {
		hash, err := f.Hash(ctx)
		if err != nil {
			return nil, withPath(f.path, err)
		}
		list = append(list, onnxmerge.CheckpointFile{File: filepath.Base(f.path), Bytes: f.opened.Size(), XXH3: hash})
	}
	return list, nil
}

// describe returns where the weights lie in a checkpoint, "" if nothing is to be said.
func (c *Checkpoint) describe() string {
	var parts []string
	if len(c.Within) > 0 {
		parts = append(parts, fmt.Sprintf("the weights are in %q", strings.Join(c.Within, " ")))
	}
	if len(c.Skipped) > 0 {
		parts = append(parts, "not read: "+strings.Join(c.Skipped, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return c.path + ": " + strings.Join(parts, "; ")
}

// errNoGraph is the error for a checkpoint in place of a model.
func errNoGraph(path string) error {
	return fault.Inputf("a checkpoint, which has weights and no graph; an ONNX model is needed").
		WithHint("give its weights to an ONNX export of the network: "+
			"wiseft weights apply BASE.onnx --from BASE.safetensors --to %s -o OUT.onnx", path)
}

// isCheckpoint reports whether a path is a checkpoint or a folder, and no ONNX model, by the contents of the file.
func isCheckpoint(path string) bool {
	if info, err := os.Stat(path); err == nil && info.IsDir() || strings.HasSuffix(path, ".safetensors.index.json") ||
		strings.HasSuffix(path, ".bin.index.json") {
		return err == nil
	}
	f, size, err := openFile(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, min(size, 16))
	if _, err := f.ReadAt(head, 0); err != nil {
		return false
	}
	return checkpoint.Recognise(head, size) != ""
}
