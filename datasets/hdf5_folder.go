package datasets

import (
	"bufio"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/internal/archive"
	"github.com/wiseft/wiseft/datasets/internal/h5"
)

const (
	listSuffix = "_files.txt"
	namesFile  = "shape_names.txt"
)

func matchHDF5(path string) (bool, error) {
	info, err := archive.Stat(path)
	if err != nil {
		return false, err
	}
	if !info.IsDir() {
		found := false
		if !info.Mode().IsRegular() {
			return false, nil
		}
		err := withFile(path, func(r io.ReaderAt, size int64) error {
			found = h5.Matches(r, size)
			return nil
		})
		return found, err
	}
	files, err := archive.Glob(path, "*.h5")
	if err != nil || len(files) == 0 {
		return false, err
	}
	if corrupted, err := matchCorrupted(path, corruptedHDF5.clean); corrupted || err != nil {
		return false, err // a format of its own
	}
	return matchHDF5(files[0])
}

// hdf5Split returns the files of a split, and the name of the split, which it chooses if split is "".
func hdf5Split(dir, split string) (name string, paths []string, err error) {
	lists, err := archive.Glob(dir, "*"+listSuffix)
	if err != nil {
		return "", nil, err
	}
	known := make([]string, len(lists))
	for i, l := range lists {
		known[i] = strings.TrimSuffix(filepath.Base(l), listSuffix)
	}
	if split == "" && len(known) == 1 {
		split = known[0]
	}
	if split == "" && len(known) > 1 {
		return "", nil, malformed(dir, "has the splits %s; choose one", strings.Join(known, ", "))
	}
	if slices.Contains(known, split) {
		paths, err := listedFiles(dir, split+listSuffix)
		return split, paths, err
	}
	all, err := archive.Glob(dir, "*.h5")
	if err != nil {
		return "", nil, err
	}
	for _, p := range all {
		if strings.Contains(filepath.Base(p), split) {
			paths = append(paths, p)
		}
	}
	if len(paths) == 0 {
		return "", nil, malformed(dir, "has no split %q: neither %s nor a file *%s*.h5", split, split+listSuffix, split)
	}
	return split, paths, checkShards(dir, paths)
}

// checkShards refuses files whose names differ in more than digits: they are variants of a data set, as in
// ScanObjectNN, and not its parts.
func checkShards(dir string, paths []string) error {
	kinds := map[string]bool{}
	var names []string
	for _, p := range paths {
		names = append(names, filepath.Base(p))
		kinds[strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, filepath.Base(p))] = true
	}
	if len(kinds) > 1 {
		return malformed(dir, "holds several data sets: %s; name one of the files", strings.Join(names, ", "))
	}
	return nil
}

// listedFiles reads a list of files. Published lists hold paths of the machine that made them, so that only the base
// names are used, in the folder of the list.
func listedFiles(dir, list string) ([]string, error) {
	listPath := filepath.Join(dir, list)
	lines, err := readLines(listPath)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, line := range lines {
		base := line[strings.LastIndexAny(line, `/\`)+1:]
		p := filepath.Join(dir, base)
		if info, err := archive.Stat(p); err != nil || info.IsDir() {
			return nil, malformed(listPath, "lists %q, but there is no file %s beside it", line, base)
		}
		paths = append(paths, p)
	}
	if len(paths) == 0 {
		return nil, malformed(listPath, "lists no files")
	}
	return paths, nil
}

// readLines returns the non-empty lines of a small text file.
func readLines(path string) ([]string, error) {
	f, err := archive.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []string
	for s := bufio.NewScanner(f); ; {
		if !s.Scan() {
			if s.Err() != nil {
				return nil, malformed(path, "%v", s.Err())
			}
			return lines, nil
		}
		if line := strings.TrimSpace(s.Text()); line != "" {
			lines = append(lines, line)
		}
	}
}
