package datasets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/input"
)

// npzFiles is a folder with an NPZ file a sample, whose arrays have no sample axis. Samples may have other shapes than
// their neighbours.
type npzFiles struct {
	*fileSet
	taken []arrays.Taken // by input; one without an input is read as float32
}

var npzFilesFormat = &fileFormat{name: "npz-files", extensions: []string{".npz"},
	match: func(head []byte) bool { return bytes.HasPrefix(head, []byte("PK\x03\x04")) }}

func init() {
	Register(Format{
		Name: npzFilesFormat.name,
		Doc: "folder with an NPZ file a sample, in <class>/<split>/*, <split>/<class>/* or <class>/*: arrays named like the " +
			"inputs of the model, or x, whose lengths may differ",
		Match: func(path string) (bool, error) {
			if names, err := subfolders(path); err != nil || len(names) == 0 {
				return false, nil //nolint:nilerr // a file, or a folder without classes
			}
			return npzFilesFormat.matchPath(path)
		},
		Open: openNPZFiles,
	})
}

func openNPZFiles(ctx context.Context, path string, opt OpenOptions) (Dataset, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &npzFiles{fileSet: &fileSet{info: Info{Name: path, Format: npzFilesFormat.name}, format: *npzFilesFormat, options: opt}}
	if err := s.list(path, opt.Split); err != nil {
		return nil, err
	}
	first, err := s.archive(0)
	if err != nil {
		return nil, err
	}
	if err := s.take(first.Names(), opt); err != nil {
		return nil, malformed(s.paths[0], "%v", err)
	}
	return s, nil
}

// take chooses the arrays by the names of those that the first sample has.
func (s *npzFiles) take(names []string, opt OpenOptions) error {
	inputs := opt.Inputs
	if len(inputs) == 0 {
		inputs = []arrays.Input{{Array: opt.Samples}}
	}
	required := 0
	for _, in := range inputs {
		if !in.Optional {
			required++
		}
	}
	typedInput := false
	var list []string // of arrays that are taken
	for _, in := range inputs {
		name := arrayFor(in, names, opt.Samples, required == 1 && !in.Optional)
		switch {
		case in.LeftOut || in.Optional && name == "":
			continue
		case !slices.Contains(names, name):
			return fmt.Errorf("has no array for the input %q; it has %s; --input %[1]s=ARRAY names its array, and --constant "+
				"%[1]s=VALUE gives what does not vary", in.Name, strings.Join(names, ", "))
		}
		s.taken, list = append(s.taken, arrays.Taken{Input: in.Name, Array: name}), append(list, name)
		typedInput = typedInput || in.Flat || in.Type != typed.Undefined && in.Type != typed.Float32
	}
	if len(s.taken) == 0 {
		return errors.New("has no array for the model")
	}
	if len(s.taken) > 1 || typedInput {
		for _, t := range s.taken {
			s.info.Inputs = append(s.info.Inputs, InputArray(t))
		}
	}
	note := arrays.Defaults(inputs, s.taken)
	left := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(list, name) })
	if len(left) > 0 {
		note += "; not used: " + strings.Join(left, ", ")
	}
	if note != "" {
		s.info.Notes = append(s.info.Notes, fmt.Sprintf("%s: inputs are the arrays %s%s", s.info.Name, strings.Join(list, ", "), note))
	}
	return nil
}

// arrayFor returns the array of an input: the one that is named for it, the one of its name, and for the only one that
// needs an array samples, x, or the only array. It is "" if there is none.
func arrayFor(in arrays.Input, names []string, samples string, only bool) string {
	candidates := []string{in.Array, in.Name}
	if only {
		candidates = []string{in.Array, samples, in.Name, "x"}
		if len(names) == 1 {
			candidates = append(candidates, names[0])
		}
	}
	for i, name := range candidates {
		if name != "" && (slices.Contains(names, name) || i == 0 || only && i == 1) { // names that the user gives must exist
			return name
		}
	}
	return ""
}

// archive reads the file of sample i.
func (s *npzFiles) archive(i int) (*npy.Archive, error) {
	file, err := input.ReadFile(s.paths[i])
	if err != nil {
		return nil, err
	}
	a, err := npy.Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, malformed(s.paths[i], "sample %d: %v", i, err)
	}
	return a, nil
}

// Read implements Dataset.
func (s *npzFiles) Read(ctx context.Context, dst *Sample, i int) error {
	if err := checkIndex(ctx, s.info.Name, i, len(s.paths)); err != nil {
		return err
	}
	if s.closed.Load() {
		return fmt.Errorf("%s: %w", s.info.Name, errClosed)
	}
	a, err := s.archive(i)
	if err != nil {
		return err
	}
	dst.Set(nil, nil, s.labels[i])
	for _, t := range s.taken {
		if err := s.readArray(dst, a, t.Array); err != nil {
			return malformed(s.paths[i], "sample %d: array %q: %v", i, t.Array, err)
		}
	}
	return dst.checkFinite(s.paths[i], "", i)
}

// readArray reads an array of a sample: as its X, or as one of its arrays if inputs are named.
func (s *npzFiles) readArray(dst *Sample, a *npy.Archive, name string) (err error) {
	rows, err := a.Rows(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if rows.Len() == 0 {
		return fmt.Errorf("has shape %v, and no element", rows.Shape)
	}
	if s.info.Inputs == nil {
		if len(rows.Shape) == 0 {
			return errors.New("is a single number, want one axis or more")
		}
		dst.X, dst.Shape = slices.Grow(dst.X[:0], rows.Len())[:rows.Len()], append(dst.Shape[:0], rows.Shape...)
		return rows.Float32s(dst.X, 0)
	}
	t := dst.nextArray()
	t.Shape = t.Shape[:0]
	for _, n := range rows.Shape {
		t.Shape = append(t.Shape, int64(n))
	}
	if err := readTyped(t, rows, 0, rows.Len()); err != nil {
		return err
	}
	if bad := t.NonFinite(); bad >= 0 {
		return fmt.Errorf("value %d is not finite (%v)", bad, t.Float64s()[bad])
	}
	return nil
}

// Hash implements Dataset.
func (s *npzFiles) Hash(ctx context.Context) (string, error) {
	fields := append([]string{s.format.name, s.info.Split}, s.info.Classes...)
	for _, t := range s.taken {
		fields = append(fields, t.Input+"="+t.Array)
	}
	for _, l := range s.labels {
		fields = append(fields, fmt.Sprint(l))
	}
	return s.hash.of(ctx, fields, s.paths)
}
