package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/wiseft/wiseft/datasets/npy"
)

func init() {
	Register(Format{
		Name: "npz",
		Doc: `NPZ file with x (n,...) float32 or float64, y (n,) of any integer type, ` +
			`and where there are class names, classes (k,) of text`,
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
	err = withFile(path, func(r io.ReaderAt, size int64) error {
		a, err := npy.Open(r, size)
		found = err == nil && a.Has("x")
		return nil
	})
	// A zip file that cannot be read is not of this format, which is no error here.
	return found, err
}

func openNPZ(ctx context.Context, path string, _ OpenOptions) (Dataset, error) {
	s := &arraySet{info: Info{Name: path, Format: "npz"}, path: path, array: `array "x"`, hashed: []string{path}}
	return s.open(ctx, func(r io.ReaderAt, size int64) error {
		a, err := npy.Open(r, size)
		if err != nil {
			return err
		}
		return s.index(a)
	})
}

func (s *arraySet) index(a *npy.Archive) error {
	h, err := a.Header("x")
	if err != nil {
		return err
	}
	if err := s.checkValues(h); err != nil {
		return err
	}
	y, err := a.Header("y")
	if err != nil {
		return err
	}
	if n := h.Shape[0]; y.Len() != n || len(y.Shape) < 1 || len(y.Shape) > 2 || y.Shape[0] != n {
		return fmt.Errorf(`array "y" has shape %v, want [%d] or [%d 1]: one label a sample`, y.Shape, n, n)
	}
	if a.Has("classes") {
		if s.info.Classes, _, err = a.Strings("classes"); err != nil {
			return err
		}
	}
	if y.Kind == 'U' || y.Kind == 'S' {
		s.labels, err = namedLabels(a, s.info.Classes)
	} else {
		s.labels, _, err = a.Int64s("y")
	}
	if err != nil {
		return err
	}
	if err := checkLabels(s.labels, s.info.Classes); err != nil {
		return fmt.Errorf(`array "y": %w`, err)
	}
	s.rows, err = a.Rows("x")
	return err
}

// namedLabels returns labels that array y has as names, which are the places of the names in the array of classes.
func namedLabels(a *npy.Archive, classes []string) ([]int64, error) {
	names, _, err := a.Strings("y")
	if err != nil {
		return nil, err
	}
	if classes == nil {
		return nil, errors.New(`array "y" holds text; add an array "classes" with all names, in the order of their labels, ` +
			`or store numbers from 0`)
	}
	labels := make([]int64, len(names))
	for i, name := range names {
		at := slices.Index(classes, name)
		if at < 0 {
			return nil, fmt.Errorf(`array "y": sample %d has label %q, which is not in the array "classes"`, i, name)
		}
		labels[i] = int64(at)
	}
	return labels, nil
}

// WriteNPZ writes a data set, whose samples must all have the same shape, in the npz format: x float32, y int64, and
// classes if ds has them. Samples are read one at a time; equal data sets give equal bytes. The caller closes w.
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
			return nil, fmt.Errorf("%s: sample %d has shape %v, but sample 0 has %v; the samples of an array need one shape",
				info.Name, i, s.Shape, shape)
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
