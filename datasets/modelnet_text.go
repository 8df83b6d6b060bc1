package datasets

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/internal/archive"
)

const namesSuffix = "_shape_names.txt"

func init() {
	Register(Format{
		Name: "modelnet-text",
		Doc: "folder of ModelNet's resampled text files: <name>_shape_names.txt, <name>_train.txt and <name>_test.txt, " +
			"<class>/<class>_0001.txt with x,y,z,nx,ny,nz (modelnet40_normal_resampled)",
		Match: matchModelNetText,
		Open:  openModelNetText,
	})
}

func matchModelNetText(path string) (bool, error) {
	_, lists, err := modelNetLists(path)
	return len(lists) > 0, err
}

// modelNetLists returns the lists of samples by split, and the file of class names. If the folder has several sets of
// lists (modelnet10, modelnet40), it returns the first by name.
func modelNetLists(dir string) (names string, lists map[string]string, err error) {
	all, err := archive.Glob(dir, "*"+namesSuffix)
	if err != nil || len(all) == 0 {
		return "", nil, err
	}
	// The folder of ModelNet40 also has the lists of its subset ModelNet10.
	names = slices.Max(all)
	prefix := strings.TrimSuffix(names, namesSuffix) + "_"
	found, err := archive.Glob(dir, "*.txt")
	lists = map[string]string{}
	for _, path := range found {
		if split, ok := strings.CutPrefix(path, prefix); ok && path != names {
			lists[strings.TrimSuffix(split, ".txt")] = path
		}
	}
	return names, lists, err
}

func openModelNetText(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names, lists, err := modelNetLists(path)
	if err != nil {
		return nil, err
	}
	split, err := chosenSplit(path, sortedKeys(lists), opt.Split)
	if err != nil {
		return nil, err
	}
	s := &fileSet{info: Info{Name: path + " " + split, Format: "modelnet-text", Split: split}}
	s.format = fileFormat{name: "modelnet-text", decode: decodeXYZ}
	if s.info.Classes, err = readLines(names); err != nil {
		return nil, err
	}
	samples, err := readLines(lists[split])
	if err != nil {
		return nil, err
	}
	for i, name := range samples {
		class := name[:max(0, strings.LastIndexByte(name, '_'))]
		label := slices.Index(s.info.Classes, class)
		if label < 0 || name != filepath.Base(name) {
			return nil, malformed(lists[split], "line %d: %.80q does not begin with one of the %d class names", i+1, name,
				len(s.info.Classes))
		}
		s.paths = append(s.paths, filepath.Join(path, class, name+".txt"))
		s.labels = append(s.labels, int64(label))
	}
	if len(s.paths) == 0 {
		return nil, malformed(lists[split], "lists no samples")
	}
	return s, nil
}
