package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/datasets"
)

// checkSuiteFolder refuses an output folder that holds the input, or that exists, unless
// force is set and an earlier run made it.
func checkSuiteFolder(dir string, force bool, input string) error {
	if dir == "" {
		return usageError{msg: "no output is named", hint: "name it with -o FOLDER"}
	}
	if inside, err := within(dir, input); err != nil {
		return err
	} else if inside {
		return usageError{msg: fmt.Sprintf("%s: the output holds the input %s", dir, input), hint: "choose another folder"}
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if parent, err := os.Stat(filepath.Dir(filepath.Clean(dir))); err != nil || !parent.IsDir() {
			return usageError{msg: fmt.Sprintf("%s: there is no folder %s", dir, filepath.Dir(filepath.Clean(dir))), hint: "make the folder first"}
		}
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return usageError{msg: dir + ": the output is not a folder"}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, datasets.SuiteFile)); err != nil {
		return usageError{msg: dir + ": the output exists, and another program made it", hint: "choose another folder"}
	}
	if !force {
		return usageError{msg: dir + ": the output exists", hint: "replace it with --force"}
	}
	return nil
}

// within reports whether path is dir or lies in it, through links too.
func within(dir, path string) (bool, error) {
	realDir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false, nil // a folder that is not there holds nothing
	}
	realPath, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false, nil // opening it will say so
	}
	absDir, err1 := filepath.Abs(realDir)
	absPath, err2 := filepath.Abs(realPath)
	if err := errors.Join(err1, err2); err != nil {
		return false, err
	}
	rel, err := filepath.Rel(absDir, absPath)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// replaceFolder lets fill make the contents of a folder beside dir, and gives it the name
// dir when they are whole. What was there, which checkSuiteFolder has allowed, goes.
func replaceFolder(dir string, fill func(temp string) error) (err error) {
	dir = filepath.Clean(dir)
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(temp)
		}
	}()
	if err := fill(temp); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil { // MkdirTemp makes private folders
		return err
	}
	if _, err := os.Stat(dir); err == nil {
		old := temp + ".old"
		if err := os.Rename(dir, old); err != nil {
			return err
		}
		if err := os.Rename(temp, dir); err != nil {
			return errors.Join(err, os.Rename(old, dir))
		}
		return os.RemoveAll(old)
	}
	if err := os.Rename(temp, dir); err != nil {
		return err
	}
	syncFolder(filepath.Dir(dir))
	return nil
}
