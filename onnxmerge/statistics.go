package onnxmerge

import (
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

// Statistics says how running variances of BatchNormalizations are mixed. Two networks' activations have deviations
// that add up, where both respond alike: a channel whose weights are the mix of w0 and w1 has about the mix of the
// deviations s0 and s1. The mix of the variances is larger, by ((1-a) s0^2 + a s1^2) / ((1-a) s0 + a s1)^2, so that a
// linear mix of variances divides activations by too much, layer after layer.
type Statistics string

// The ways.
const (
	Linear     Statistics = "linear" // as all other tensors
	Deviations Statistics = "std"    // the square of the mixed square roots, with the method's coefficients
)

// check refuses unknown names, and deviations with a method that has no coefficients. Errors are of kind Usage.
func (s Statistics) check(how method.Method) error {
	switch s {
	case "", Linear:
		return nil
	case Deviations:
		if how.Combines {
			return nil
		}
		return fault.Usagef("the method %s has no coefficients of the models, by which deviations could be mixed", how.Name).
			WithHint("norm statistics %q go with %s", Deviations, strings.Join(combining(), ", "))
	}
	return fault.Usagef("there are no norm statistics %q", string(s)).WithHint("there are linear and std")
}

// WithDeviations returns the plan with running variances mixed by [Deviations]: the plan itself if the method has no
// coefficients, or if none is merged.
func (p *Plan) WithDeviations() (*Plan, error) {
	merged := func(d decision) bool { return d.Action == Merge && d.isVariance }
	if !p.Method.Combines || !slices.ContainsFunc(p.planner.decisions, merged) {
		return p, nil
	}
	q := *p.planner
	q.opt.Statistics = Deviations
	if err := q.findShrink(); err != nil {
		return nil, err
	}
	return q.plan(), nil
}

// combining returns the names of the methods that have coefficients.
func combining() (names []string) {
	for _, m := range method.All() {
		if m.Combines {
			names = append(names, m.Name)
		}
	}
	return names
}

// recorded returns the value as results and keys have it: "" for linear.
func (s Statistics) recorded() Statistics {
	if s == Linear {
		return ""
	}
	return s
}

// deviations returns the Mixer that mixes square roots and squares the result. Elements that all models share stay as
// they are. A negative mix gives a negative result, which is replaced by 0 as others are.
func deviations(m method.Mixer) method.Mixer {
	if m.Copy {
		return m
	}
	return method.Mixer{Granule: m.Granule, Mix: func(dst []float64, src [][]float64, off int64) {
		first := slices.Clone(src[0][:len(dst)])
		shared := make([]bool, len(dst))
		for i, v := range first {
			shared[i] = !slices.ContainsFunc(src[1:], func(x []float64) bool { return x[i] != v })
			for _, x := range src {
				x[i] = math.Sqrt(max(0, x[i]))
			}
		}
		m.Mix(dst, src, off)
		for i, s := range dst {
			if dst[i] = s * math.Abs(s); shared[i] {
				dst[i] = first[i]
			}
		}
	}}
}
