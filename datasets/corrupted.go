package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/datasets/internal/archive"
)

// A folder of corrupted data has a clean file, and one file for each corruption and severity. Each file is a split:
// "clean", "jitter_1" to "jitter_5" and so on, whether the files count severities from 0 or from 1.

func init() {
	Register(Format{
		Name: "modelnet-c",
		Doc: "folder of corrupted data as HDF5: clean.h5 and <corruption>_<0 to 4>.h5 " +
			"(ModelNet-C, PointCloud-C, ScanObjectNN-C); splits clean, <corruption>_<1 to 5>",
		Match: func(path string) (bool, error) { return matchCorrupted(path, "clean.h5") },
		Open: func(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
			return openCorrupted(ctx, path, opt, corruptedHDF5)
		},
	})
	Register(Format{
		Name: "modelnet40-c",
		Doc: "folder of corrupted data as NPY: data_original.npy, data_<corruption>_<1 to 5>.npy and label.npy " +
			"(ModelNet40-C); splits clean, <corruption>_<1 to 5>",
		Match: func(path string) (bool, error) { return hasCorruptedNPY(path), nil },
		Open: func(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
			return openCorrupted(ctx, path, opt, corruptedNPY)
		},
	})
}

// cleanSplit is the split without corruption.
const cleanSplit = "clean"

func matchCorrupted(path, file string) (bool, error) {
	info, err := archive.Stat(path)
	if err != nil || !info.IsDir() {
		return false, err
	}
	_, err = archive.Stat(filepath.Join(path, file))
	return err == nil, nil
}

// corruptedLayout is how a folder names its files and opens them.
type corruptedLayout struct {
	prefix, clean, extension string // <prefix><corruption>_<severity><extension>
	base                     int    // number of the first severity in file names
	open                     func(ctx context.Context, file string) (Dataset, error)
}

var (
	corruptedHDF5 = corruptedLayout{extension: ".h5", clean: "clean.h5", base: 0,
		open: func(ctx context.Context, file string) (Dataset, error) {
			return openHDF5(ctx, file, OpenOptions{})
		}}
	corruptedNPY = corruptedLayout{prefix: "data_", extension: ".npy", clean: "data_original.npy", base: 1,
		open: func(ctx context.Context, file string) (Dataset, error) {
			return openNPYPair(ctx, file, filepath.Join(filepath.Dir(file), "label.npy"))
		}}
)

// cell is one file of the folder.
type corruptedFile struct {
	corruption string // "" = clean
	severity   int    // 1 to 5
	path       string
}

func (f corruptedFile) split() string {
	if f.corruption == "" {
		return cleanSplit
	}
	return fmt.Sprintf("%s_%d", f.corruption, f.severity)
}

// files lists the folder's files, clean first, then by corruption and severity.
func (l corruptedLayout) files(dir string) ([]corruptedFile, error) {
	entries, err := archive.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []corruptedFile
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if e.Name() == l.clean {
			list = append(list, corruptedFile{path: path})
			continue
		}
		name, ok1 := strings.CutSuffix(e.Name(), l.extension)
		name, ok2 := strings.CutPrefix(name, l.prefix)
		at := strings.LastIndexByte(name, '_')
		if !ok1 || !ok2 || at < 1 {
			continue
		}
		n, err := strconv.Atoi(name[at+1:])
		if err != nil || n < l.base || n >= l.base+maxSeverity {
			continue
		}
		list = append(list, corruptedFile{name[:at], n - l.base + 1, path})
	}
	slices.SortFunc(list, func(a, b corruptedFile) int {
		return strings.Compare(a.corruption+fmt.Sprint("_", a.severity), b.corruption+fmt.Sprint("_", b.severity))
	})
	return list, nil
}

// maxSeverity is how many severities every corruption has.
const maxSeverity = 5

