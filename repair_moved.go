package wiseft

import (
	"context"
	"math"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// moved measures how far a repair moves the tensors of a plan's mix. changed are the sites that are repaired.
func (c *calibration) moved(ctx context.Context, plan *onnxmerge.Plan, changed []bool) (*result.RepairMoves, error) {
	repaired, record, err := c.repairSites(ctx, plan, changed)
	if err != nil {
		return nil, err
	}
	var models [2]*onnx.Model
	for i, p := range []*onnxmerge.Plan{plan, repaired} {
		if models[i], err = c.write(ctx, p); err != nil {
			return nil, err
		}
	}
	places := flow.Places(c.last.Model)
	depths := map[string]float64{}
	for _, site := range c.sites {
		depths[site.At().Name] = places[site.At().Of].Depth
	}
	r := &result.RepairMoves{Mode: record.Mode, Layers: []result.RepairMove{}}
	for _, l := range record.Layers {
		move := result.RepairMove{Place: l.Name, Depth: depths[l.Name], Factor: l.Factor}
		for _, id := range l.Tensors {
			if move.Tensor = id; models[0].Lookup(id) == nil {
				continue
			}
			if move.Moved, err = distance(models[0].Lookup(id), models[1].Lookup(id)); err != nil {
				return nil, err
			}
			move.Elements = models[0].Lookup(id).Len()
			if place, ok := places[c.last.Lookup(id)]; ok {
				move.Depth = place.Depth
			}
			r.Layers = append(r.Layers, move)
		}
		if len(l.Tensors) == 0 {
			r.Layers = append(r.Layers, move)
		}
	}
	return r, nil
}

// distance returns |b - a| / |a| of two tensors of one shape; nil where it is not defined.
func distance(a, b *onnx.Tensor) (*float64, error) {
	x, err := a.Numbers()
	if err != nil {
		return nil, err
	}
	y, err := b.Numbers()
	if err != nil {
		return nil, err
	}
	square, norm := 0.0, 0.0
	for i := range x {
		square += (y[i] - x[i]) * (y[i] - x[i])
		norm += x[i] * x[i]
	}
	if d := math.Sqrt(square / norm); !math.IsNaN(d) && !math.IsInf(d, 0) {
		return &d, nil
	}
	return nil, nil
}
