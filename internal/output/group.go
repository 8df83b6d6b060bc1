package output

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Group is a model file and its data files, which are committed together. It implements the output that
// package onnx writes models to.
type Group struct {
	Path string // of the model file
	Options
	files []*File // data files, then the model file
}

// Create begins one file of the group: the model file for the name "", else a data file, which is named
// relative to the model's folder. The model file comes last.
func (g *Group) Create(name string) (io.Writer, error) {
	if name == "" {
		f, err := Create(g.Path)
		if err == nil {
			g.files = append(g.files, f)
		}
		return f, err
	}
	path := filepath.Join(filepath.Dir(g.Path), name)
	if err := Check(path, g.Options); err != nil {
		return nil, err
	}
	f, err := CreateUnhashed(path)
	if err == nil {
		g.files = append(g.files, f)
	}
	return f, err
}

// Main returns the model file.
func (g *Group) Main() *File { return g.files[len(g.files)-1] }

// Commit makes all files durable and renames them, the model file last. An existing model with data files is
// removed before the first rename, so that an interruption at any point leaves no model beside the data files
// of another.
func (g *Group) Commit() error {
	for _, f := range g.files {
		if err := f.sync(); err != nil {
			return err
		}
	}
	if len(g.files) > 1 {
		if err := os.Remove(g.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", g.Path, err)
		}
	}
	for i, f := range g.files {
		if err := f.rename(); err != nil {
			for _, renamed := range g.files[:i] {
				err = errors.Join(err, os.Remove(renamed.path)) // data files without a model
			}
			return err
		}
	}
	SyncFolder(filepath.Dir(g.Path))
	return nil
}

// Abort removes what was not committed.
func (g *Group) Abort() {
	for _, f := range g.files {
		f.Abort()
	}
}
