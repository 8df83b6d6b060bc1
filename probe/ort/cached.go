package ort

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/internal/output"
)

// fromCache is the origin of libraries that [Load] has installed.
const fromCache = "cache"

// stamp records which file had a pinned hash, so that a library is hashed once for each change of its file.
type stamp struct {
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds since 1970
	SHA256   string `json:"sha256"`
}

// checkCached returns an error if a library of the cache, or a file beside it that belongs to it, is not one of those
// that are pinned: it was cut, damaged or replaced.
func checkCached(lib Library) error {
	dir := filepath.Dir(lib.Path)
	for _, s := range append(append([]source(nil), sources...), cudaSources...) {
		files := s.files[platform()]
		if len(files) == 0 || base(files[0].member) != filepath.Base(lib.Path) {
			continue
		}
		err := checkFiles(dir, files)
		if err == nil {
			return nil
		}
		if !errors.As(err, new(*hashError)) {
			return err
		}
	}
	return fmt.Errorf("its SHA-256 is none of those that are pinned: it was damaged or replaced")
}

func checkFiles(dir string, files []pin) error {
	for _, p := range files {
		if err := checkFile(filepath.Join(dir, base(p.member)), p.sha256); err != nil {
			return err
		}
	}
	return nil
}

// checkFile compares a file with its pinned hash, unless its stamp says that it had it.
func checkFile(path, want string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	is := stamp{info.Size(), info.ModTime().UnixNano(), want}
	stampPath := path + ".stamp"
	var was stamp
	if text, err := os.ReadFile(stampPath); err == nil && json.Unmarshal(text, &was) == nil && was == is {
		return nil
	}
	if err := verify(path, want); err != nil {
		return err
	}
	text, err := json.Marshal(is)
	if err == nil {
		_ = os.WriteFile(stampPath, text, 0o666) // a cache that cannot be written costs a hash at each start
	}
	return err
}

// syncFiles makes the contents of files durable.
func syncFiles(dir string, files []pin) error {
	for _, p := range files {
		f, err := os.OpenFile(filepath.Join(dir, base(p.member)), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
	}
	output.SyncFolder(dir)
	return nil
}
