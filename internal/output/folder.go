package output

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
)

// CheckFiles refuses a folder that is a file, or that holds one of the named files, unless force is set.
func CheckFiles(dir string, force bool, names []string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fault.Usagef("%s: the output is not a folder", dir)
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil && !force {
			return fault.Usagef("%s: the output exists", path).WithHint("replace it with --force")
		}
	}
	return nil
}

// CheckFolder refuses a folder that holds an input, or that exists and is not empty, unless opt.Force is set and
// it has the file marker, which only an earlier run writes.
func CheckFolder(dir, marker string, opt Options) error {
	if dir == "" {
		return fault.Usagef("no output is named").WithHint("name it with -o FOLDER")
	}
	for _, input := range opt.Inputs {
		if inside, err := within(dir, input); err != nil {
			return err
		} else if inside {
			return fault.Usagef("%s: the output holds the input %s", dir, input).WithHint("choose another folder")
		}
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return checkParent(filepath.Clean(dir))
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
		return fault.Usagef("%s: the output exists", dir).WithHint("replace it with --force")
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

// ReplaceFolder calls fill to write the contents of a temporary folder beside dir, and renames that to dir when
// they are complete. An existing dir, which [CheckFolder] has allowed, is removed.
func ReplaceFolder(dir string, fill func(temp string) error) (err error) {
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
	SyncFolder(filepath.Dir(dir))
	return nil
}
