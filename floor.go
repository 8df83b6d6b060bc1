package wiseft

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/repair"
	"github.com/wiseft/wiseft/probe/bench"
)

// maxFloor is the largest number of random networks.
const maxFloor = 100

// floor returns variants of a network with random weights.
func (o SweepOptions) floor(ctx context.Context, v mergeVariant) (list []bench.Variant, err error) {
	switch {
	case o.Floor < 0 || o.Floor > maxFloor:
		return nil, fault.Usagef("--floor %d is not within 0 and %d", o.Floor, maxFloor)
	case o.Floor == 0:
		return nil, nil
	case o.OwnHead:
		return nil, fault.Usagef("--floor is of probes, and --head own fits none")
	}
	samples, err := o.floorStatistics(ctx, v)
	if err != nil {
		return nil, err
	}
	for seed := range uint64(o.Floor) {
		f := floorVariant{mergeVariant: v, seed: seed + 1, samples: samples}
		var kept []string
		if f.fresh, kept, err = v.base.Fresh(f.seed); err != nil {
			return nil, err
		}
		if seed == 0 && len(kept) > 0 {
			o.Monitor.note("the random networks have the fine-tuned " + strings.Join(kept, ", "))
		}
		list = append(list, f)
	}
	return list, nil
}

// floorStatistics returns what running statistics of random networks are measured on: training data; nil for a network
// without any.
func (o SweepOptions) floorStatistics(ctx context.Context, v mergeVariant) (*calibration, error) {
	sites, _, _, err := repair.Find(v.base)
	if err != nil || len(sites) == 0 {
		return nil, nil //nolint:nilerr // what has no statistics needs none
	}
	if _, ok := sites[0].(*repair.Norm); !ok {
		return nil, nil
	}
	return newCalibration(ctx, v.base, v.last, RepairOptions{Data: o.Train, Mode: string(repair.Reset), Layout: o.Layout,
		Runtime: RuntimeOptions{Library: o.Runtime.Library}, Monitor: o.Monitor}, o.Merge.MemoryBytes)
}

// floorVariant is the network of a merge with random weights.
type floorVariant struct {
	mergeVariant
	seed    uint64
	fresh   *onnxmerge.Plan
	samples *calibration // on which running statistics are reset; nil without any
}

// ID implements bench.Variant.
func (v floorVariant) ID() string { return fmt.Sprintf("random %d", v.seed) }

// About implements bench.Variant.
func (floorVariant) About() bench.About { return bench.About{} }

// Key implements bench.Variant.
func (v floorVariant) Key(ctx context.Context) (string, error) {
	key, err := v.fresh.Key(ctx)
	if err != nil || v.samples == nil {
		return key, err
	}
	return v.samples.key(key)
}

// Model implements bench.Variant.
func (v floorVariant) Model(ctx context.Context, _ string) (bench.Model, error) {
	plan := v.fresh
	if v.samples != nil {
		var err error
		if plan, _, err = v.samples.repairSites(ctx, plan, slices.Repeat([]bool{true}, len(v.samples.sites))); err != nil {
			return bench.Model{}, err
		}
	}
	return v.write(ctx, plan)
}
