package datasets

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/wiseft/wiseft/datasets/internal/h5"
)

func init() {
	register(Format{
		Name:  "hdf5",
		Doc:   `HDF5 file with data (n,points,3) and label (n,) or (n,1), or a folder of them with <split>_files.txt (ModelNet40's layout)`,
		Match: matchHDF5,
		Open:  openHDF5,
	})
}

// hdf5CacheSize is how many bytes of decoded clouds a data set keeps. The
// training half of ModelNet40 at 2,048 points needs 231 MiB: reading it in any
// order then decodes each file once.
const hdf5CacheSize = 256 << 20

const (
	listSuffix = "_files.txt"
	namesFile  = "shape_names.txt"
)

func matchHDF5(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	if !info.IsDir() {
		head, err := readHead(path, len(h5.Signature))
		return string(head) == h5.Signature, err
	}
	files, err := filepath.Glob(filepath.Join(escapeGlob(path), "*.h5"))
	if err != nil || len(files) == 0 {
		return false, err
	}
	return matchHDF5(files[0])
}

// escapeGlob makes filepath.Glob take path literally. Windows knows no escapes, so
// there a path with brackets is matched as a pattern.
func escapeGlob(path string) string {
	if filepath.Separator == '\\' {
		return path
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// hdf5Set is a list of HDF5 files, one after the other.
type hdf5Set struct {
	info   Info
	files  []hdf5File
	labels []int64
	hash   fileHash

	cacheSize int // bytes of decoded clouds to keep; one file is always kept

	mu     sync.Mutex // guards what follows
	closed bool
	values map[int][]float32 // of the files that are in memory
	recent []int             // these files, the last used at the end
}

// hdf5File holds the samples first, first+1, …, first+n-1.
type hdf5File struct {
	path            string
	first, n, width int // width: points of a cloud
}

func openHDF5(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &hdf5Set{info: Info{Name: path, Format: "hdf5"}, cacheSize: hdf5CacheSize, values: map[int][]float32{}}
	paths, dir := []string{path}, filepath.Dir(path)
	if info.IsDir() {
		dir = path
		if s.info.Split, paths, err = hdf5Split(path, opt.Split); err != nil {
			return nil, err
		}
		s.info.Name = strings.TrimSpace(path + " " + s.info.Split)
	}
	if s.info.Classes, err = readLines(filepath.Join(dir, namesFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, p := range paths {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := s.add(p); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// hdf5Split returns the files of a split, and its name where split left it open.
func hdf5Split(dir, split string) (name string, paths []string, err error) {
	lists, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*"+listSuffix))
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
	all, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.h5"))
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
	return split, paths, nil
}

// listedFiles reads a list of files. Lists carry the folder of the machine that
// made them, so only the base name counts, beside the list.
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
		if info, err := os.Stat(p); err != nil || info.IsDir() {
			return nil, malformed(listPath, "lists %q, but there is no file %s beside it", line, base)
		}
		paths = append(paths, p)
	}
	if len(paths) == 0 {
		return nil, malformed(listPath, "lists no files")
	}
	return paths, nil
}

// readLines returns the lines of a small text file that are not empty.
func readLines(path string) ([]string, error) {
	f, err := os.Open(path)
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

// add indexes one file: shapes and labels.
func (s *hdf5Set) add(path string) error {
	return withHDF5(path, func(f *h5.File) error {
		data, err := f.Array("data")
		if err != nil {
			return err
		}
		switch {
		case len(data.Shape) != 3 || data.Shape[2] != 3:
			return fmt.Errorf(`data set "data" has shape %v, want [samples points 3]`, data.Shape)
		case data.Shape[0] == 0 || data.Shape[1] == 0:
			return fmt.Errorf(`data set "data" has shape %v: there is nothing in it`, data.Shape)
		case data.IsInteger():
			return errors.New(`data set "data" holds integers, want floats`)
		}
		n := data.Shape[0]
		label, err := f.Array("label")
		if err != nil {
			return err
		}
		if shape := label.Shape; len(shape) == 0 || len(shape) > 2 || len(shape) == 2 && shape[1] != 1 {
			return fmt.Errorf(`data set "label" has shape %v, want [%d] or [%d 1]`, shape, n, n)
		}
		if label.Shape[0] != n {
			return fmt.Errorf(`data set "label" has %d labels for %d samples`, label.Shape[0], n)
		}
		labels, err := label.Int64s()
		if err != nil {
			return err
		}
		if err := checkLabels(labels, s.info.Classes); err != nil {
			return fmt.Errorf(`data set "label": %w`, err)
		}
		s.files = append(s.files, hdf5File{path: path, first: len(s.labels), n: n, width: data.Shape[1]})
		s.labels = append(s.labels, labels...)
		return nil
	})
}

// withHDF5 calls use with the open file; its errors become a *FormatError.
func withHDF5(path string, use func(*h5.File) error) error {
	return withFile(path, func(r io.ReaderAt, size int64) error {
		f, err := h5.Open(r, size)
		if err != nil {
			return err
		}
		return use(f)
	})
}

// checkLabels refuses labels that name no class.
func checkLabels(labels []int64, classes []string) error {
	for i, l := range labels {
		if l < NoLabel {
			return fmt.Errorf("sample %d has label %d; labels count from 0, and %d stands for none", i, l, NoLabel)
		}
		if len(classes) > 0 && l >= int64(len(classes)) {
			return fmt.Errorf("sample %d has label %d, but there are %d class names", i, l, len(classes))
		}
	}
	return nil
}

func (s *hdf5Set) Info() Info        { return s.info }
func (s *hdf5Set) Len() int          { return len(s.labels) }
func (s *hdf5Set) Label(i int) int64 { return s.labels[i] }

func (s *hdf5Set) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, s.info.Name, i, len(s.labels)); err != nil {
		return err
	}
	k, _ := slices.BinarySearchFunc(s.files, i, func(f hdf5File, i int) int { return f.first + f.n - 1 - i })
	f := s.files[k]
	x, err := s.load(k)
	if err != nil {
		return err
	}
	at, size := i-f.first, 3*f.width
	x = x[at*size:][:size]
	if bad := notFinite(x); bad >= 0 {
		return malformed(f.path, `data set "data": sample %d: point %d is not finite (%v)`, at, bad/3, x[bad])
	}
	dst.Set(x, []int{f.width, 3}, s.labels[i])
	return nil
}

// load returns the values of file k, which stay valid after they were dropped
// from memory.
func (s *hdf5Set) load(k int) ([]float32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%s: %w", s.info.Name, errClosed)
	}
	if at := slices.Index(s.recent, k); at >= 0 {
		s.recent = append(slices.Delete(s.recent, at, at+1), k)
		return s.values[k], nil
	}
	f := s.files[k]
	var x []float32
	err := withHDF5(f.path, func(file *h5.File) error {
		data, err := file.Array("data")
		if err != nil {
			return err
		}
		if !slices.Equal(data.Shape, []int{f.n, f.width, 3}) {
			return errors.New("has changed since it was opened")
		}
		x, err = data.Float32s()
		return err
	})
	if err != nil {
		return nil, err
	}
	s.values[k], s.recent = x, append(s.recent, k)
	s.evict()
	return x, nil
}

// evict drops the files used longest ago until the rest fits.
func (s *hdf5Set) evict() {
	size := 0
	for _, x := range s.values {
		size += 4 * len(x)
	}
	for size > s.cacheSize && len(s.recent) > 1 {
		oldest := s.recent[0]
		size -= 4 * len(s.values[oldest])
		delete(s.values, oldest)
		s.recent = slices.Delete(s.recent, 0, 1)
	}
}

func (s *hdf5Set) Hash(ctx context.Context) (string, error) {
	paths := make([]string, len(s.files))
	for i, f := range s.files {
		paths[i] = f.path
	}
	return s.hash.of(ctx, append([]string{"hdf5", s.info.Split}, s.info.Classes...), paths)
}

func (s *hdf5Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.values, s.recent = true, nil, nil
	return nil
}
