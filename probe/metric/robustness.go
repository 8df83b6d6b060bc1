package metric

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Severities is the number of severities of a corruption in the ModelNet-C family.
const Severities = 5

// Robustness is how a classifier holds up under a whole suite of corruptions. The
// maps have one entry per corruption.
type Robustness struct {
	Clean float64            // OA on clean data
	OA    map[string]float64 // mean of the OA over the five severities
	CE    map[string]float64 // corruption error: error against the reference's error
	RCE   map[string]float64 // relative CE: loss against clean, against the reference's loss

	MOA, MCE, RMCE float64 // means over the corruptions; clean does not count
}

// Official returns the figures as the suite's own evaluation prints them, with its
// staged rounding (github.com/jiawei-ren/ModelNet-C, modelnetc_utils/eval.py): OA is
// rounded to three decimals first, CE and RCE come from rounded values and are
// rounded themselves, and the means are rounded means of rounded values.
//
// clean is the OA on clean data, bySeverity the OA of each corruption at severities 1
// to 5. A suite that is not whole is refused with a [PartialError].
func (r Reference) Official(clean float64, bySeverity map[string][]float64) (Robustness, error) {
	return r.robustness(clean, bySeverity, Round3)
}

// Exact returns the same figures as [Reference.Official] without any rounding.
func (r Reference) Exact(clean float64, bySeverity map[string][]float64) (Robustness, error) {
	return r.robustness(clean, bySeverity, func(x float64) float64 { return x })
}

// robustness evaluates, with o the classifier's OA and ref the reference's,
//
//	CE  = (1 - o) / (1 - ref)
//	RCE = (clean - o) / (refClean - ref)
//
// rounding every figure as soon as it exists.
func (r Reference) robustness(
	clean float64, bySeverity map[string][]float64, round func(float64) float64,
) (Robustness, error) {
	if err := r.checkWhole(clean, bySeverity); err != nil {
		return Robustness{}, err
	}
	n := len(r.Corruptions)
	res := Robustness{
		Clean: round(clean),
		OA:    make(map[string]float64, n),
		CE:    make(map[string]float64, n),
		RCE:   make(map[string]float64, n),
	}
	for _, name := range r.Corruptions {
		oa, ce, rce := r.corruption(name, res.Clean, bySeverity[name], round)
		res.OA[name], res.CE[name], res.RCE[name] = oa, ce, rce
		res.MOA += oa
		res.MCE += ce
		res.RMCE += rce
	}
	res.MOA = round(res.MOA / float64(n))
	res.MCE = round(res.MCE / float64(n))
	res.RMCE = round(res.RMCE / float64(n))
	return res, nil
}

// OfficialCorruption returns the three figures of one corruption of the suite, as
// [Reference.Official] computes them, so that they can be told where the suite is not
// whole. oa has the five severities.
func (r Reference) OfficialCorruption(name string, clean float64, oa []float64) (mean, ce, rce float64, err error) {
	if !slices.Contains(r.Corruptions, name) || !allShares(oa) || len(oa) != Severities || !allShares([]float64{clean}) {
		return 0, 0, 0, &PartialError{Reference: r.Name, Missing: []string{name}}
	}
	mean, ce, rce = r.corruption(name, Round3(clean), oa, Round3)
	return mean, ce, rce, nil
}

func (r Reference) corruption(
	name string, clean float64, bySeverity []float64, round func(float64) float64,
) (oa, ce, rce float64) {
	sum := 0.0
	for _, v := range bySeverity {
		sum += v
	}
	oa = round(sum / Severities)
	ce = round((1 - oa) / (1 - r.OA[name]))
	rce = round((clean - oa) / (r.Clean - r.OA[name]))
	return oa, ce, rce
}

// PartialError says that figures of a whole suite were asked of a part of it.
type PartialError struct {
	Reference string
	Missing   []string // what is missing or not a share: "clean" or corruptions
	Unknown   []string // corruptions that the suite does not have
}

func (e *PartialError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, "no share of right answers at every severity for "+strings.Join(e.Missing, ", "))
	}
	if len(e.Unknown) > 0 {
		parts = append(parts, "not in the suite: "+strings.Join(e.Unknown, ", "))
	}
	return fmt.Sprintf("%s: needs the whole suite: %s", e.Reference, strings.Join(parts, "; "))
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
	for name := range bySeverity {
		if !slices.Contains(r.Corruptions, name) {
			e.Unknown = append(e.Unknown, name)
		}
	}
	slices.Sort(e.Unknown)
	if len(e.Missing)+len(e.Unknown) > 0 {
		return e
	}
	return nil
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
