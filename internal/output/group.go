package output

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"
)

// Group is a main file, such as a model, and files beside it, such as its data files, which are committed together. It
// implements the output that package onnx writes models to.
type Group struct {
	Path string // of the main file
	Options
	files   []*File // the main file is the last
	further []journalRename
}

// Create begins one file of the group: the main file for the name "", else another one, which lies in the main file's
// folder. The main file comes last.
func (g *Group) Create(name string) (io.Writer, error) {
	if name == "" {
		f, err := Create(g.Path, g.Options)
		if err == nil {
			g.files = append(g.files, f)
		}
		return f, err
	}
	path := filepath.Join(filepath.Dir(g.Path), name)
	if err := Check(path, g.Options); err != nil {
		return nil, err
	}
	f, err := CreateUnhashed(path, g.Options)
	if err == nil {
		g.files = append(g.files, f)
	}
	return f, err
}

// Remove has Commit remove an earlier file of the group, if there is one.
func (g *Group) Remove(name string) {
	g.further = append(g.further, journalRename{temporaryName(name, len(g.further)), name, true})
}

// Next returns the path of a file that waits for the next Commit of a group: [Group.Take] gives it its name.
func Next(path string) string {
	return filepath.Join(filepath.Dir(path), nextName(filepath.Base(path)))
}

func nextName(name string) string { return "next-" + name }

// Take has Commit rename the file at [Next], if there is one, to the name in the group's folder.
func (g *Group) Take(name string) {
	g.further = append(g.further, journalRename{Temporary: nextName(name), Final: name})
}

// Main returns the main file.
func (g *Group) Main() *File { return g.files[len(g.files)-1] }

// Took is the sum of [File.Took] over the group's files.
func (g *Group) Took() (writing, syncing time.Duration) {
	for _, f := range g.files {
		w, s := f.Took()
		writing, syncing = writing+w, syncing+s
	}
	return writing, syncing
}

// Commit makes all files durable and gives them their names. At every moment there are the files of an earlier group,
// or those of this one, or a journal that [Recover] finishes; an error leaves the earlier ones.
func (g *Group) Commit() error {
	if len(g.files) == 1 && len(g.further) == 0 {
		return g.files[0].Commit()
	}
	dir := filepath.Dir(g.Path)
	list := g.further
	for _, f := range g.files {
		if filepath.Dir(f.path) != dir {
			return fmt.Errorf("output: %s is not in the folder of %s", f.path, g.Path)
		}
		if err := f.sync(); err != nil {
			return err
		}
		list = append(list, journalRename{Temporary: filepath.Base(f.f.Name()), Final: filepath.Base(f.path)})
	}
	if err := replaceAll(g.Path, list, g.Options); err != nil {
		return err
	}
	var err error
	for _, f := range g.files {
		err = errors.Join(err, f.end())
	}
	return err
}

// Abort removes what was not committed.
func (g *Group) Abort() {
	for _, f := range g.files {
		defer f.Abort()
	}
}
