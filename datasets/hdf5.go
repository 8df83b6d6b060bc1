package datasets

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/wiseft/wiseft/datasets/internal/archive"
	"github.com/wiseft/wiseft/datasets/internal/h5"
)

func init() {
	Register(Format{
		Name: "hdf5",
		Doc: `HDF5 file with data (n,points,3) and label (n,) or (n,1), or a folder of them: ` +
			`with <split>_files.txt as ModelNet40 has it, ` +
			`or with the split in their names as ScanObjectNN has it, whose mask is not read; ` +
			`or a file with numbers by other names, which are found as in npz`,
		Match: matchHDF5,
		Open:  openHDF5,
	})
}

// hdf5CacheSize bounds the bytes of decoded clouds that a data set keeps in memory: the test half of ModelNet40 at
// 2,048 points needs 58 MiB. Read in order, a data set of any size is decoded once.
const hdf5CacheSize = 64 << 20

// hdf5Set is a list of HDF5 files, one after the other.
type hdf5Set struct {
	info   Info
	files  []hdf5File
	labels []int64
	hash   fileHash

	cacheSize int // bytes of decoded clouds in memory, beside the slab in use

	mu     sync.RWMutex // guards what follows; read-locked while a file is read
	closed bool
	slabs  map[slabKey]*slab
	recent []slabKey // these slabs, the last used at the end
}

// hdf5File holds the samples first, first+1, …, first+n-1.
type hdf5File struct {
	path            string
	first, n, width int // width: points of a cloud
	file            archive.File
	data            *h5.Array
	rows            int // of a slab
}

// slabKey identifies the rows of a file that are decoded together.
type slabKey struct{ file, index int }

// slab holds decoded rows. The first goroutine that needs it decodes it, while others wait.
type slab struct {
	once sync.Once
	x    []float32
	err  error
}

func openHDF5(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	info, err := archive.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		is, err := published(path, opt)
		if err != nil {
			return nil, err
		}
		if !is {
			return openHDF5Arrays(ctx, path, opt)
		}
	}
	s := &hdf5Set{info: Info{Name: path, Format: "hdf5"}, cacheSize: hdf5CacheSize, slabs: map[slabKey]*slab{}}
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
	if len(s.info.Classes) == 0 && strings.Contains(filepath.Base(paths[0]), "objectdataset") {
		s.info.Classes = slices.Clone(scanObjectNNClasses)
	}
	for _, p := range paths {
		err := ctx.Err()
		if err == nil {
			err = s.add(p)
		}
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// add opens one file, which stays open, and indexes its shapes and labels.
func (s *hdf5Set) add(path string) (err error) {
	f := hdf5File{path: path, first: len(s.labels)}
	if f.file, err = archive.Open(path); err != nil {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return errors.Join(err, f.file.Close())
	}
	labels, err := f.index(info.Size(), s.info.Classes)
	if err != nil {
		return errors.Join(malformed(path, "%v", err), f.file.Close())
	}
	s.files = append(s.files, f)
	s.labels = append(s.labels, labels...)
	return nil
}

// index reads shapes and labels.
func (f *hdf5File) index(size int64, classes []string) ([]int64, error) {
	file, err := h5.Open(f.file, size)
	if err != nil {
		return nil, err
	}
	data, err := file.Array("data")
	if err != nil {
		return nil, err
	}
	switch {
	case len(data.Shape) != 3 || data.Shape[2] != 3:
		return nil, fmt.Errorf(`data set "data" has shape %v, want [samples points 3]`, data.Shape)
	case data.Shape[0] == 0 || data.Shape[1] == 0:
		return nil, fmt.Errorf(`data set "data" has shape %v, which has no elements`, data.Shape)
	case data.IsInteger():
		return nil, errors.New(`data set "data" holds integers, want floats`)
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	n := data.Shape[0]
	label, err := file.Array("label")
	if err != nil {
		return nil, err
	}
	if shape := label.Shape; len(shape) == 0 || len(shape) > 2 || len(shape) == 2 && shape[1] != 1 {
		return nil, fmt.Errorf(`data set "label" has shape %v, want [%d] or [%d 1]`, shape, n, n)
	}
	if label.Shape[0] != n {
		return nil, fmt.Errorf(`data set "label" has %d labels for %d samples`, label.Shape[0], n)
	}
	labels, err := label.Int64s()
	if err != nil {
		return nil, err
	}
	if err := checkLabels(labels, classes); err != nil {
		return nil, fmt.Errorf(`data set "label": %w`, err)
	}
	f.data, f.n, f.width, f.rows = data, n, data.Shape[1], min(n, data.RowsTogether())
	return labels, nil
}

// Info implements Dataset.
func (s *hdf5Set) Info() Info { return s.info }

// Len implements Dataset.
func (s *hdf5Set) Len() int { return len(s.labels) }

// Label implements Dataset.
func (s *hdf5Set) Label(i int) int64 { return s.labels[i] }

// Read implements Dataset.
func (s *hdf5Set) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, s.info.Name, i, len(s.labels)); err != nil {
		return err
	}
	k, _ := slices.BinarySearchFunc(s.files, i, func(f hdf5File, i int) int { return f.first + f.n - 1 - i })
	f := &s.files[k]
	at, size := i-f.first, 3*f.width
	dst.X, dst.Arrays = slices.Grow(dst.X[:0], size)[:size], dst.Arrays[:0]
	if f.data.Direct() {
		if err := s.readDirect(f, dst.X, at); err != nil {
			return err
		}
	} else {
		x, err := s.load(slabKey{k, at / f.rows})
		if err != nil {
			return err
		}
		copy(dst.X, x[at%f.rows*size:])
	}
	dst.Shape = append(dst.Shape[:0], f.width, 3)
	dst.Label = s.labels[i]
	return dst.checkFinite(f.path, `data set "data": `, at)
}

