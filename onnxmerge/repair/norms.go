package repair

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Norm is a BatchNormalization in the main graph of the written model, whose running statistics are merged.
type Norm struct {
	place                 Place
	scale, mean, variance *onnx.Tensor
	epsilon               float64 // of the written graph
}

// At implements [Site].
func (n *Norm) At() Place { return n.place }

// defaultEpsilon is ONNX's default of BatchNormalization.epsilon.
const defaultEpsilon = 1e-5

// findNorms returns the BatchNormalizations whose statistics are merged, and a line for each of the others.
func findNorms(m *onnx.Model, merged map[string]bool) (sites []Site, kept []string, err error) {
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		if n.Op() != "BatchNormalization" || len(n.Inputs) < 5 || len(n.Outputs) == 0 {
			continue
		}
		if slices.Equal(n.Ints["training_mode"], []int64{1}) || hasFurtherOutputs(n) {
			return nil, nil, fault.Mismatchf("BatchNormalization %q is in training mode: it has no use for running statistics",
				n.Outputs[0]).WithHint("export the model in evaluation mode")
		}
		x, reason := newNorm(m, n)
		if reason == "" && !(merged[x.mean.ID()] && merged[x.variance.ID()]) {
			reason = "its running statistics are not merged"
		}
		if reason != "" {
			kept = append(kept, unused(n.Outputs[0], reason))
			continue
		}
		x.place.node = i
		sites = append(sites, x)
	}
	return sites, kept, nil
}

// newNorm reads one operator; the reason is "" if its statistics are tensors of one number per channel.
func newNorm(m *onnx.Model, n *onnx.Node) (*Norm, string) {
	x := &Norm{epsilon: epsilon(n), scale: flow.Tensor(m, m.Graph, n.Inputs[1]),
		mean: flow.Tensor(m, m.Graph, n.Inputs[3]), variance: flow.Tensor(m, m.Graph, n.Inputs[4])}
	if x.scale == nil || x.mean == nil || x.variance == nil {
		return x, "its statistics are computed"
	}
	x.place = Place{Name: n.Outputs[0], Value: n.Inputs[0], Channels: int(x.variance.Len()), Of: x.variance}
	if x.mean.Len() != x.variance.Len() || x.scale.Len() != x.variance.Len() || x.variance.Len() == 0 {
		return x, "its statistics are not of one length"
	}
	return x, ""
}

func epsilon(n *onnx.Node) float64 {
	if e, ok := n.Floats["epsilon"]; ok {
		return float64(e)
	}
	return defaultEpsilon
}

// negativeGoal is the reason why no goal exists.
const negativeGoal = "the coefficients of the models give channel %d of %q a negative deviation as its goal: " +
	"beyond the models (extrapolation, several task vectors of weight 1) there is no goal"

// Correct implements [Site] by the formula of the package for the input of a normalisation.
func (n *Norm) Correct(mode Mode, goal Goal, merged *Moments) (*Correction, error) {
	if mode == Reset {
		return n.reset(merged), nil
	}
	stored, err := goal.stored(n.mean, n.variance)
	if err != nil {
		return nil, err
	}
	c := &Correction{}
	var mean, variance, scale []float64
	for i := range merged.Mean {
		gm, gs := goal.moments(i)
		var rm, deviation float64
		for k, w := range goal.Coefficients {
			rm += w * stored[k].mean[i]
			deviation += w * math.Sqrt(max(0, stored[k].variance[i])+n.epsilon)
		}
		if gs < 0 || deviation <= 0 {
			return nil, fault.Mismatchf(negativeGoal, i, n.place.Name).
				WithHint("reset the statistics with --repair-mode reset")
		}
		q := c.factor(i, merged.deviation(i), gs, deviation)
		mean = append(mean, merged.Mean[i]-(gm-rm)*q)
		v := deviation*deviation*q*q - n.epsilon
		variance = append(variance, max(v, 0))
		if v < 0 {
			if scale == nil {
				scale = slices.Repeat([]float64{1}, len(merged.Mean))
			}
			scale[i] = math.Sqrt(n.epsilon) / (deviation * q)
		}
	}
	if mode == Affine {
		c.replace(n.mean, mean)
	}
	c.replace(n.variance, variance)
	return c, n.rescale(c, goal, scale)
}

// rescale multiplies the merged scale by factors; nil are all 1.
func (n *Norm) rescale(c *Correction, goal Goal, factors []float64) error {
	if factors == nil {
		return nil
	}
	scale, err := goal.Merged(n.scale)
	if err != nil {
		return err
	}
	for i := range scale {
		scale[i] *= factors[i]
	}
	c.replace(n.scale, scale)
	return nil
}

// reset returns the measured statistics themselves.
func (n *Norm) reset(merged *Moments) *Correction {
	c := &Correction{}
	var variance []float64
	for i := range merged.Mean {
		s := merged.deviation(i)
		variance, c.Factors = append(variance, s*s), append(c.Factors, 1)
		if s == 0 {
			c.Dead = append(c.Dead, i)
		}
	}
	c.replace(n.mean, slices.Clone(merged.Mean))
	c.replace(n.variance, variance)
	return c
}

// statistics are the running ones of one model.
type statistics struct{ mean, variance []float64 }

// stored returns every model's own running statistics.
func (g Goal) stored(mean, variance *onnx.Tensor) (list []statistics, err error) {
	for k := range g.Coefficients {
		var s statistics
		if s.mean, err = g.Source(mean, k); err != nil {
			return nil, err
		}
		if s.variance, err = g.Source(variance, k); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}
