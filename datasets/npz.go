package datasets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/npy"
)

func init() {
	Register(Format{
		Name: "npz",
		Doc: `NPZ file of numbers x (n,...) and labels y (n,), or arrays of other names (data and label, X_train and y_train, ` +
			`...; --input and --target name them); labels are whole numbers, text or one-hot rows, with names in classes (k,)`,
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
		found = err == nil && len(a.Names()) > 0
		return nil
	})
	// A zip file that cannot be read is not of this format, which is no error here.
	return found, err
}

func openNPZ(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	s := &arraySet{info: Info{Name: path, Format: "npz"}, path: path, hashed: []string{path}}
	return s.open(ctx, func(r io.ReaderAt, size int64) error {
		a, err := npy.Open(r, size)
		if err != nil {
			return err
		}
		return s.index(a, opt)
	})
}

// index finds samples and labels, and reads the labels.
func (s *arraySet) index(a arrays.Source, opt OpenOptions) error {
	want := arrays.Want{Samples: opt.Samples, Labels: opt.Target, Split: opt.Split, Inputs: opt.Inputs}
	if opt.Target != "" && !slices.Contains(a.Names(), opt.Target) && isFile(opt.Target) {
		want.Labels, want.OwnLabels = "", true
	}
	roles, err := arrays.Find(arrays.Of(a), want)
	if err != nil {
		return err
	}
	if roles.Samples != "x" || roles.Labels != "y" {
		s.fields = []string{roles.Samples, roles.Labels}
	}
	taken := roles.Inputs
	if taken == nil {
		err = s.addArray(a, roles.Samples, nil)
	}
	for i, t := range taken {
		if i == 0 {
			s.fields = []string{"inputs", roles.Labels}
		}
		s.fields = append(s.fields, t.Input+"="+t.Array)
		err = errors.Join(err, s.addArray(a, t.Array, &taken[i]))
	}
	if err != nil {
		return err
	}
	n := s.columns[0].rows.Shape[0]
	labels, err := roles.Read(a, n)
	if err != nil {
		return err
	}
	if roles.Note != "" {
		s.note(roles.Note)
	}
	if roles.Split != "" {
		s.info.Name, s.info.Split = s.path+" "+roles.Split, roles.Split
	}
	s.setLabels(labels)
	if want.OwnLabels {
		s.note("labels are those of " + opt.Target)
		return s.readLabels(opt.Target, n)
	}
	return nil
}

// addArray takes an array, as that of an input unless in is nil.
func (s *arraySet) addArray(a arrays.Source, name string, in *arrays.Taken) error {
	rows, err := a.Rows(name)
	if err != nil {
		return err
	}
	return s.addSamples(fmt.Sprintf("array %q", name), rows, in)
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
