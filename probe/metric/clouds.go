package metric

import (
	"maps"
	"slices"
)

// CloudFigures has each cloud's contribution to the exact figures of a suite. The mean over the clouds is the figure,
// because all figures are linear in the answers. A suite shows the same clouds under every corruption, so that
// conditions are not independent but clouds are. Differences of two models' contributions are the input of
// [MeanInterval] and [SignFlip].
type CloudFigures struct {
	Clean          []float64            // 1 if correct on clean data, else 0
	OA             map[string][]float64 // share of the five severities that is correct
	MOA, MCE, RMCE []float64

	// mCE is errorScale times a mean share, RmCE is lossScale times (clean - a mean share).
	errorScale, lossScale float64
	signed                bool // a weight of that mean share is negative
}

// FigureIntervals are confidence intervals of a model's exact figures.
type FigureIntervals struct {
	OA             map[string]Interval
	MOA, MCE, RMCE Interval
}

// Intervals returns the intervals of the figures: of OA, mOA and mCE by [ShareInterval]; of RmCE by
// [ShareDifferenceInterval], since it is a constant times the difference between the accuracy on clean and on
// corrupted data. If the reference loses nothing under a corruption, the interval of RmCE is by [MeanInterval].
func (f CloudFigures) Intervals(level float64) FigureIntervals {
	res := FigureIntervals{
		OA:   make(map[string]Interval, len(f.OA)),
		MOA:  ShareInterval(f.MOA, level),
		MCE:  ShareInterval(scaled(f.MCE, 1/f.errorScale), level).times(f.errorScale),
		RMCE: MeanInterval(f.RMCE, level),
	}
	for name, oa := range f.OA {
		res.OA[name] = ShareInterval(oa, level)
	}
	if !f.signed {
		left := Differences(f.Clean, scaled(f.RMCE, 1/f.lossScale))
		res.RMCE = ShareDifferenceInterval(f.Clean, left, level).times(f.lossScale)
	}
	return res
}

func (i Interval) times(factor float64) Interval { return Interval{factor * i.Low, factor * i.High} }

func scaled(values []float64, factor float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = factor * v
	}
	return out
}

// Clouds returns the contribution of each cloud to the figures of [Reference.Exact]. clean and bySeverity have the
// correctness of each cloud's answer, in the same order. A suite that is not whole is a [PartialError].
func (r Reference) Clouds(clean []bool, bySeverity map[string][][]bool) (CloudFigures, error) {
	if err := r.checkClouds(len(clean), bySeverity); err != nil {
		return CloudFigures{}, err
	}
	n := len(clean)
	f := CloudFigures{
		Clean: make([]float64, n), OA: make(map[string][]float64, len(r.Corruptions)),
		MOA: make([]float64, n), MCE: make([]float64, n), RMCE: make([]float64, n),
	}
	count(f.Clean, clean, 1)
	share := 1 / float64(len(r.Corruptions))
	for _, name := range r.Corruptions {
		f.errorScale += share / (1 - r.OA[name])
		f.lossScale += share / (r.Clean - r.OA[name])
		f.signed = f.signed || r.OA[name] >= r.Clean
		oa := make([]float64, n)
		for _, right := range bySeverity[name] {
			count(oa, right, 1.0/Severities)
		}
		for i, o := range oa {
			f.MOA[i] += share * o
			f.MCE[i] += share * (1 - o) / (1 - r.OA[name])
			f.RMCE[i] += share * (f.Clean[i] - o) / (r.Clean - r.OA[name])
		}
		f.OA[name] = oa
	}
	return f, nil
}

func (r Reference) checkClouds(n int, bySeverity map[string][][]bool) error {
	e := &PartialError{Reference: r.Name}
	for _, name := range r.Corruptions {
		cells := bySeverity[name]
		short := slices.ContainsFunc(cells, func(right []bool) bool { return len(right) != n })
		if len(cells) != Severities || short {
			e.Missing = append(e.Missing, name)
		}
	}
	e.addUnknown(r.Corruptions, slices.Collect(maps.Keys(bySeverity)))
	return e.orNil()
}

// count adds value to dst where right is true.
func count(dst []float64, right []bool, value float64) {
	for i, ok := range right {
		if ok {
			dst[i] += value
		}
	}
}

// Differences returns a - b, element by element.
func Differences(a, b []float64) []float64 {
	if len(a) != len(b) {
		panic("metric: two models answered different samples")
	}
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}
