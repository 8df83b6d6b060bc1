package wiseft

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/repair"
	"github.com/wiseft/wiseft/probe"
)

// RepairOptions says how activations are repaired after a merge: they are measured in the merged network, and corrected so
// that they have the mixture of the models' own means and deviations on the same data: by running statistics of
// BatchNormalizations, or by weights and biases in a network without any. Package onnxmerge/repair has the formulas. Data is
// required.
type RepairOptions struct {
	Data    Data   // unlabelled samples, such as training data; its split train by default. Never test data
	Samples int    // drawn from Data; 0 is RepairSamples
	Mode    string // of package onnxmerge/repair; "" is "auto"
	Seed    uint64 // of the draw
	Layout  string // of clouds: "bnc", "bcn", or "auto" and ""
	Runtime RuntimeOptions
	Monitor Monitor
}

// RepairSamples is how many samples a repair draws by default. Measured on two pairs of PointNets, 16 clouds give
// statistics as good as 640; more cost little, and rare classes are among them.
const RepairSamples = 64

// repairPlan returns a plan with repaired statistics, and the record of it; the plan itself without options.
func repairPlan(ctx context.Context, plan *onnxmerge.Plan, last *Model, opt *RepairOptions, memory int64,
) (*onnxmerge.Plan, *onnxmerge.Repair, error) {
	if opt == nil {
		return plan, nil, nil
	}
	c, err := newCalibration(ctx, plan, last, *opt, memory)
	if err != nil {
		return nil, nil, err
	}
	return c.repair(ctx, plan)
}

// calibration is what all repairs by the same samples share: the samples, and the models' own moments on them.
type calibration struct {
	opt    RepairOptions
	mode   repair.Mode // Affine, Scale, Reset; Auto measures without correcting
	drawn  *samples
	record onnxmerge.Repair // of every repair, but for its layers
	last   *Model           // whose graph is written
	inputs []probe.Input    // of last, that the samples feed
	engine *Runtime
	memory int64 // bytes of activations that may be held between passes

	sites  []repair.Site
	before []map[string]bool // the values that each site's output depends on
	stages []*repair.Stage
	ends   [][]*repair.Moments // of each model, then of each site; nil before they are needed
}

// newCalibration draws samples for repairs of a plan, with any parameters. memory is what activations may take between
// two passes, in bytes; 0 is 256 MiB.
func newCalibration(ctx context.Context, plan *onnxmerge.Plan, last *Model, opt RepairOptions, memory int64,
) (_ *calibration, err error) {
	c := &calibration{opt: opt, last: last, memory: cmp.Or(memory, defaultMemory)}
	if err := repair.Mode(opt.Mode).Check(); err != nil {
		return nil, err
	}
	if err := c.find(plan); err != nil {
		return nil, withPath(last.path, err)
	}
	if err := c.draw(ctx); err != nil {
		return nil, err
	}
	if c.engine, err = LoadRuntime(ctx, opt.Runtime, opt.Monitor); err != nil {
		return nil, err
	}
	c.record.Data = c.opt.Data.described(c.opt.Layout, c.opt.Seed, c.drawn, c.opt.Runtime, c.engine)
	return c, nil
}

// measureEnds measures the models that a plan merges, once.
func (c *calibration) measureEnds(ctx context.Context, plan *onnxmerge.Plan) error {
	if c.ends != nil || c.mode == repair.Reset {
		return nil
	}
	var ends [][]*repair.Moments
	for i := range plan.Models() {
		own, err := plan.Of(i)
		if err != nil {
			return err
		}
		m, err := c.write(ctx, own)
		if err != nil {
			return err
		}
		stage := repair.Together(c.last.Model, c.sites)
		moments, err := c.newMeasuring(m, fmt.Sprintf("measuring model %d for the repair", i+1)).pass(ctx, stage, nil)
		if err != nil {
			return err
		}
		ends = append(ends, moments)
	}
	c.ends = ends
	return nil
}

// defaultMemory is what buffers, and activations between passes, may take unless --memory says otherwise.
const defaultMemory = 256 << 20

// find finds what is repaired.
func (c *calibration) find(plan *onnxmerge.Plan) (err error) {
	m := c.last.Model
	var selfNormed bool
	if c.sites, c.record.Kept, selfNormed, err = repair.Find(plan); err != nil {
		return err
	}
	c.mode = repair.Mode(cmp.Or(c.opt.Mode, string(repair.Auto)))
	if c.mode == repair.Auto && !selfNormed {
		c.mode = repair.Affine
	}
	c.stages = repair.Stages(m, c.sites)
	if c.mode == repair.Auto {
		c.stages = []*repair.Stage{repair.Together(m, c.sites)}
	}
	c.before, err = repair.Upstream(m, c.sites)
	return err
}

