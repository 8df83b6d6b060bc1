package feature

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/npy"
)

func init() {
	register(Format{
		Name: "npy",
		Doc: "NPY file of features (n,d), with labels in a file of their own that --target names: NPY, or text with a label " +
			"a line",
		match: func(head []byte) bool { return bytes.HasPrefix(head, []byte(npy.Magic)) },
		read: func(r io.ReaderAt, size int64, part Part) (*Set, error) {
			f, err := openNPY(r, size, part)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			set := &Set{X: make([]float32, f.rows.Len()), Dim: f.width, Y: f.y, Meta: f.meta}
			return set, f.rows.Float32s(set.X, 0)
		},
	})
}

// openNPY opens an NPY file of features with labels of their own.
func openNPY(r io.ReaderAt, size int64, part Part) (_ *File, err error) {
	switch {
	case part.Input != "":
		return nil, fmt.Errorf("holds one array, and %q names one of several", part.Input)
	case part.Labels == nil && part.Target != "":
		return nil, fmt.Errorf("has its labels in a file of their own, and there is no file %s", part.Target)
	case part.Labels == nil:
		return nil, errors.New("has no labels: name the file with them, as in --target y.npy")
	}
	f := &File{}
	if f.rows, err = npy.OpenArray(r, size); err != nil {
		return nil, err
	}
	var labels *arrays.Labels
	if err = checkFeatureShape("the array", f.rows.Header); err == nil {
		labels, err = part.ownLabels(f.rows.Shape[0])
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	set := newSet("npy", nil, f.rows.Shape[1], labels)
	f.width, f.y, f.meta = set.Dim, set.Y, set.Meta
	return f, nil
}
