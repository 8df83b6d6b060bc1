package datasets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

func init() {
	register(Format{
		Name:  "pcd",
		Doc:   "folder of PCD files (ascii, binary, binary_compressed) as <class>/<split>/*.pcd or <split>/<class>/*.pcd; classes in alphabetical order",
		Match: matchPCD,
		Open:  openPCD,
	})
}

// splitNames are the folder names that are taken for splits rather than classes.
var splitNames = []string{"test", "train", "training", "val", "valid", "validation"}

func matchPCD(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return false, err
	}
	tree, err := pcdTree(path)
	if err != nil {
		return false, err
	}
	for outer, inners := range tree {
		for inner, files := range inners {
			head, err := readHead(filepath.Join(path, outer, inner, files[0]), 512)
			return bytes.Contains(head, []byte("VERSION")) || bytes.HasPrefix(head, []byte("# .PCD")), err
		}
	}
	return false, nil
}

// pcdTree lists the PCD files two folders below dir, sorted by name.
func pcdTree(dir string) (map[string]map[string][]string, error) {
	tree := map[string]map[string][]string{}
	outers, err := subfolders(dir)
	if err != nil {
		return nil, err
	}
	for _, outer := range outers {
		inners, err := subfolders(filepath.Join(dir, outer))
		if err != nil {
			return nil, err
		}
		for _, inner := range inners {
			entries, err := os.ReadDir(filepath.Join(dir, outer, inner))
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if e.IsDir() || strings.HasPrefix(e.Name(), ".") || !strings.EqualFold(filepath.Ext(e.Name()), ".pcd") {
					continue
				}
				if tree[outer] == nil {
					tree[outer] = map[string][]string{}
				}
				tree[outer][inner] = append(tree[outer][inner], e.Name())
			}
		}
	}
	return tree, nil
}

func subfolders(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(dir, e.Name())) // follows links
		if err == nil && info.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// pcdSet is a folder of PCD files, read one by one.
type pcdSet struct {
	info   Info
	paths  []string
	labels []int64
	hash   fileHash
	closed atomic.Bool
}

func openPCD(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tree, err := pcdTree(path)
	if err != nil {
		return nil, err
	}
	if len(tree) == 0 {
		return nil, malformed(path, "has no files <class>/<split>/*.pcd or <split>/<class>/*.pcd")
	}
	classes, splits, splitFirst := pcdLayout(tree, opt.Split)
	split := opt.Split
	if split == "" && len(splits) == 1 {
		split = splits[0]
	}
	if !slices.Contains(splits, split) {
		if split == "" {
			return nil, malformed(path, "has the splits %s; choose one", strings.Join(splits, ", "))
		}
		return nil, malformed(path, "has no split %q; it has %s", split, strings.Join(splits, ", "))
	}
	s := &pcdSet{info: Info{Name: path + " " + split, Format: "pcd", Split: split, Classes: classes}}
	for label, class := range classes {
		outer, inner := class, split
		if splitFirst {
			outer, inner = split, class
		}
		for _, name := range tree[outer][inner] {
			s.paths = append(s.paths, filepath.Join(path, outer, inner, name))
			s.labels = append(s.labels, int64(label))
		}
	}
	return s, nil
}

// pcdLayout tells classes from splits, both sorted: the outer folders are splits
// if all have the name of one, or if one has the name that was asked for. Classes
// are collected over all splits, so that labels agree between them.
func pcdLayout(tree map[string]map[string][]string, asked string) (classes, splits []string, splitFirst bool) {
	outer := slices.Sorted(maps.Keys(tree))
	innerSet := map[string]bool{}
	for _, inners := range tree {
		for name := range inners {
			innerSet[name] = true
		}
	}
	inner := slices.Sorted(maps.Keys(innerSet))
	isSplit := func(name string) bool { return name == asked || slices.Contains(splitNames, name) }
	splitFirst = !slices.ContainsFunc(outer, func(name string) bool { return !isSplit(name) })
	if asked != "" && !innerSet[asked] && tree[asked] != nil {
		splitFirst = true
	}
	if splitFirst {
		return inner, outer, true
	}
	return outer, inner, false
}

func (s *pcdSet) Info() Info        { return s.info }
func (s *pcdSet) Len() int          { return len(s.paths) }
func (s *pcdSet) Label(i int) int64 { return s.labels[i] }

func (s *pcdSet) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, s.info.Name, i, len(s.paths)); err != nil {
		return err
	}
	if s.closed.Load() {
		return fmt.Errorf("%s: %w", s.info.Name, errClosed)
	}
	path := s.paths[i]
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return malformed(path, "is not a regular file")
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	x, err := decodePCD(dst.X[:0], file)
	if err != nil {
		return malformed(path, "sample %d: %v", i, err)
	}
	if bad := notFinite(x); bad >= 0 {
		return malformed(path, "sample %d: point %d is not finite (%v)", i, bad/3, x[bad])
	}
	dst.X, dst.Shape, dst.Label = x, append(dst.Shape[:0], len(x)/3, 3), s.labels[i]
	return nil
}

func (s *pcdSet) Hash(ctx context.Context) (string, error) {
	fields := append([]string{"pcd", s.info.Split}, s.info.Classes...)
	for _, l := range s.labels {
		fields = append(fields, s.info.Classes[l])
	}
	sum, err := s.hash.of(ctx, fields, s.paths)
	if errors.Is(err, fs.ErrNotExist) {
		return "", malformed(s.info.Name, "has changed since it was opened: %v", err)
	}
	return sum, err
}

func (s *pcdSet) Close() error {
	s.closed.Store(true)
	return nil
}
