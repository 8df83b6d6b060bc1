package datasets

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/datasets/npy"
)

func init() {
	register(Format{
		Name:  "npz",
		Doc:   `NPZ file with x (n,...) float32 or float64, y (n,) of any integer type, and where there are class names, classes (k,) of text`,
		Match: matchNPZ,
		Open:  openNPZ,
	})
}

func matchNPZ(path string) (bool, error) {
	head, err := readHead(path, 4)
	if err != nil || string(head) != "PK\x03\x04" {
		return false, err
	}
	found := false
	err = withNPZ(path, func(a *npy.Archive) error {
		found = a.Has("x")
		return nil
	})
	// A zip file that cannot be read is not recognised, which is no error here.
	return found && err == nil, nil
}

// withNPZ calls use with the open archive; its errors become a *FormatError.
func withNPZ(path string, use func(*npy.Archive) error) error {
	return withFile(path, func(r io.ReaderAt, size int64) error {
		a, err := npy.Open(r, size)
		if err != nil {
			return err
		}
		return use(a)
	})
}

// npzSet is one NPZ file. Its values are decoded at the first Read.
type npzSet struct {
	info   Info
	path   string
	shape  []int // of a sample
	labels []int64
	hash   fileHash

	mu     sync.Mutex // guards x and closed
	x      []float32
	closed bool
}

func openNPZ(ctx context.Context, path string, _ OpenOptions) (Dataset, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &npzSet{info: Info{Name: path, Format: "npz"}, path: path}
	if err := withNPZ(path, s.index); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *npzSet) index(a *npy.Archive) error {
	h, err := a.Header("x")
	if err != nil {
		return err
	}
	if len(h.Shape) < 2 || h.Len() == 0 {
		return fmt.Errorf(`array "x" has shape %v, want [samples ...] with something in it`, h.Shape)
	}
	if h.Kind != 'f' || h.ItemSize != 4 && h.ItemSize != 8 {
		return fmt.Errorf(`array "x" has type %s, want f4 or f8`, h.DType())
	}
	s.shape = h.Shape[1:]
	var y *npy.Header
	if s.labels, y, err = a.Int64s("y"); err != nil {
		return err
	}
	if len(y.Shape) != 1 || y.Shape[0] != h.Shape[0] {
		return fmt.Errorf(`array "y" has shape %v, want [%d]: one label a sample`, y.Shape, h.Shape[0])
	}
	if a.Has("classes") {
		if s.info.Classes, _, err = a.Strings("classes"); err != nil {
			return err
		}
	}
	if err := checkLabels(s.labels, s.info.Classes); err != nil {
		return fmt.Errorf(`array "y": %w`, err)
	}
	return nil
}

func (s *npzSet) Info() Info        { return s.info }
func (s *npzSet) Len() int          { return len(s.labels) }
func (s *npzSet) Label(i int) int64 { return s.labels[i] }

func (s *npzSet) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, s.info.Name, i, len(s.labels)); err != nil {
		return err
	}
	x, err := s.load()
	if err != nil {
		return err
	}
	size := len(x) / len(s.labels)
	x = x[i*size:][:size]
	if bad := notFinite(x); bad >= 0 {
		return malformed(s.path, `array "x": sample %d: value %d is not finite (%v)`, i, bad, x[bad])
	}
	dst.Set(x, s.shape, s.labels[i])
	return nil
}

func (s *npzSet) load() ([]float32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%s: %w", s.path, errClosed)
	}
	if s.x != nil {
		return s.x, nil
	}
	err := withNPZ(s.path, func(a *npy.Archive) error {
		x, h, err := a.Float32s("x")
		if err != nil {
			return err
		}
		if h.Shape[0] != len(s.labels) || !slices.Equal(h.Shape[1:], s.shape) {
			return fmt.Errorf("has changed since it was opened")
		}
		s.x = x
		return nil
	})
	return s.x, err
}

func (s *npzSet) Hash(ctx context.Context) (string, error) {
	return s.hash.of(ctx, []string{"npz"}, []string{s.path})
}

func (s *npzSet) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.x = true, nil
	return nil
}

// WriteNPZ writes a data set, whose samples must all have one shape, as the npz
// format reads it: x float32, y int64, and classes where ds has them. Samples are
// read one at a time; equal data sets give equal bytes. The caller closes w.
func WriteNPZ(ctx context.Context, w io.Writer, ds Dataset) error {
	info, n := ds.Info(), ds.Len()
	if n == 0 {
		return fmt.Errorf("%s: has no samples to write", info.Name)
	}
	var s Sample
	if err := ds.Read(ctx, &s, 0); err != nil {
		return err
	}
	shape := slices.Clone(s.Shape)
	labels := make([]int64, n)
	z := npy.NewWriter(w)
	err := z.Float32Rows("x", n, shape, func(i int) ([]float32, error) {
		if err := ds.Read(ctx, &s, i); err != nil {
			return nil, err
		}
		if !slices.Equal(s.Shape, shape) {
			return nil, fmt.Errorf("%s: sample %d has shape %v, but the first has %v: one array cannot hold both", info.Name, i, s.Shape, shape)
		}
		labels[i] = s.Label
		return s.X, nil
	})
	if err != nil {
		return err
	}
	if err := z.Int64s("y", labels); err != nil {
		return err
	}
	if len(info.Classes) > 0 {
		if err := z.Strings("classes", info.Classes); err != nil {
			return err
		}
	}
	return z.Close()
}
