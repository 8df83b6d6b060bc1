package repair

import (
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Mode says what is replaced, and by what.
type Mode string

// The modes.
const (
	Auto   Mode = "auto"   // affine; where operators normalise activations themselves, nothing: they are only measured
	Affine Mode = "affine" // mean and deviation
	Scale  Mode = "scale"  // the deviation alone
	Reset  Mode = "reset"  // running statistics become the measured ones as they are
)

// Check returns an error of kind Usage for unknown names. "" is [Auto].
func (m Mode) Check() error {
	switch m {
	case "", Auto, Affine, Scale, Reset:
		return nil
	}
	return fault.Usagef("there is no repair mode %q", string(m)).WithHint("there are auto, affine, scale and reset")
}

// The limits of q. They are a choice, not measured: an activation that is a thirtieth of its goal is taken for noise.
const (
	MinFactor = 1. / 30
	MaxFactor = 30.
)

// constant is the deviation, relative to that of comparison, below which a channel counts as constant on the data.
const constant = 1e-3

// Goal is what a site should have: the mixture of the models' own activations on the same data. Coefficients and
// Measured have one entry per model.
type Goal struct {
	Coefficients []float64
	Measured     []*Moments
	// Source returns a model's own numbers of a tensor of the written model, in that one's order.
	Source func(t *onnx.Tensor, model int) ([]float64, error)
	// Merged returns the merged model's numbers of a tensor.
	Merged func(t *onnx.Tensor) ([]float64, error)
}

// moments returns the mixture of means and of deviations of a channel.
func (g Goal) moments(channel int) (mean, deviation float64) {
	for k, w := range g.Coefficients {
		mean += w * g.Measured[k].Mean[channel]
		deviation += w * g.Measured[k].deviation(channel)
	}
	return mean, deviation
}

// Correction is what replaces tensors of a site.
type Correction struct {
	Replaced       []Replaced
	Factors        []float64 // q, the measured deviation divided by its goal, per channel
	Dead           []int     // channels that do not vary
	Floor, Ceiling []int     // channels whose q was limited
}

// Replaced is a tensor of the written model with other numbers.
type Replaced struct {
	Tensor *onnx.Tensor
	Values []float64
}

func (c *Correction) replace(t *onnx.Tensor, values []float64) {
	c.Replaced = append(c.Replaced, Replaced{t, values})
}

// factor returns q of a channel. A goal that is small against a deviation of comparison is none.
func (c *Correction) factor(channel int, sigma, goal, comparison float64) float64 {
	q := 1.
	switch {
	case sigma == 0 || goal < constant*comparison:
		c.Dead = append(c.Dead, channel)
	case sigma < MinFactor*goal:
		q = MinFactor
		c.Floor = append(c.Floor, channel)
	case sigma > MaxFactor*goal:
		q = MaxFactor
		c.Ceiling = append(c.Ceiling, channel)
	default:
		q = sigma / goal
	}
	c.Factors = append(c.Factors, q)
	return q
}

// Median returns the upper median of the factors.
func (c *Correction) Median() float64 {
	return slices.Sorted(slices.Values(c.Factors))[len(c.Factors)/2]
}
