package datasets

import (
	"context"
	"io"
	"slices"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/npy"
)

func init() {
	Register(Format{
		Name: "npy",
		Doc: `NPY file of numbers (n,...), with labels as of npz in the file of --target or beside it: label.npy, labels.npy ` +
			`or y.npy, and y_train.npy beside X_train.npy`,
		Match: matchNPY,
		Open: func(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
			labels := opt.Target
			switch {
			case opt.Samples != "":
				return nil, malformed(path, "holds one array, and %q names one of several", opt.Samples)
			case labels == "":
				labels = arrays.LabelFile(path, isFile)
			case !isFile(labels):
				return nil, malformed(path, "has its labels in a file of their own, and there is no file %s", labels)
			}
			return openNPYPair(ctx, path, labels)
		},
	})
}

func matchNPY(path string) (bool, error) {
	head, err := readHead(path, len(npy.Magic))
	return string(head) == npy.Magic && !arrays.IsLabelFile(path), err
}

// openNPYPair opens an NPY file with the labels in another; "" is none.
func openNPYPair(ctx context.Context, path, labels string) (Dataset, error) {
	s := &arraySet{info: Info{Name: path, Format: "npy"}, path: path, array: "the array", hashed: []string{path}}
	return s.open(ctx, func(r io.ReaderAt, size int64) (err error) {
		if s.rows, err = npy.OpenArray(r, size); err != nil {
			return err
		}
		if err := s.checkValues(s.rows.Header); err != nil {
			return err
		}
		n := s.rows.Shape[0]
		if labels == "" {
			s.labels = slices.Repeat([]int64{NoLabel}, n)
			s.note("has no labels: there is no file of them beside it, and --target FILE.npy names one")
			return nil
		}
		if !arrays.IsPlainLabelFile(labels) {
			s.note("labels are those of " + labels)
		}
		return s.readLabels(labels, n)
	})
}
