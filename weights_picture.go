package wiseft

import (
	"context"
	"io"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/report"
)

// WeightsOptions says where a picture of weights is written.
type WeightsOptions struct {
	Output string // a file: .svg or .png
	Force  bool   // replace an existing output
}

// check returns an error if the output cannot be written. inputs must not be replaced.
func (o WeightsOptions) check(inputs ...string) error {
	if _, err := o.format(); err != nil {
		return err
	}
	return output.Check(o.Output, output.Options{Force: o.Force, Inputs: inputs})
}

func (o WeightsOptions) format() (string, error) {
	switch ext := strings.ToLower(filepath.Ext(o.Output)); ext {
	case ".svg", ".png":
		return ext[1:], nil
	}
	return "", fault.Usagef("--plot %s: is no .svg or .png", o.Output)
}

// draw draws the weights of a plan into the output.
func (o WeightsOptions) draw(ctx context.Context, plan *MergePlan, monitor Monitor) error {
	format, err := o.format()
	if err != nil {
		return err
	}
	w, err := weightsOf(ctx, plan.Plan, monitor)
	if err != nil {
		return err
	}
	_, err = output.WriteFile(o.Output, output.Options{Force: o.Force, Inputs: plan.inputs.paths()}, func(out io.Writer) error {
		return report.WriteWeights(out, format, w)
	})
	return err
}

// weightsOfSweep returns what measures the tensors under the mix with alpha .5, or the middle one, and what its repair moved
// if it is repaired, too; nil without mixes.
func weightsOfSweep(ctx context.Context, variants []bench.Variant, monitor Monitor) (*bench.Weights, error) {
	mix, repaired := middleMix(variants)
	if mix == nil {
		return nil, nil
	}
	key, err := mix.Key(ctx)
	if err == nil && repaired != nil {
		key, err = repaired.Key(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &bench.Weights{Key: mix.ID() + " " + key, Measure: func(ctx context.Context) (*result.Weights, error) {
		plan, err := mix.plan()
		if err != nil {
			return nil, err
		}
		w, err := weightsOf(ctx, plan, monitor)
		if err != nil {
			return nil, err
		}
		w.Model = mix.ID()
		if repaired != nil {
			w.Repair, err = repaired.samples.moved(ctx, plan, repaired.changed)
		}
		return w, err
	}}, nil
}

// middleMix returns the mix with alpha .5, or the middle one, and the repaired mix of the same point; nil without one.
func middleMix(variants []bench.Variant) (*mergeVariant, *repairedVariant) {
	var mixes []mergeVariant
	repaired := map[string]repairedVariant{}
	middle := -1
	for _, v := range variants {
		switch mix := v.(type) {
		case repairedVariant:
			repaired[mix.mergeVariant.ID()] = mix
		case mergeVariant:
			if len(mix.point) == 1 && mix.point[0].Value == bench.ConventionalAlpha && middle < 0 {
				middle = len(mixes)
			}
			mixes = append(mixes, mix)
		}
	}
	if len(mixes) == 0 {
		return nil, nil
	}
	if middle < 0 {
		middle = len(mixes) / 2
	}
	if r, ok := repaired[mixes[middle].ID()]; ok {
		return &mixes[middle], &r
	}
	return &mixes[middle], nil
}

// weightsOf measures the tensors of a plan.
func weightsOf(ctx context.Context, plan *onnxmerge.Plan, monitor Monitor) (*result.Weights, error) {
	layers, changes, err := onnxmerge.Layers(ctx, plan, monitor.mebibytes("comparing weights"))
	if err != nil {
		return nil, err
	}
	w := &result.Weights{Unmoved: changes.Equal, Changes: changes.Bins[:], Unmeasured: changes.Other}
	own := ownAlphas(layers)
	for _, l := range layers {
		x := result.Layer{Tensor: l.Tensor, Action: l.Action.String(), Reason: l.Reason, Depth: l.Depth, Elements: l.Elements,
			Cosine: l.Cosine, RelL2: l.RelL2, Moved: l.Moved}
		if own {
			x.Alpha = l.Alpha
		}
		w.Layers = append(w.Layers, x)
	}
	return w, nil
}

// ownAlphas reports whether not all tensors have the same alpha.
func ownAlphas(layers []onnxmerge.Layer) bool {
	var first *float64
	for _, l := range layers {
		switch {
		case l.Alpha == nil:
		case first == nil:
			first = l.Alpha
		case *l.Alpha != *first:
			return true
		}
	}
	return false
}
