package datasets

import (
	"context"
	"io"
	"slices"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/datasets/typed"
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
			return openNPYPair(ctx, path, labels, opt.Inputs...)
		},
	})
}

func matchNPY(path string) (bool, error) {
	head, err := readHead(path, len(npy.Magic))
	return string(head) == npy.Magic && !arrays.IsLabelFile(path), err
}

// openNPYPair opens an NPY file with the labels in another; "" is none. inputs are those of the model that takes the
// samples.
func openNPYPair(ctx context.Context, path, labels string, inputs ...arrays.Input) (Dataset, error) {
	s := &arraySet{info: Info{Name: path, Format: "npy"}, path: path, hashed: []string{path}}
	return s.open(ctx, func(r io.ReaderAt, size int64) error {
		rows, err := npy.OpenArray(r, size)
		if err != nil {
			return err
		}
		if err := s.addSamples("the array", rows, onlyTyped(inputs)); err != nil {
			return err
		}
		n := rows.Shape[0]
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

// onlyTyped returns the only input that needs an array, if that is of another type than float32 or takes one value a
// sample; else nil. Its array has no name.
func onlyTyped(inputs []arrays.Input) *arrays.Taken {
	var list []arrays.Input
	for _, in := range inputs {
		if !in.Optional {
			list = append(list, in)
		}
	}
	if len(list) != 1 || !list[0].Flat && (list[0].Type == typed.Undefined || list[0].Type == typed.Float32) {
		return nil
	}
	return &arrays.Taken{Input: list[0].Name}
}
