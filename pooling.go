package wiseft

import (
	"cmp"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/feature"
)

// Pooling says how a tensor with more axes than batch and features becomes one row of features a sample.
type Pooling = probe.Pooling

// checkProbed refuses a pooling whose features no probe takes.
func checkProbed(p Pooling) error {
	if p.Mode == probe.PoolNone {
		return fault.Usagef("--pool none keeps several axes, and a probe takes one row of features a sample").
			WithHint("choose mean, max, cls, last or flatten, or score the outputs with --score COMMAND")
	}
	return p.Check()
}

// pool returns how a tensor is pooled before the probe: as its features were, or as the options say where that is not
// recorded.
func (o AttachOptions) pool(m *onnx.Model, tensor string, fitted *feature.Pool) (*surgery.Pool, error) {
	given := o.Pool
	if err := checkProbed(given); err != nil {
		return nil, err
	}
	if fitted == nil && given.Mode != "" {
		fitted = &feature.Pool{Mode: given.Mode, FeatureAxis: given.FeatureAxis, Axes: len(m.Graph.Value(tensor).Shape),
			Mask: strings.TrimPrefix(given.Mask, probe.NoMask)}
		if given.Mode != probe.PoolFlatten && (fitted.FeatureAxis == 0 || fitted.Axes == 0) {
			return nil, fault.Usagef("the probe does not say how its features were pooled: name the axis with --feature-axis, of a "+
				"tensor whose shape the model declares (%q has %d axes)", tensor, fitted.Axes)
		}
	}
	if fitted == nil {
		return nil, nil
	}
	if given.Mode != "" && (given.Mode != fitted.Mode || given.FeatureAxis > 0 && given.FeatureAxis != fitted.FeatureAxis) {
		return nil, fault.Mismatchf("the probe was fitted on features pooled by %s, and --pool %s is given", fitted, given.Mode)
	}
	if given.Mask != "" && strings.TrimPrefix(given.Mask, probe.NoMask) != fitted.Mask {
		return nil, fault.Mismatchf("the probe was fitted on features pooled by %s, and --pool-mask %s is given", fitted, given.Mask)
	}
	switch fitted.Mode {
	case probe.PoolFlatten:
		return nil, nil
	case probe.PoolNone:
		return nil, fault.Mismatchf("the probe was fitted on features with several axes, which no head of a model takes")
	}
	p := &surgery.Pool{Mode: fitted.Mode, FeatureAxis: fitted.FeatureAxis, Axes: fitted.Axes}
	p.Mask, p.InvertMask = strings.CutPrefix(fitted.Mask, "!")
	return p, nil
}

// batchAxis returns the axis of a tensor that has a row for every sample, as the names of axes say, or else the fitted
// features' one.
func batchAxis(m *onnx.Model, tensor string, fitted int) (int, error) {
	inputs, err := modelInputs(m, tensor)
	if err != nil {
		return 0, err
	}
	return cmp.Or(probe.BatchAxis(axisNames(m.Graph.Value(tensor)), inputs), fitted), nil
}

// pooled says how a tensor is made from positions such as tokens; "" if it is not known, or it is pooled here.
func (o *MeasureOptions) pooled(m *onnx.Model, tensor string) string {
	if o.Pool != (probe.Pooling{}) {
		return ""
	}
	return surgery.Positions(m, tensor)
}