// readDirect reads a sample of a file whose rows are stored without chunks and filters.
func (s *hdf5Set) readDirect(f *hdf5File, x []float32, at int) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return fmt.Errorf("%s: %w", s.info.Name, errClosed)
	}
	if err := f.data.ReadRow(x, at); err != nil {
		return malformed(f.path, "%v", err)
	}
	return nil
}

// load returns the values of a slab, which stay valid after the slab was evicted. Different slabs are decoded
// concurrently.
func (s *hdf5Set) load(key slabKey) ([]float32, error) {
	entry, err := s.slab(key)
	if err != nil {
		return nil, err
	}
	f := &s.files[key.file]
	entry.once.Do(func() {
		from := key.index * f.rows
		entry.x, entry.err = f.data.Float32Rows(from, min(f.rows, f.n-from))
		if entry.err != nil {
			entry.err = malformed(f.path, "%v", entry.err)
		}
	})
	return entry.x, entry.err
}

// slab returns the cache entry of a slab, and evicts the least recently used ones until the rest fits.
func (s *hdf5Set) slab(key slabKey) (*slab, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%s: %w", s.info.Name, errClosed)
	}
	if at := slices.Index(s.recent, key); at >= 0 {
		s.recent = append(slices.Delete(s.recent, at, at+1), key)
		return s.slabs[key], nil
	}
	entry := new(slab)
	s.slabs[key], s.recent = entry, append(s.recent, key)
	size := 0
	for _, k := range s.recent {
		size += s.slabSize(k)
	}
	for size > s.cacheSize && len(s.recent) > 1 {
		oldest := s.recent[0]
		size -= s.slabSize(oldest)
		delete(s.slabs, oldest)
		s.recent = slices.Delete(s.recent, 0, 1)
	}
	return entry, nil
}

// slabSize returns the bytes of a decoded slab.
func (s *hdf5Set) slabSize(k slabKey) int {
	f := &s.files[k.file]
	return 4 * 3 * f.width * min(f.rows, f.n-k.index*f.rows)
}

// Hash implements Dataset.
func (s *hdf5Set) Hash(ctx context.Context) (string, error) {
	paths := make([]string, len(s.files))
	for i, f := range s.files {
		paths[i] = f.path
	}
	return s.hash.of(ctx, append([]string{"hdf5", s.info.Split}, s.info.Classes...), paths)
}

// Close implements Dataset.
func (s *hdf5Set) Close() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed, s.slabs, s.recent = true, nil, nil
	for _, f := range s.files {
		err = errors.Join(err, f.file.Close())
	}
	return err
}
