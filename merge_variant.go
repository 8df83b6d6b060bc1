package wiseft

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// mergeVariant is a merge with its own parameters, made in memory when it is needed. It keeps no plan of its own,
// so that a thousand variants take no memory.
type mergeVariant struct {
	point  []result.Param
	params method.Params // with those that all variants share
	base   *onnxmerge.Plan
	// statistics is the rule of running statistics, if it is not that of the path.
	statistics string
	inputs     models
	last       *Model      // whose file is written
	cut        onnx.Change // removes what follows the measured tensor
	classes    int         // scores of the own head behind the measured tensor; 0 is none
	merge      MergeOptions
	paths      []string // of the models
	monitor    Monitor
	most       int64 // size in bytes up to which the model is made in memory
}

// chosenModel is the output of the command lines of variants.
const chosenModel = "chosen.onnx"

// command returns the command line that writes the model.
func (v mergeVariant) command() string {
	v.merge.Params = v.params
	return v.merge.Command(v.paths, chosenModel)
}

// plan returns the plan with the variant's parameters.
func (v mergeVariant) plan() (*onnxmerge.Plan, error) {
	p, err := v.base.With(v.params)
	if err != nil {
		return nil, err
	}
	return p, p.Err()
}

// ID implements bench.Variant.
func (v mergeVariant) ID() string {
	var parts []string
	for _, p := range v.point {
		parts = append(parts, p.Name+"="+strconv.FormatFloat(p.Value, 'g', -1, 64))
	}
	if v.statistics != "" {
		parts = append(parts, v.statistics)
	}
	return strings.Join(parts, " ")
}

// About implements bench.Variant.
func (v mergeVariant) About() bench.About {
	_, merged := v.base.Count(onnxmerge.Merge)
	return bench.About{Params: v.point, Statistics: v.statistics, Command: v.command(), Merged: merged}
}

// Key implements bench.Variant.
func (v mergeVariant) Key(ctx context.Context) (string, error) {
	plan, err := v.plan()
	if err != nil {
		return "", err
	}
	return plan.Key(ctx)
}

// spareBytes is room in a buffer for what a written model has more than the file that it is written from. A buffer that
// is one byte too small grows to twice its size.
const spareBytes = 64 << 10

// Model implements bench.Variant. The SHA-256 is that of the whole merged model, as Merge writes it without provenance;
// what follows the measured tensor is then removed as was found once for all variants.
func (v mergeVariant) Model(ctx context.Context, _ string) (m bench.Model, err error) {
	plan, err := v.plan()
	if err != nil {
		return m, err
	}
	return v.write(ctx, plan)
}

// write makes the model of a plan.
func (v mergeVariant) write(ctx context.Context, plan *onnxmerge.Plan) (m bench.Model, err error) {
	if m.Scores = v.classes; m.Scores > 0 {
		m.Tensor = surgery.FeaturesAndScores
	}
	m.SizeBytes = weightBytes(v.last.Model)
	if m.SizeBytes > v.most {
		return v.writeFiles(ctx, plan, m)
	}
	var whole, cut bytes.Buffer
	whole.Grow(int(v.last.SizeBytes()) + spareBytes)
	made, err := onnxmerge.Run(ctx, &whole, plan, nil)
	if err != nil {
		return m, err
	}
	if err := v.checkMade(made); err != nil {
		return m, err
	}
	if v.cut.IsZero() {
		m.ONNX.Bytes = whole.Bytes()
		return m, nil
	}
	sum := sha256.Sum256(whole.Bytes())
	m.SHA256 = hex.EncodeToString(sum[:])
	cut.Grow(whole.Len() + spareBytes)
	err = v.last.WriteCopyChanged(ctx, &cut, whole.Bytes(), v.cut)
	m.ONNX.Bytes = cut.Bytes()
	return m, err
}

// checkMade returns an error if a file changed while it was merged, and notes what was clamped.
func (v mergeVariant) checkMade(made *onnxmerge.Result) error {
	for _, clamped := range made.Clamped {
		v.monitor.note(v.ID() + ": " + describeClamped(clamped))
	}
	return v.inputs.checkUnchanged()
}

// writeFiles makes the model of a plan in a folder of its own, without what follows the measured tensor. The hash is that
// of what is written.
func (v mergeVariant) writeFiles(ctx context.Context, plan *onnxmerge.Plan, m bench.Model) (bench.Model, error) {
	files, err := writeScratch(func(out onnx.Output, opt onnx.WriteOptions) ([]onnx.File, error) {
		opt.Change = v.cut
		made, err := onnxmerge.Write(ctx, out, plan, onnxmerge.WriteOptions{WriteOptions: opt}, nil)
		if err != nil {
			return nil, err
		}
		return made.Data, v.checkMade(made)
	})
	if err != nil {
		return m, err
	}
	m.ONNX, m.SHA256, m.SizeBytes, m.Release = files.source, files.sha256, files.size, files.scratch.Remove
	return m, nil
}

// repairedVariant is a merge with repaired statistics.
type repairedVariant struct {
	mergeVariant
	samples *calibration
	changed []bool // by site: see [calibration.changed]
}

// ID implements bench.Variant.
func (v repairedVariant) ID() string { return v.mergeVariant.ID() + " repaired" }

// About implements bench.Variant.
func (v repairedVariant) About() bench.About {
	v.merge.Repair = &v.samples.opt
	about := v.mergeVariant.About()
	about.Repaired = true
	return about
}

// Key implements bench.Variant.
func (v repairedVariant) Key(ctx context.Context) (string, error) {
	key, err := v.mergeVariant.Key(ctx)
	if err != nil {
		return "", err
	}
	return v.samples.key(key)
}

// Model implements bench.Variant.
func (v repairedVariant) Model(ctx context.Context, _ string) (m bench.Model, err error) {
	plan, err := v.plan()
	if err != nil {
		return m, err
	}
	if plan, _, err = v.samples.repairSites(ctx, plan, v.changed); err != nil {
		return m, err
	}
	return v.write(ctx, plan)
}

// appendDeviations appends the variant whose running variances are mixed as standard deviations by a plan, unless it is
// the same model.
func (v mergeVariant) appendDeviations(ctx context.Context, list []bench.Variant, plan *onnxmerge.Plan,
) ([]bench.Variant, error) {
	other := v
	other.base, other.statistics, other.merge.Statistics = plan, string(onnxmerge.Deviations), onnxmerge.Deviations
	keys := [2]string{}
	for i, x := range []mergeVariant{v, other} {
		var err error
		if keys[i], err = x.Key(ctx); err != nil {
			return nil, err
		}
	}
	isEnd := len(v.point) == 1 && (v.point[0].Value == 0 || v.point[0].Value == 1)
	if keys[0] == keys[1] || isEnd && v.point[0].Name == result.Alpha {
		return list, nil
	}
	return append(list, other), nil
}
