package datasets

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/wiseft/wiseft/datasets/npy"
)

func init() {
	Register(Format{
		Name: "npy",
		Doc: `NPY file with values (n,...) float32 or float64, ` +
			`and beside it label.npy, labels.npy or y.npy, (n,) or (n,1) of any integer type`,
		Match: matchNPY,
		Open: func(ctx context.Context, path string, _ OpenOptions) (Dataset, error) {
			for _, name := range labelFiles {
				labels := filepath.Join(filepath.Dir(path), name)
				if _, err := os.Stat(labels); err == nil {
					return openNPYPair(ctx, path, labels)
				}
			}
			return nil, malformed(path, "has no label file beside it; looked for %v", labelFiles)
		},
	})
}

// labelFiles are the names of the file with the labels beside an NPY file, in the order in
// which they are looked for.
var labelFiles = []string{"label.npy", "labels.npy", "y.npy"}

func matchNPY(path string) (bool, error) {
	head, err := readHead(path, len(npy.Magic))
	return string(head) == npy.Magic && !slices.Contains(labelFiles, filepath.Base(path)), err
}

// openNPYPair opens an NPY file with the labels in another.
func openNPYPair(ctx context.Context, path, labels string) (Dataset, error) {
	s := &arraySet{info: Info{Name: path, Format: "npy"}, path: path, array: "the array", hashed: []string{path, labels}}
	var y *npy.Header
	err := withFile(labels, func(r io.ReaderAt, size int64) (err error) {
		s.labels, y, err = npy.ReadInt64s(r, size)
		if err == nil {
			err = checkLabels(s.labels, nil)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.open(ctx, func(r io.ReaderAt, size int64) (err error) {
		if s.rows, err = npy.OpenArray(r, size); err != nil {
			return err
		}
		if err := s.checkValues(s.rows.Header); err != nil {
			return err
		}
		if n := s.rows.Shape[0]; len(s.labels) != n || len(y.Shape) > 2 || len(y.Shape) == 2 && y.Shape[1] != 1 {
			return fmt.Errorf("has %d samples, but %s has shape %v, want [%d] or [%d 1]",
				n, filepath.Base(labels), y.Shape, n, n)
		}
		return nil
	})
}