func openCorrupted(ctx context.Context, dir string, opt OpenOptions, l corruptedLayout) (Dataset, error) {
	files, err := l.files(dir)
	if err != nil {
		return nil, err
	}
	split := opt.Split
	if split == "" || split == "test" {
		split = cleanSplit
	}
	for _, f := range files {
		if f.split() != split {
			continue
		}
		ds, err := l.open(ctx, f.path)
		if err != nil {
			return nil, err
		}
		format := "modelnet-c"
		if l.base == 1 {
			format = "modelnet40-c"
		}
		return &renamed{Dataset: ds, edit: func(info *Info) {
			info.Name, info.Format, info.Split = dir+" "+split, format, split
			if _, err := archive.Stat(filepath.Join(dir, SuiteFile)); err == nil {
				info.SelfMade = true
			}
		}}, nil
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.split()
	}
	return nil, malformed(dir, "has no split %q; it has %s", split, strings.Join(names, ", "))
}

// renamed is a data set with another name, format and split in its Info.
type renamed struct {
	Dataset
	edit func(*Info)
}

// Info implements Dataset.
func (d *renamed) Info() Info {
	info := d.Dataset.Info()
	d.edit(&info)
	return info
}

// Corrupted describes a folder of corrupted data.
type Corrupted struct {
	Corruptions []string `json:"corruptions"`
	Files       int      `json:"files"`
	N           int      `json:"n"` // clouds of each file
	SelfMade    bool     `json:"self_made"`
}

// CheckCorrupted opens every file of a folder of corrupted data and reads its labels. ok is false if path is no such
// folder. The error is a *FormatError if there is no clean file, if severities are missing, or if labels differ from
// those of the clean file.
func CheckCorrupted(ctx context.Context, path string) (_ *Corrupted, ok bool, err error) {
	places, err := inside(path)
	if err != nil {
		return nil, false, err
	}
	for name, l := range map[string]corruptedLayout{"modelnet-c": corruptedHDF5, "modelnet40-c": corruptedNPY} {
		f, _ := Lookup(name)
		place, match, err := f.find(places)
		if err != nil {
			return nil, false, err
		}
		if match {
			c, err := l.check(ctx, place)
			return c, true, err
		}
	}
	return nil, false, nil
}

func (l corruptedLayout) check(ctx context.Context, dir string) (*Corrupted, error) {
	files, err := l.files(dir)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 || files[0].corruption != "" {
		return nil, malformed(dir, "has no file %s with the clean clouds", l.clean)
	}
	out := &Corrupted{Files: len(files)}
	_, err = archive.Stat(filepath.Join(dir, SuiteFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	out.SelfMade = err == nil
	severities := map[string]int{}
	var clean []int64
	for _, f := range files {
		labels, err := l.labels(ctx, f.path)
		if err != nil {
			return nil, err
		}
		if f.corruption == "" {
			clean, out.N = labels, len(labels)
			continue
		}
		if len(labels) != len(clean) {
			return nil, malformed(f.path, "has %d clouds, but %s has %d", len(labels), l.clean, len(clean))
		}
		for i := range labels {
			if labels[i] != clean[i] {
				return nil, malformed(f.path, "cloud %d has label %d, but in %s it has %d", i, labels[i], l.clean, clean[i])
			}
		}
		if severities[f.corruption] == 0 {
			out.Corruptions = append(out.Corruptions, f.corruption)
		}
		severities[f.corruption]++
	}
	for _, name := range out.Corruptions {
		if n := severities[name]; n != maxSeverity {
			return nil, malformed(dir, "has %d of the %d severities of %s", n, maxSeverity, name)
		}
	}
	return out, nil
}

func (l corruptedLayout) labels(ctx context.Context, path string) ([]int64, error) {
	ds, err := l.open(ctx, path)
	if err != nil {
		return nil, err
	}
	labels := make([]int64, ds.Len())
	for i := range labels {
		labels[i] = ds.Label(i)
	}
	return labels, ds.Close()
}
