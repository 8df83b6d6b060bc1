package output

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
)

// Options sets what an output may replace.
type Options struct {
	Force bool // an existing regular file may be replaced
	// Inputs are files and folders that the output is made from. None of them may be replaced, nor a file that lies in
	// one of the folders.
	Inputs []string
	// NoSync leaves it to the system when the contents reach the disk. After a power failure the file may be damaged.
	NoSync bool
	// TemporaryIn is the folder of temporary files, in the file system of the output; "" is the output's own.
	TemporaryIn string
}

// Stdio stands for standard output in command lines. It is the name of no output here, so that what cannot be streamed
// does not end up in a file of that name.
const Stdio = "-"

// checkName refuses a path that names nothing; what is the kind of the output, as the hint names it.
func checkName(path, what string) error {
	switch path {
	case "":
		return fault.Usagef("no output is named").WithHint("name it with -o %s", what)
	case Stdio:
		return fault.Usagef("this output is not written to standard output").
			WithHint("name it with -o %s; one called - is ./-", what)
	}
	return nil
}

// Check refuses a path that is an input or lies in an input folder, anything that is not a regular file, and, without
// Force, an existing file. Inputs are compared by identity, so that links and ./ count. Call it before long work. It
// finishes what an interrupted program has left of an earlier output of that name.
func Check(path string, opt Options) error {
	if err := checkName(path, "FILE"); err != nil {
		return err
	}
	if err := checkParent(path); err != nil {
		return err
	}
	if err := Recover(path); err != nil {
		return err
	}
	removeStale(path)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		info, err = os.Lstat(path) // a link to nothing is replaced as a file is
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	if err := checkInputs(path, opt.Inputs); err != nil {
		return err
	}
	switch {
	case info.IsDir():
		return fault.Usagef("%s: the output is a folder", path).WithHint("name a file in it")
	case !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeSymlink:
		return fault.Usagef("%s: the output is not a regular file", path).WithHint("choose another name for the output")
	case !opt.Force:
		return exists(path)
	}
	return nil
}

func exists(path string) error {
	return fault.Usagef("%s: the output exists", path).WithHint("replace it with --force")
}

// checkInputs refuses an existing output that is an input, or that lies in a folder which is one.
func checkInputs(path string, inputs []string) error {
	if len(inputs) == 0 {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil // it replaces nothing
	}
	for _, in := range inputs {
		other, err := os.Stat(in)
		if err != nil {
			continue // opening the input reports it
		}
		if os.SameFile(info, other) {
			return fault.Usagef("%s: the output is the input %s", path, in).WithHint("choose another name for the output")
		}
		if !other.IsDir() {
			continue
		}
		if inside, err := within(in, path); err != nil {
			return err
		} else if inside {
			return fault.Usagef("%s: the output would replace a file of the input %s", path, in).
				WithHint("choose another name for the output")
		}
	}
	return nil
}

// checkParent demands that the folder of path exists.
func checkParent(path string) error {
	dir := filepath.Dir(path)
	if parent, err := os.Stat(dir); err != nil || !parent.IsDir() {
		return fault.Usagef("%s: there is no folder %s", path, dir).WithHint("make the folder first")
	}
	return nil
}

// checkAncestors demands that what exists of the folders above a folder are folders: those that are missing are made.
func checkAncestors(dir string) error {
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err == nil && !info.IsDir() {
			return fault.Usagef("%s: %s is not a folder", dir, parent)
		}
		if err == nil || parent == filepath.Dir(parent) {
			return nil
		}
	}
}

// CheckFiles refuses a folder that is a file, or that holds one of the named files which [Check] refuses.
func CheckFiles(dir string, opt Options, names []string) error {
	if err := checkName(dir, "FOLDER"); err != nil {
		return err
	}
	if err := checkAncestors(filepath.Clean(dir)); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.IsDir() {
		return fault.Usagef("%s: the output is not a folder", dir)
	}
	for _, name := range names {
		if err := Check(filepath.Join(dir, name), opt); err != nil {
			return err
		}
	}
	return nil
}

// CheckFolder refuses a folder that holds an input, or that exists and is not empty, unless opt.Force is set and
// it has the file marker, which only an earlier run writes. It finishes what an interrupted program has left of an
// earlier folder of that name.
func CheckFolder(dir, marker string, opt Options) error {
	if err := checkName(dir, "FOLDER"); err != nil {
		return err
	}
	dir = filepath.Clean(dir)
	if err := checkAncestors(dir); err != nil {
		return err
	}
	if err := Recover(dir); err != nil {
		return err
	}
	removeStale(dir)
	for _, input := range opt.Inputs {
		if inside, err := within(dir, input); err != nil {
			return err
		} else if inside {
			return fault.Usagef("%s: the output holds the input %s", dir, input).WithHint("choose another folder")
		}
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fault.Usagef("%s: the output is not a folder", dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil {
		return fault.Usagef("%s: the output exists, and another program made it", dir).WithHint("choose another folder")
	}
	if !opt.Force {
		return exists(dir)
	}
	return nil
}

// within reports whether path is dir or lies in it, links followed.
func within(dir, path string) (bool, error) {
	realDir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false, nil // a folder that does not exist holds nothing
	}
	realPath, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false, nil // opening the input reports it
	}
	absDir, err1 := filepath.Abs(realDir)
	absPath, err2 := filepath.Abs(realPath)
	if err := errors.Join(err1, err2); err != nil {
		return false, err
	}
	rel, err := filepath.Rel(absDir, absPath)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}
