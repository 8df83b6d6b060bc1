package wiseft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench"
)

// dataOpener opens data sets, no two of them with the same samples.
type dataOpener struct {
	closers []func() error
	hashes  map[string]string // the role of the data with a hash
	monitor Monitor
}

func newDataOpener(monitor Monitor) *dataOpener {
	return &dataOpener{hashes: map[string]string{}, monitor: monitor}
}

func (d *dataOpener) close() {
	for _, c := range d.closers {
		_ = c() // opened for reading: a run that has ended has no use for the error
	}
}

// openMeasured opens the data sets of a plan.
func (d *dataOpener) openMeasured(ctx context.Context, o MeasureOptions, plan *bench.Plan) error {
	switch {
	case !o.Score.isZero() && !o.Train.isZero():
		return fault.Usagef("--score fits no probe, so it has no use for --train").
			WithHint("name data to choose alpha by with --val")
	case o.OwnHead && !o.Train.isZero():
		return fault.Usagef("--head own fits no probe, so it has no use for --train").
			WithHint("name data to choose alpha by with --val")
	case o.OwnHead && o.Val.FromTrain > 0:
		return fault.Usagef("--head own has no training data to take validation data from").WithHint(bench.NeedsVal)
	case len(o.Tests) == 0:
		return noData("test")
	}
	for i, source := range o.Tests {
		test, err := d.openTest(ctx, source)
		if err != nil {
			return err
		}
		if i == 0 && !o.Corrupted.isZero() {
			stored := o.Corrupted
			stored.Format = "" // that of the clean data
			test.Corrupted = d.storedCorruptions(stored)
		}
		plan.Tests = append(plan.Tests, test)
	}
	if err := d.openChoosing(ctx, o, plan); err != nil {
		return err
	}
	if err := d.alignTests(plan); err != nil {
		return err
	}
	if err := o.Val.takeFromTest(plan); err != nil {
		return err
	}
	if err := d.openTransfers(ctx, o, plan); err != nil {
		return err
	}
	return o.checkRoles(ctx, plan)
}

// openChoosing opens the training data of a plan, unless it has none, and the validation data that is not taken from
// test data.
func (d *dataOpener) openChoosing(ctx context.Context, o MeasureOptions, plan *bench.Plan) (err error) {
	if err := o.Val.check(); err != nil {
		return err
	}
	if !o.OwnHead {
		if o.Train.isZero() {
			return noData("train")
		}
		if plan.Train, err = d.open(ctx, o.Train, "train"); err != nil {
			return err
		}
	}
	for _, v := range o.Val.Sets {
		data, err := d.open(ctx, v.Data, "val")
		if err != nil {
			return err
		}
		if data, err = d.align(data, plan.Train); err != nil {
			return err
		}
		plan.Vals = append(plan.Vals, bench.Val{Name: cmp.Or(v.Name, v.Data.Path), Data: data})
	}
	return o.Val.takeFromTrain(plan)
}

// alignTests gives test data the class numbers of the training data, where both have class names.
func (d *dataOpener) alignTests(plan *bench.Plan) (err error) {
	for i := range plan.Tests {
		if t := &plan.Tests[i]; t.Corrupted == nil {
			if t.Data, err = d.align(t.Data, plan.Train); err != nil {
				return err
			}
		}
	}
	return nil
}

// align returns data with the class numbers of the training data, which may be nil.
func (d *dataOpener) align(data, train datasets.Dataset) (datasets.Dataset, error) {
	if train == nil {
		return data, nil
	}
	aligned, err := datasets.AlignClasses(data, train.Info().Classes)
	if err == nil && aligned != data {
		d.monitor.note(data.Info().Name + ": class numbers differ from those of the training data; labels are matched by name")
	}
	return aligned, err
}

func noData(role string) error {
	return fault.Usagef("no %s data is named", role).WithHint("name it with --%s", role)
}

// asSplit returns data with a split, unless it names another.
func (d Data) asSplit(split string) Data {
	d.Split = cmp.Or(d.Split, split)
	return d
}

// classes returns the number of classes of labelled data: of names, or up to the largest label. It is 0 for no data.
func (d Data) classes(ctx context.Context) (_ int, err error) {
	if d.isZero() {
		return 0, nil
	}
	ds, err := OpenData(ctx, d)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.close(ds)) }()
	classes := len(ds.Info().Classes)
	for i := range ds.Len() {
		classes = max(classes, int(ds.Label(i))+1)
	}
	return classes, nil
}

// isZero reports whether no data is named.
func (d Data) isZero() bool { return d.Path == "" && d.Set == nil }

// open opens data by its role, which is its split unless another is named.
func (d *dataOpener) open(ctx context.Context, source Data, role string) (datasets.Dataset, error) {
	source = source.asSplit(role)
	opened, err := openData(ctx, source, d.monitor)
	if err != nil {
		return nil, err
	}
	d.closers = append(d.closers, func() error { return source.close(opened) })
	hash, err := opened.Hash(ctx)
	if err != nil {
		return nil, err
	}
	if other, ok := d.hashes[hash]; ok {
		return nil, fault.Mismatchf("--%s and --%s are the same samples", other, role)
	}
	d.hashes[hash] = role
	return opened, nil
}

// corruptedFormats are formats of folders that hold corrupted data.
var corruptedFormats = []string{"modelnet-c", "modelnet40-c"}

// openTest opens a test set. A folder of corrupted data has its corruptions as splits.
func (d *dataOpener) openTest(ctx context.Context, source Data) (bench.Test, error) {
	t := bench.Test{Name: source.Path}
	var err error
	if t.Data, err = d.open(ctx, source, "test"); err != nil {
		return t, err
	}
	if source.Set == nil && slices.Contains(corruptedFormats, t.Data.Info().Format) {
		t.Corrupted = d.storedCorruptions(source)
	}
	return t, nil
}

// storedCorruptions opens data that are stored corrupted by a split for each corruption and severity. Images are never
// resized: they have the size at which they were corrupted.
func (d *dataOpener) storedCorruptions(source Data) func(context.Context, string, int) (datasets.Dataset, error) {
	source.Resize, source.Crop, source.Interpolation = 0, 0, ""
	return func(ctx context.Context, corruption string, severity int) (datasets.Dataset, error) {
		stored := source
		stored.Split = fmt.Sprintf("%s_%d", corruption, severity)
		opened, err := OpenData(ctx, stored)
		if err == nil {
			d.closers = append(d.closers, opened.Close)
		}
		return opened, err
	}
}
