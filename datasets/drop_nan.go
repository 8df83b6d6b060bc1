package datasets

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// notFiniteError reports a sample with a value that is NaN or infinite. The sample that was read is whole, so that
// [DropNaN] can go on with the other points.
type notFiniteError struct {
	err  *FormatError
	hint string
}

func (e *notFiniteError) Error() string { return e.err.Error() }
func (e *notFiniteError) Unwrap() error { return e.err }
func (e *notFiniteError) Hint() string  { return e.hint }

// checkFinite returns an error if a value of s, sample i, is not finite. where names the array in the file, such as
// `array "x": `, or is "".
func (s *Sample) checkFinite(path, where string, i int) error {
	bad := notFinite(s.X)
	if bad < 0 {
		return nil
	}
	what, hint := fmt.Sprintf("value %d", bad), ""
	if _, ok := s.Points(); ok {
		what = fmt.Sprintf("point %d", bad/3)
		if math.IsNaN(float64(s.X[bad])) {
			hint = "--drop-nan leaves out the points that are NaN"
		}
	}
	return &notFiniteError{&FormatError{path, fmt.Sprintf("%ssample %d: %s is not finite (%v)", where, i, what, s.X[bad])},
		hint}
}

// DropNaN returns ds without the points of its clouds that are NaN in a coordinate: the holes of organised clouds. It
// reads every sample once; how many points are left out of how many samples is a line of Info.History. A sample whose
// points all are NaN is an error, and so are infinite values when they are read. It returns ds itself if no point is
// NaN. ds must stay open; closing the result does not close it.
func DropNaN(ctx context.Context, ds Dataset) (Dataset, error) {
	d := &withoutNaN{Dataset: ds}
	var s Sample
	points, samples, most, at := 0, 0, 0, 0
	for i := range ds.Len() {
		dropped, err := d.read(ctx, &s, i)
		if err != nil {
			return nil, err
		}
		if dropped == 0 {
			continue
		}
		points, samples = points+dropped, samples+1
		if dropped > most {
			most, at = dropped, i
		}
	}
	if points == 0 {
		return ds, nil
	}
	d.line = fmt.Sprintf("NaN points dropped: %d, in %d of %d samples, most (%d) in sample %d", points, samples, ds.Len(),
		most, at)
	return d, nil
}

type withoutNaN struct {
	Dataset
	line string
}

func (d *withoutNaN) Info() Info { return withHistory(d.Dataset.Info(), d.line) }

func (d *withoutNaN) Hash(ctx context.Context) (string, error) {
	return DerivedHash(ctx, d.Dataset, d.line)
}

func (d *withoutNaN) Close() error { return nil }

func (d *withoutNaN) Read(ctx context.Context, dst *Sample, i int) error {
	_, err := d.read(ctx, dst, i)
	return err
}

// read reads sample i without the points that are NaN, and returns how many these are.
func (d *withoutNaN) read(ctx context.Context, dst *Sample, i int) (dropped int, err error) {
	err = d.Dataset.Read(ctx, dst, i)
	bad, ok := errors.AsType[*notFiniteError](err)
	n, isCloud := dst.Points()
	if !ok || !isCloud {
		return 0, err
	}
	kept := dst.X[:0]
	for p := range n {
		x, y, z := dst.X[3*p], dst.X[3*p+1], dst.X[3*p+2]
		if x == x && y == y && z == z {
			kept = append(kept, x, y, z)
		}
	}
	dst.X, dst.Shape[0] = kept, len(kept)/3
	if len(kept) == 0 {
		return 0, malformed(bad.err.Path, "sample %d: all of its %d points are NaN", i, n)
	}
	if notFinite(kept) >= 0 { // infinite, which stands for no hole
		return 0, err
	}
	return n - len(kept)/3, nil
}
