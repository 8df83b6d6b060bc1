package wiseft

import (
	"cmp"
	"errors"
	"os"

	"github.com/wiseft/wiseft/internal/input"
	"github.com/wiseft/wiseft/probe/feature"
)

// FeatureOptions name what of a file of features is read. The zero value finds features and labels by their names and
// shapes, and the split by the role that the file has.
type FeatureOptions struct {
	Input   string // array, column, or pattern of columns (f_*) with the features
	Target  string // array or column of the labels, or a file with them; a name inside the data wins
	Split   string // of a file with several, such as X_train and X_test
	Monitor Monitor
}

// ReadFeatures reads a file of features into memory: NPZ, NPY, CSV, TSV or Parquet. Features and labels are found by their
// names and shapes.
func ReadFeatures(path string) (*feature.Set, error) { return FeatureOptions{}.read(path, "") }

// read reads a file of features, whose role is its split unless another is named.
func (o FeatureOptions) read(path, role string) (f *feature.Set, err error) {
	err = o.withPart(path, role, func(file *os.File, size int64, part feature.Part) error {
		f, err = feature.ReadPart(file, size, part)
		return err
	})
	if err != nil {
		return nil, err
	}
	o.complete(path, &f.Meta)
	return f, nil
}

// readAligned is read for features whose class numbers must be those of a reference, such as a probe's.
func (o FeatureOptions) readAligned(path, role string, classes []string) (*feature.Set, error) {
	f, err := o.read(path, role)
	if err != nil {
		return nil, err
	}
	changed, err := f.Align(classes)
	if changed {
		o.Monitor.note(path + ": labels are matched with the probe's classes by name")
	}
	return f, withPath(path, err)
}

// open opens a file of features, whose rows stay on disk, for the time of use.
func (o FeatureOptions) open(path, role string, use func(*feature.File) error) error {
	return o.withPart(path, role, func(file *os.File, size int64, part feature.Part) (err error) {
		table, err := feature.OpenPart(file, size, part)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, table.Close()) }()
		meta := table.Info()
		o.complete(path, &meta)
		return use(table)
	})
}

// withPart opens the file, and the file of the labels if the target names one. An error of use gets the path.
func (o FeatureOptions) withPart(path, role string, use func(*os.File, int64, feature.Part) error) error {
	file, size, err := openInput(path)
	if err != nil {
		return err
	}
	defer file.Close()
	part := feature.Part{Input: o.Input, Target: o.Target, Split: cmp.Or(o.Split, role)}
	if info, err := os.Stat(o.Target); o.Target != "" && err == nil && info.Mode().IsRegular() {
		labels, err := input.Open(o.Target)
		if err != nil {
			return err
		}
		defer labels.Close()
		part.Labels, part.LabelsSize = labels, info.Size()
	}
	return withPath(path, use(file, size, part))
}

// complete names the file in the description of features that another program wrote, and passes its notes on. Those of
// this program describe the samples, and their notes were said when features were computed.
func (o FeatureOptions) complete(path string, meta *feature.Meta) {
	if meta.Schema != "" {
		return
	}
	meta.Data.Name = path
	for i, line := range meta.Data.Notes {
		meta.Data.Notes[i] = path + ": " + line
		o.Monitor.note(meta.Data.Notes[i])
	}
}
