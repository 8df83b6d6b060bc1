package metric

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Severities is the number of severities of a corruption in the ModelNet-C family.
const Severities = 5

// Robustness has the figures of a classifier under a whole suite of corruptions. The maps have one entry per
// corruption.
type Robustness struct {
	Clean float64            // OA on clean data
	OA    map[string]float64 // mean of the OA over the five severities
	CE    map[string]float64 // corruption error: error divided by the reference's error
	RCE   map[string]float64 // relative CE: loss of accuracy from clean, divided by the reference's loss

	MOA, MCE, RMCE float64 // means over the corruptions, without clean
}

// Official returns the figures as the suite's own evaluation prints them. With [RoundStages]
// (github.com/jiawei-ren/ModelNet-C, modelnetc_utils/eval.py) OA is rounded to three decimals first, CE and RCE are
// computed from rounded values and rounded, and the means are rounded means of rounded values. With [RoundEnd]
// (github.com/Roywangj/AdaptPoint, mCE_calculator.py) each figure is rounded once.
//
// clean is the OA on clean data, bySeverity the OA of each corruption at severities 1 to 5. A suite that is not whole
// is a [PartialError].
func (r Reference) Official(clean float64, bySeverity map[string][]float64) (Robustness, error) {
	if err := r.checkWhole(clean, bySeverity); err != nil {
		return Robustness{}, err
	}
	return r.official(clean, meansOf(bySeverity)), nil
}

// OfficialMeans returns the figures of [Reference.Official] if only the mean OA over the severities of each
// corruption is known, as in published tables.
func (r Reference) OfficialMeans(clean float64, oa map[string]float64) (Robustness, error) {
	if err := r.checkWhole(clean, repeated(oa)); err != nil {
		return Robustness{}, err
	}
	return r.official(clean, oa), nil
}

// Exact returns the same figures as [Reference.Official] without any rounding.
func (r Reference) Exact(clean float64, bySeverity map[string][]float64) (Robustness, error) {
	if err := r.checkWhole(clean, bySeverity); err != nil {
		return Robustness{}, err
	}
	return r.figures(clean, meansOf(bySeverity), unrounded), nil
}

// ExactMeans returns the same figures as [Reference.OfficialMeans] without any rounding.
func (r Reference) ExactMeans(clean float64, oa map[string]float64) (Robustness, error) {
	if err := r.checkWhole(clean, repeated(oa)); err != nil {
		return Robustness{}, err
	}
	return r.figures(clean, oa, unrounded), nil
}

// CorruptionErrors are the figures of one corruption.
type CorruptionErrors struct {
	OA  float64 // mean over the five severities
	CE  float64 // error divided by the reference's error
	RCE float64 // loss from clean, divided by the reference's loss
}

// OfficialCorruption returns the figures of one corruption of the suite, as [Reference.Official] computes them, also
// if the suite is not whole. oa has the five severities.
func (r Reference) OfficialCorruption(name string, clean float64, oa []float64) (CorruptionErrors, error) {
	if !slices.Contains(r.Corruptions, name) || !allShares(oa) || len(oa) != Severities || !allShares([]float64{clean}) {
		return CorruptionErrors{}, &PartialError{Reference: r.Name, Missing: []string{name}}
	}
	round := r.stage()
	c := r.corruption(name, round(clean), meanOf(oa), round)
	return CorruptionErrors{OA: Round3(c.OA), CE: Round3(c.CE), RCE: Round3(c.RCE)}, nil
}

func (r Reference) official(clean float64, oa map[string]float64) Robustness {
	res := r.figures(clean, oa, r.stage())
	res.Clean = Round3(res.Clean)
	for _, figures := range []map[string]float64{res.OA, res.CE, res.RCE} {
		for name, v := range figures {
			figures[name] = Round3(v)
		}
	}
	res.MOA, res.MCE, res.RMCE = Round3(res.MOA), Round3(res.MCE), Round3(res.RMCE)
	return res
}

// stage returns the rounding of a figure from which others are computed.
func (r Reference) stage() func(float64) float64 {
	if r.Rounding == RoundEnd {
		return unrounded
	}
	return Round3
}

