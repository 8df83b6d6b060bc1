package ort

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// cacheOrigin is the origin of libraries that were installed into the cache folder.
const cacheOrigin = "cache"

// stampFile is a file in the folder of an installed library that says in which state its files were verified, so that
// hashes are computed once for each change of a file.
const stampFile = "verified.json"

// stamp is the state of a file, and the hash that it had in it.
type stamp struct {
	SizeBytes int64     `json:"size"`
	Modified  time.Time `json:"modified"`
	Changed   string    `json:"changed"` // further fields of the file system that change with the contents
	SHA256    string    `json:"sha256"`
}

// stampOf returns the state of a file, without a hash.
func stampOf(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	return stamp{SizeBytes: info.Size(), Modified: info.ModTime().UTC(), Changed: changeOf(info)}, nil
}

// repaired returns lib if its files are those that a source delivers. Else it installs a library again, where opt
// allows that.
func repaired(ctx context.Context, opt Options, lib Library) (Library, error) {
	damage := checkCached(lib, opt.CUDA)
	if damage == nil {
		return lib, nil
	}
	if !opt.Install {
		return lib, damage
	}
	opt.say(fmt.Sprintf("%s: %v; it is installed again", lib.Path, damage))
	installed, err := install(ctx, opt)
	if err != nil {
		return lib, fmt.Errorf("%w; installing it again: %w", damage, err)
	}
	if installed.Path != lib.Path {
		_ = os.Remove(lib.Path) // else it is found again; a process that runs it keeps it
	}
	return installed, nil
}

// checkCached compares the files of an installed library with the hashes of the source that they are from.
func checkCached(lib Library, cuda bool) error {
	dir := filepath.Dir(lib.Path)
	var failed []string
	for _, s := range sourcesFor(cuda) {
		files := s.files[platform()]
		if len(files) == 0 || s.folder(cuda) != filepath.Base(dir) || base(files[0].member) != filepath.Base(lib.Path) {
			continue
		}
		err := checkFiles(dir, files)
		if err == nil {
			return nil
		}
		if text := err.Error(); !slices.Contains(failed, text) {
			failed = append(failed, text)
		}
	}
	if failed == nil {
		return fmt.Errorf("this version of wiseft does not install it")
	}
	return fmt.Errorf("it is damaged or was replaced: %s", strings.Join(failed, "; "))
}

// checkFiles compares files with their pinned hashes, and notes the state in which they agree.
func checkFiles(dir string, files []pin) error {
	known := map[string]stamp{}
	if text, err := os.ReadFile(filepath.Join(dir, stampFile)); err == nil {
		_ = json.Unmarshal(text, &known) // without it all are hashed
	}
	verified := map[string]stamp{}
	for _, p := range files {
		name := base(p.member)
		path := filepath.Join(dir, name)
		now, err := stampOf(path)
		if err != nil {
			return err
		}
		now.SHA256 = p.sha256
		if known[name] != now {
			if err := verify(path, p.sha256); err != nil {
				return err
			}
		}
		verified[name] = now
	}
	if reflect.DeepEqual(known, verified) {
		return nil
	}
	if text, err := json.Marshal(verified); err == nil {
		_ = os.WriteFile(filepath.Join(dir, stampFile), text, 0o666) // else they are hashed again next time
	}
	return nil
}
