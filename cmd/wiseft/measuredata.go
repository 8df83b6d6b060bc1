package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/bench"
)

// openMeasureData opens the data sets of a plan that flags name. closeData closes
// them; its errors are of no use to a run that is over.
func (c *call) openMeasureData(ctx context.Context, plan *bench.Plan) (closeData func(), err error) {
	o := &opener{call: c, hashes: map[string]string{}}
	defer func() {
		if err != nil {
			o.close()
		}
	}()
	if plan.OwnHead && c.String("train") != "" {
		return nil, usageError{msg: "--head own fits no probe, so it has no use for --train", hint: "name data to choose alpha by with --val"}
	}
	if !plan.OwnHead {
		if plan.Train, err = o.named(ctx, "train", true); err != nil {
			return nil, err
		}
	}
	if plan.Val, err = o.named(ctx, "val", false); err != nil {
		return nil, err
	}
	paths := c.StringSlice("test")
	if len(paths) == 0 {
		return nil, noData("test")
	}
	for _, path := range paths {
		test, err := o.test(ctx, path)
		if err != nil {
			return nil, err
		}
		plan.Tests = append(plan.Tests, test)
	}
	return o.close, nil
}

// openChoosingData opens training and validation data alone.
func (c *call) openChoosingData(ctx context.Context, plan *bench.Plan) (closeData func(), err error) {
	o := &opener{call: c, hashes: map[string]string{}}
	if plan.Train, err = o.named(ctx, "train", true); err == nil {
		plan.Val, err = o.named(ctx, "val", false)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o.close, nil
}

// opener opens data sets, no two of them with the same samples.
type opener struct {
	*call
	opened []datasets.Dataset
	hashes map[string]string // which flag has the data
}

func (o *opener) close() {
	for _, ds := range o.opened {
		_ = ds.Close() // only read
	}
}

func noData(flag string) error {
	return usageError{msg: "no " + flag + " data is named", hint: "name it with --" + flag}
}

// named opens the data that a flag names, which is its split as well.
func (o *opener) named(ctx context.Context, flag string, required bool) (datasets.Dataset, error) {
	path := o.String(flag)
	if path == "" && required {
		return nil, noData(flag)
	}
	if path == "" {
		return nil, nil
	}
	return o.open(ctx, path, flag, flag)
}

func (o *opener) open(ctx context.Context, path, split, flag string) (datasets.Dataset, error) {
	opened, prepared, err := o.openData(path, split)
	if err != nil {
		return nil, err
	}
	o.opened = append(o.opened, opened)
	hash, err := prepared.Hash(ctx)
	if err != nil {
		return nil, err
	}
	if other, ok := o.hashes[hash]; ok {
		return nil, mismatchError{fmt.Sprintf("--%s and --%s are the same samples", other, flag)}
	}
	o.hashes[hash] = flag
	return prepared, nil
}

// corruptedFormats are folders that have the corruptions in them.
var corruptedFormats = []string{"modelnet-c", "modelnet40-c"}

// test opens a test set. That of a folder of corrupted data is what the folder has.
func (o *opener) test(ctx context.Context, path string) (bench.Test, error) {
	t := bench.Test{Name: path}
	var err error
	if t.Data, err = o.open(ctx, path, "test", "test"); err != nil {
		return t, err
	}
	if slices.Contains(corruptedFormats, t.Data.Info().Format) {
		t.Corrupted = func(_ context.Context, corruption string, severity int) (datasets.Dataset, error) {
			opened, prepared, err := o.openData(path, fmt.Sprintf("%s_%d", corruption, severity))
			if err != nil {
				return nil, err
			}
			o.opened = append(o.opened, opened)
			return prepared, nil
		}
	}
	return t, nil
}
