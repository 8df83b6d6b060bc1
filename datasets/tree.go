package datasets

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/datasets/internal/archive"
)

// splitNames are the folder names that mean splits rather than classes.
var splitNames = []string{"test", "train", "training", "val", "valid", "validation"}

// classTree holds the names of files, sorted, below two folders, of which one names the
// class and the other the split; "" is the inner one where there is only one folder.
type classTree map[string]map[string][]string

// newClassTree lists the files with these extensions below dir. Files directly in the outer folders count only if no
// file is deeper.
func newClassTree(dir string, extensions []string) (classTree, error) {
	shallow, deep := classTree{}, classTree{}
	outers, err := subfolders(dir)
	if err != nil {
		return nil, err
	}
	for _, outer := range outers {
		names, err := filesWith(filepath.Join(dir, outer), extensions)
		if err != nil {
			return nil, err
		}
		shallow.add(outer, "", names)
		inners, err := subfolders(filepath.Join(dir, outer))
		if err != nil {
			return nil, err
		}
		for _, inner := range inners {
			names, err := filesWith(filepath.Join(dir, outer, inner), extensions)
			if err != nil {
				return nil, err
			}
			deep.add(outer, inner, names)
		}
	}
	if len(deep) > 0 {
		return deep, nil
	}
	return shallow, nil
}

func (t classTree) add(outer, inner string, names []string) {
	if len(names) == 0 {
		return
	}
	if t[outer] == nil {
		t[outer] = map[string][]string{}
	}
	t[outer][inner] = names
}

// filesWith returns the names of the files in dir that have one of the extensions.
func filesWith(dir string, extensions []string) ([]string, error) {
	entries, err := archive.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") && slices.Contains(extensions, extension(e.Name())) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func subfolders(dir string) ([]string, error) {
	entries, err := archive.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.Type().IsRegular() {
			continue
		}
		info, err := archive.Stat(filepath.Join(dir, e.Name())) // follows links
		if err == nil && info.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// first returns the path of the first file; the tree must not be empty.
func (t classTree) first(dir string) string {
	outer := slices.Sorted(maps.Keys(t))[0]
	inner := slices.Sorted(maps.Keys(t[outer]))[0]
	return filepath.Join(dir, outer, inner, t[outer][inner][0])
}

// inOrder sorts the names of folders: as numbers if all are whole numbers, as ImageNet-V2 names its classes 0 to 999.
func inOrder(names []string) []string {
	numbers := map[string]int{}
	for _, name := range names {
		n, err := strconv.Atoi(name)
		if err != nil || n < 0 {
			slices.Sort(names)
			return names
		}
		numbers[name] = n
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(numbers[a], numbers[b]), strings.Compare(a, b))
	})
	return names
}

// layout decides which folders are classes and which are splits, both sorted by inOrder: the outer folders are splits if all
// have names of splits, or if one has the requested name. Classes are collected over all splits, so that labels agree
// between them. at returns the outer and inner folder of a class's split. Without inner folders there are no splits.
func (t classTree) layout(asked string) (classes, splits []string, at func(class, split string) (outer, inner string)) {
	outer := inOrder(slices.Collect(maps.Keys(t)))
	innerSet := map[string]bool{}
	for _, inners := range t {
		for name := range inners {
			innerSet[name] = true
		}
	}
	inner := inOrder(slices.Collect(maps.Keys(innerSet)))
	if len(inner) == 1 && inner[0] == "" {
		return outer, nil, func(class, _ string) (string, string) { return class, "" }
	}
	isSplit := func(name string) bool { return name == asked || slices.Contains(splitNames, name) }
	splitFirst := !slices.ContainsFunc(outer, func(name string) bool { return !isSplit(name) })
	if asked != "" && !innerSet[asked] && t[asked] != nil {
		splitFirst = true
	}
	if splitFirst {
		return inner, outer, func(class, split string) (string, string) { return split, class }
	}
	return outer, inner, func(class, split string) (string, string) { return class, split }
}
