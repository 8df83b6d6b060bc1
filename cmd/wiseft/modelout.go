package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// modelOut is a model on its way to the disk: its own file and its data files. They get
// their names together, when all are whole. It implements graph.Output.
type modelOut struct {
	path   string
	inputs []string // files that must not be replaced
	force  bool
	files  []*outFile // the model's own comes last
}

// dataName is what the first data file of a model is called.
func dataName(path string) string { return filepath.Base(path) + ".data" }

// Create implements graph.Output. Names are relative to the model's folder.
func (o *modelOut) Create(name string) (io.Writer, error) {
	if name == "" {
		f, err := createOutput(o.path)
		if err == nil {
			o.files = append(o.files, f)
		}
		return f, err
	}
	path := filepath.Join(filepath.Dir(o.path), name)
	if err := checkOutput(path, o.force, o.inputs...); err != nil {
		return nil, err
	}
	f, err := createUnhashed(path)
	if err == nil {
		o.files = append(o.files, f)
	}
	return f, err
}

// own returns the model's own file.
func (o *modelOut) own() *outFile { return o.files[len(o.files)-1] }

// Commit makes the files durable and names them. A model that is replaced goes first
// and comes last, so that whenever this is cut short no model stands beside the data of
// another.
func (o *modelOut) Commit() error {
	for _, f := range o.files {
		if err := f.settle(); err != nil {
			return err
		}
	}
	if len(o.files) > 1 {
		if err := os.Remove(o.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", o.path, err)
		}
	}
	for i, f := range o.files {
		if err := f.name(); err != nil {
			for _, named := range o.files[:i] {
				err = errors.Join(err, os.Remove(named.path)) // data without a model
			}
			return err
		}
	}
	syncFolder(filepath.Dir(o.path))
	return nil
}

// Abort removes what was not committed.
func (o *modelOut) Abort() {
	for _, f := range o.files {
		f.Abort()
	}
}