// draw draws the samples.
func (c *calibration) draw(ctx context.Context) (err error) {
	if c.opt.Samples < 0 {
		return fault.Usagef("--repair-samples %d must not be negative", c.opt.Samples)
	}
	c.drawn, err = drawSamples(ctx, c.opt.Data.forModel(c.last.Model).asSplit("train"), cmp.Or(c.opt.Samples, RepairSamples), c.opt.Samples > 0,
		c.opt.Seed, c.opt.Monitor)
	if err != nil {
		return err
	}
	if c.inputs, err = c.drawn.fed(c.last); err != nil {
		return err
	}
	c.record.Mode, c.record.Samples, c.record.Hash = string(c.mode), c.drawn.data.Len(), c.drawn.hash
	c.record.Positions = repair.Positions
	return nil
}

// repair returns a plan with repaired statistics, and the record of it. A site up to which the merge has the bytes of
// one model keeps that model's tensors. Only one repair may run at a time.
func (c *calibration) repair(ctx context.Context, plan *onnxmerge.Plan) (*onnxmerge.Plan, *onnxmerge.Repair, error) {
	changed, err := c.changed(ctx, plan)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Contains(changed, true) {
		record := c.record
		record.Layers = []onnxmerge.RepairedLayer{}
		return plan, &record, nil
	}
	return c.repairSites(ctx, plan, changed)
}

// key identifies the bytes of a plan with some key after a repair.
func (c *calibration) key(plan string) (string, error) {
	text, err := json.Marshal(c.record)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(plan), text...))
	return hex.EncodeToString(sum[:]), nil
}

// repairSites repairs some of the sites.
func (c *calibration) repairSites(ctx context.Context, plan *onnxmerge.Plan, changed []bool) (*onnxmerge.Plan,
	*onnxmerge.Repair, error) {
	record := c.record
	record.Layers = []onnxmerge.RepairedLayer{}
	if err := c.measureEnds(ctx, plan); err != nil {
		return nil, nil, err
	}
	m, err := c.write(ctx, plan)
	if err != nil {
		return nil, nil, err
	}
	made := corrected{values: map[string][]byte{}}
	measuring := c.newMeasuring(m, "repairing")
	defer measuring.close()
	for _, stage := range c.stages {
		moments, err := measuring.pass(ctx, stage, made.replacements(m))
		if err != nil {
			return nil, nil, err
		}
		for i, site := range stage.Sites {
			at := slices.Index(c.sites, site)
			if !changed[at] {
				continue
			}
			correction, err := c.correct(plan, m, at, moments[i])
			if err != nil {
				return nil, nil, err
			}
			layer, err := made.add(site.At(), correction, c.mode != repair.Auto)
			if err != nil {
				return nil, nil, err
			}
			record.Layers = append(record.Layers, layer)
		}
	}
	if c.mode == repair.Auto {
		return plan, &record, nil
	}
	payloads := map[*onnx.Tensor][]byte{}
	for _, t := range c.last.Tensors {
		if value, ok := made.values[t.ID()]; ok {
			payloads[t] = value
		}
	}
	return plan.Replacing(payloads), &record, nil
}

// changed reports for every site whether its output is not that of one of the models.
func (c *calibration) changed(ctx context.Context, plan *onnxmerge.Plan) ([]bool, error) {
	same, err := plan.Unchanged(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]bool, len(c.sites))
	for i := range c.sites {
		of := slices.Repeat([]bool{true}, len(plan.Models()))
		for t, equal := range same {
			if t.Scope == "" && !c.before[i][t.Name] {
				continue
			}
			for k := range of {
				of[k] = of[k] && equal[k]
			}
		}
		list[i] = !slices.Contains(of, true)
	}
	return list, nil
}

// correct returns what replaces tensors of a site, whose value has these moments in the merged model m.
func (c *calibration) correct(plan *onnxmerge.Plan, m *onnx.Model, at int, merged *repair.Moments,
) (*repair.Correction, error) {
	goal := repair.Goal{Source: plan.Source,
		Merged: func(t *onnx.Tensor) ([]float64, error) { return m.Lookup(t.ID()).Numbers() }}
	if c.mode != repair.Reset {
		var err error
		if goal.Coefficients, err = plan.Coefficients(c.sites[at].At().Of); err != nil {
			return nil, err
		}
		if goal.Coefficients == nil {
			return nil, fault.Mismatchf("the method %s has no coefficient of every model, by which the models' activations would "+
				"be mixed into a goal", plan.Method.Name).WithHint("reset the statistics with --repair-mode reset")
		}
		for i := range plan.Models() {
			goal.Measured = append(goal.Measured, c.ends[i][at])
		}
	}
	return c.sites[at].Correct(c.mode, goal, merged)
}
