package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe"
)

// dataFlags choose how samples are prepared. They apply to all data of a command.
func dataFlags() []cli.Flag {
	const category = "Data:"
	return []cli.Flag{
		&cli.IntFlag{Name: "points", Usage: "`N` points of each cloud", DefaultText: "all", EnvVars: []string{"WISEFT_POINTS"}, Category: category},
		&cli.StringFlag{Name: "sample", Value: "first", Usage: "which points: first, random, fps (farthest points, from the first on) or fps-random (from a random one on)", EnvVars: []string{"WISEFT_SAMPLE"}, Category: category},
		&cli.StringFlag{Name: "normalize", Value: "none", Usage: "none, unit-sphere or unit-box; imagenet for images", EnvVars: []string{"WISEFT_NORMALIZE"}, Category: category},
		&cli.IntFlag{Name: "resize", Usage: "scale images to `N` pixels on the shorter side", DefaultText: "as they are", EnvVars: []string{"WISEFT_RESIZE"}, Category: category},
		&cli.IntFlag{Name: "crop", Usage: "cut the middle `N` x N pixels out of images", DefaultText: "all", EnvVars: []string{"WISEFT_CROP"}, Category: category},
		&cli.StringFlag{Name: "axes", Value: "xyz", Usage: "which input axis each axis takes: xzy swaps y and z", EnvVars: []string{"WISEFT_AXES"}, Category: category},
		&cli.StringFlag{Name: "layout", Value: "auto", Usage: "auto, bnc (batch, points, 3) or bcn; auto reads it from the model", EnvVars: []string{"WISEFT_LAYOUT"}, Category: category},
		&cli.StringFlag{Name: "format", Usage: "the data's `FORMAT`", DefaultText: "recognised from its contents", EnvVars: []string{"WISEFT_FORMAT"}, Category: category},
		&cli.StringFlag{Name: "labels", Usage: "label `MAP`: a name of wiseft list labels, or a JSON file", DefaultText: "labels as they are", EnvVars: []string{"WISEFT_LABELS"}, Category: category},
		&cli.Uint64Flag{Name: "seed", Usage: "`SEED` of everything random", EnvVars: []string{"WISEFT_SEED"}, Category: category},
	}
}

// preprocess reads the flags into what is done to every sample.
func (c *call) preprocess() (datasets.Preprocess, error) {
	p := datasets.Preprocess{Points: c.Int("points"), Sample: c.String("sample"), Seed: c.Uint64("seed"),
		Normalize: c.String("normalize"), Axes: c.String("axes")}
	if err := p.Validate(); err != nil {
		return p, usageError{msg: err.Error()}
	}
	return p, nil
}

func (c *call) layout() (probe.Layout, error) {
	switch l := c.String("layout"); l {
	case "auto":
		return probe.LayoutAuto, nil
	case "bnc", "bcn":
		return probe.Layout(l), nil
	default:
		return "", usageError{msg: "--layout " + l + " is not one of auto, bnc, bcn"}
	}
}

// openData opens a data set, prepared as the flags say. Close the first result, not
// the second.
func (c *call) openData(path, split string) (opened, prepared datasets.Dataset, err error) {
	p, err := c.preprocess()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range []string{"resize", "crop"} {
		if c.Int(name) < 0 {
			return nil, nil, usageError{msg: fmt.Sprintf("--%s is %d, want 0 or more", name, c.Int(name))}
		}
	}
	if f := c.String("format"); f != "" {
		if _, ok := datasets.Lookup(f); !ok {
			return nil, nil, usageError{msg: "there is no data format " + f, hint: "see wiseft list formats"}
		}
	}
	opened, err = datasets.Open(c.Context.Context, path, datasets.OpenOptions{
		Split: split, Format: c.String("format"), Points: p.Points, Seed: p.Seed, Resize: c.Int("resize"), Crop: c.Int("crop")})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, inputError{msg: path + ": no such file or folder"}
	}
	if err != nil {
		return nil, nil, err
	}
	prepared, err = c.mapLabels(opened)
	if err == nil {
		prepared, err = datasets.Apply(prepared, p)
	}
	if err != nil {
		return nil, nil, errors.Join(err, opened.Close())
	}
	return opened, prepared, nil
}

// mapLabels applies --labels.
func (c *call) mapLabels(ds datasets.Dataset) (datasets.Dataset, error) {
	name := c.String("labels")
	if name == "" {
		return ds, nil
	}
	m, err := datasets.LookupLabelMap(name)
	if err != nil {
		return nil, err
	}
	return datasets.MapLabels(ds, m)
}
