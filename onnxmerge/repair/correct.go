package repair

import (
	"math"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
)

// Mode says which statistics are replaced, and by what.
type Mode string

// The modes.
const (
	Auto   Mode = "auto"   // affine
	Affine Mode = "affine" // mean and variance, by the formula of the package
	Scale  Mode = "scale"  // the variance alone
	Reset  Mode = "reset"  // the measured mean and variance as they are
)

// Resolve returns the mode that is used for BatchNormalizations; "" is [Auto]. Unknown names are an error of kind Usage.
func (m Mode) Resolve() (Mode, error) {
	switch m {
	case "", Auto:
		return Affine, nil
	case Affine, Scale, Reset:
		return m, nil
	}
	return "", fault.Usagef("there is no repair mode %q", string(m)).WithHint("there are auto, affine, scale and reset")
}

// The limits of q. They are a choice, not measured: an activation that is a thirtieth of its goal is taken for noise.
const (
	MinFactor = 1. / 30
	MaxFactor = 30.
)

// constant is the deviation, relative to the stored one, below which a channel counts as constant on the data.
const constant = 1e-3

// Stored are the running statistics of one model.
type Stored struct {
	Mean, Variance []float64
	Epsilon        float64
}

// Goal is what the output of a norm should have: a mixture of the models' outputs. The slices have one entry per model.
type Goal struct {
	Coefficients []float64
	Stored       []Stored
	Measured     []*Moments
}

// Correction is what replaces a norm's statistics.
type Correction struct {
	Mean, Variance []float64
	Scale          []float64 // factors of its scale; nil if all are 1
	Factors        []float64 // q, per channel
	Dead           []int     // channels that do not vary
	Floor, Ceiling []int     // channels whose q was limited
}

// negativeGoal is the reason why no goal exists.
const negativeGoal = "the coefficients of the models give channel %d of %q a negative deviation as its goal: " +
	"beyond the models (extrapolation, several task vectors of weight 1) there is no goal"

// Correct returns the statistics of a norm from the moments of its input in the merged model, in which all norms before
// it are corrected. A goal that does not exist is an error of kind Mismatch. mode is [Affine] or [Scale].
func Correct(n Norm, mode Mode, goal Goal, merged *Moments) (*Correction, error) {
	c := &Correction{}
	for i := range merged.Mean {
		var gm, gs, rm, deviation float64
		for k, w := range goal.Coefficients {
			own := goal.Stored[k]
			gm += w * goal.Measured[k].Mean[i]
			gs += w * goal.Measured[k].deviation(i)
			rm += w * own.Mean[i]
			deviation += w * math.Sqrt(max(0, own.Variance[i])+own.Epsilon)
		}
		if gs < 0 || deviation <= 0 {
			return nil, fault.Mismatchf(negativeGoal, i, n.Name).WithHint("reset the statistics with --repair-mode reset")
		}
		q := c.factor(i, merged.deviation(i), gs, deviation)
		variance := deviation*deviation*q*q - n.Epsilon
		c.Variance = append(c.Variance, max(variance, 0))
		if mode == Affine {
			c.Mean = append(c.Mean, merged.Mean[i]-(gm-rm)*q)
		}
		if variance < 0 {
			if c.Scale == nil {
				c.Scale = slices.Repeat([]float64{1}, len(merged.Mean))
			}
			c.Scale[i] = math.Sqrt(n.Epsilon) / (deviation * q)
		}
	}
	return c, nil
}

// factor returns q of a channel.
func (c *Correction) factor(channel int, sigma, goal, stored float64) float64 {
	q := 1.
	switch {
	case sigma == 0 || goal < constant*stored:
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

// ResetTo returns the measured statistics themselves. Channels that do not vary get the variance 0.
func ResetTo(merged *Moments) *Correction {
	c := &Correction{Mean: slices.Clone(merged.Mean)}
	for i := range merged.Mean {
		s := merged.deviation(i)
		c.Variance, c.Factors = append(c.Variance, s*s), append(c.Factors, 1)
		if s == 0 {
			c.Dead = append(c.Dead, i)
		}
	}
	return c
}

// Median returns the upper median of the factors.
func (c *Correction) Median() float64 {
	return slices.Sorted(slices.Values(c.Factors))[len(c.Factors)/2]
}