func unrounded(x float64) float64 { return x }

// figures evaluates, with o the classifier's OA and ref the reference's,
//
//	CE  = (1 - o) / (1 - ref)
//	RCE = (clean - o) / (refClean - ref)
//
// applying stage to every figure as soon as it exists.
func (r Reference) figures(clean float64, means map[string]float64, stage func(float64) float64) Robustness {
	n := len(r.Corruptions)
	res := Robustness{
		Clean: stage(clean),
		OA:    make(map[string]float64, n),
		CE:    make(map[string]float64, n),
		RCE:   make(map[string]float64, n),
	}
	for _, name := range r.Corruptions {
		c := r.corruption(name, res.Clean, means[name], stage)
		res.OA[name], res.CE[name], res.RCE[name] = c.OA, c.CE, c.RCE
		res.MOA += c.OA
		res.MCE += c.CE
		res.RMCE += c.RCE
	}
	res.MOA = stage(res.MOA / float64(n))
	res.MCE = stage(res.MCE / float64(n))
	res.RMCE = stage(res.RMCE / float64(n))
	return res
}

func (r Reference) corruption(name string, clean, mean float64, stage func(float64) float64) (c CorruptionErrors) {
	c.OA = stage(mean)
	c.CE = stage((1 - c.OA) / (1 - r.OA[name]))
	c.RCE = stage((clean - c.OA) / (r.Clean - r.OA[name]))
	return c
}

// meanOf sums from left to right, as the suites' evaluations do.
func meanOf(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func meansOf(bySeverity map[string][]float64) map[string]float64 {
	means := make(map[string]float64, len(bySeverity))
	for name, oa := range bySeverity {
		means[name] = meanOf(oa)
	}
	return means
}

// repeated returns means in the form that checkWhole takes: five equal severities.
func repeated(means map[string]float64) map[string][]float64 {
	bySeverity := make(map[string][]float64, len(means))
	for name, v := range means {
		bySeverity[name] = slices.Repeat([]float64{v}, Severities)
	}
	return bySeverity
}

// PartialError reports that a figure of a whole suite cannot be computed from results of a part of it.
type PartialError struct {
	Reference string
	Missing   []string // what is missing or not a share: "clean" or corruptions
	Unknown   []string // corruptions that the suite does not have
}

func (e *PartialError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, "no accuracy between 0 and 1 at every severity for "+strings.Join(e.Missing, ", "))
	}
	if len(e.Unknown) > 0 {
		parts = append(parts, "not in the suite: "+strings.Join(e.Unknown, ", "))
	}
	return fmt.Sprintf("%s: needs the whole suite: %s", e.Reference, strings.Join(parts, "; "))
}

// addUnknown adds the names that are not in the suite.
func (e *PartialError) addUnknown(suite, names []string) {
	for _, name := range names {
		if !slices.Contains(suite, name) {
			e.Unknown = append(e.Unknown, name)
		}
	}
	slices.Sort(e.Unknown)
}

func (e *PartialError) orNil() error {
	if len(e.Missing)+len(e.Unknown) == 0 {
		return nil
	}
	return e
}

func (r Reference) checkWhole(clean float64, bySeverity map[string][]float64) error {
	e := &PartialError{Reference: r.Name}
	if !allShares([]float64{clean}) {
		e.Missing = append(e.Missing, "clean")
	}
	for _, name := range r.Corruptions {
		if oa := bySeverity[name]; len(oa) != Severities || !allShares(oa) {
			e.Missing = append(e.Missing, name)
		}
	}
	e.addUnknown(r.Corruptions, slices.Collect(maps.Keys(bySeverity)))
	return e.orNil()
}

// allShares reports whether every value lies in 0..1; NaN does not.
func allShares(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return !(v >= 0 && v <= 1) })
}

// Round3 rounds to three decimals as Python's round(x, 3) does: the exact binary
// value is rounded correctly, so 1.0005, which lies a little below its decimal, gives
// 1. floor(x*1000 + 0.5) would not.
func Round3(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	y, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', 3, 64), 64)
	if err != nil {
		panic("metric: a formatted number does not parse")
	}
	return y
}
