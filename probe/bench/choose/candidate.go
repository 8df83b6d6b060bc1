package choose

import (
	"math"
	"math/big"
	"strconv"

	"github.com/wiseft/wiseft/probe/metric"
)

// level is the confidence level at which two mixes differ measurably.
const level = 0.95

// Candidate is a model with its answers on the validation data that chooses. All candidates answer the same samples.
type Candidate struct {
	Params []float64 // of the mix, such as alpha; none if the model is not a mix
	Vals   []Answers // by validation set; nil = unknown
}

// Answers are a model's answers on a validation set.
type Answers struct {
	Right []bool // by clean sample
	// Corrupted is under how many of Conditions conditions each sample is right; nil = not measured.
	Corrupted  []int
	Conditions int
	// Scores are figures of the user's own, which take the place of accuracies; nil = accuracies count.
	Scores *Scores
}

// Scores are a model's scores on a validation set: any finite numbers of which the higher one is better.
type Scores struct {
	Clean     float64
	Corrupted *float64 // the mean over all conditions; nil = not measured
	// Samples are the parts of every sample in Clean and Corrupted, which are their means; nil = not known.
	CleanSamples, CorruptedSamples []float64
}

// OA returns the clean accuracy or score, the mean over the validation sets; NaN without one.
func (c Candidate) OA() float64 { return c.mean(clean) }

// Robustness returns the accuracy or score over all conditions, the mean over the validation sets; NaN if it was not measured.
func (c Candidate) Robustness() float64 { return c.mean(corrupted) }

// figure is what candidates are compared by.
type figure int

const (
	clean figure = iota
	corrupted
)

// count returns what a sample contributes to a figure of a validation set, and the largest such number.
func (f figure) count(a Answers, i int) (part, of int) {
	switch {
	case f == corrupted && a.Corrupted == nil:
		return 0, 0
	case f == corrupted:
		return a.Corrupted[i], a.Conditions
	case a.Right[i]:
		return 1, 1
	}
	return 0, 1
}

// exact returns a figure of a validation set as a ratio; nil if it is not defined.
func (f figure) exact(a Answers) *big.Rat {
	if a.Scores != nil {
		return f.score(a.Scores)
	}
	count, all := int64(0), int64(0)
	for i := range a.Right {
		part, of := f.count(a, i)
		count, all = count+int64(part), all+int64(of)
	}
	if all == 0 {
		return nil
	}
	return big.NewRat(count, all)
}

func (f figure) score(s *Scores) *big.Rat {
	switch {
	case f == clean:
		return new(big.Rat).SetFloat64(s.Clean)
	case s.Corrupted == nil:
		return nil
	}
	return new(big.Rat).SetFloat64(*s.Corrupted)
}

// parts returns what every sample contributes to a figure of a validation set, which is their mean; nil if that is not
// known.
func (f figure) parts(a Answers) []float64 {
	switch {
	case a.Scores != nil && f == clean:
		return a.Scores.CleanSamples
	case a.Scores != nil:
		return a.Scores.CorruptedSamples
	}
	parts := make([]float64, len(a.Right))
	for i := range parts {
		part, of := f.count(a, i)
		parts[i] = float64(part) / float64(max(1, of))
	}
	return parts
}

func (c Candidate) mean(f figure) float64 {
	exact := c.exact(f)
	if exact == nil {
		return math.NaN()
	}
	v, _ := exact.Float64()
	return v
}

// exact returns a figure as a ratio of counts, so that equal counts compare as equal; nil if it is not defined.
func (c Candidate) exact(f figure) *big.Rat {
	if len(c.Vals) == 0 {
		return nil
	}
	sum := new(big.Rat)
	for _, a := range c.Vals {
		v := f.exact(a)
		if v == nil {
			return nil
		}
		sum.Add(sum, v)
	}
	return sum.Quo(sum, big.NewRat(int64(len(c.Vals)), 1))
}

// asRatio returns a share as the decimal number that it was written as.
func asRatio(share float64) *big.Rat {
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(share, 'g', 12, 64))
	return r
}

// highest returns the index of the highest figure, the first of equals.
func highest(list []Candidate, f figure) int {
	best, top := 0, list[0].exact(f)
	for i := range list {
		if v := list[i].exact(f); v != nil && (top == nil || v.Cmp(top) > 0) {
			best, top = i, v
		}
	}
	return best
}

// paired returns the mean of the difference of a figure of two candidates, a - b, and its standard error, from the
// differences of every sample: 0 for scores without those. Validation sets are independent and count alike.
func paired(a, b Candidate, f figure) (mean, deviation float64) {
	variance, sets := 0.0, float64(len(a.Vals))
	for s := range a.Vals {
		of, than := f.parts(a.Vals[s]), f.parts(b.Vals[s])
		if of == nil || than == nil {
			va, vb := f.exact(a.Vals[s]), f.exact(b.Vals[s])
			if va != nil && vb != nil {
				d, _ := va.Sub(va, vb).Float64()
				mean += d / sets
			}
			continue
		}
		sum, squares := 0.0, 0.0
		for i := range of {
			d := of[i] - than[i]
			sum, squares = sum+d, squares+d*d
		}
		n := float64(len(of))
		mean += sum / n / sets
		variance += (squares - sum*sum/n) / max(1, n-1) / n / (sets * sets)
	}
	return mean, math.Sqrt(max(0, variance))
}

// sameClean reports whether the interval of the difference in clean accuracy has 0 in it: Tango's for one set.
func sameClean(a, b Candidate) bool {
	if len(a.Vals) > 1 || a.Vals[0].Scores != nil {
		return within(paired(a, b, clean))
	}
	onlyA, onlyB := metric.Discordant(a.Vals[0].Right, b.Vals[0].Right)
	i := metric.AccuracyDifference(onlyA, onlyB, len(a.Vals[0].Right), level)
	return i.Low <= 0 && i.High >= 0
}

func sameRobust(a, b Candidate) bool { return within(paired(a, b, corrupted)) }

// within reports whether a mean is within the normal interval of 0.
func within(mean, deviation float64) bool { return math.Abs(mean) <= 1.959963984540054*deviation }

// bySample reports whether the parts of every sample in the clean figure are known.
func (c Candidate) bySample() bool {
	for _, a := range c.Vals {
		if clean.parts(a) == nil {
			return false
		}
	}
	return true
}
