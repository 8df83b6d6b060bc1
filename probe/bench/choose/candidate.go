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
}

// OA returns the clean accuracy, the mean over the validation sets; NaN without one.
func (c Candidate) OA() float64 { return c.mean(clean) }

// Robustness returns the accuracy over all conditions, the mean over the validation sets; NaN if it was not measured.
func (c Candidate) Robustness() float64 { return c.mean(corrupted) }

// figure returns what a sample contributes to a figure of a validation set, and the largest such number.
type figure func(a Answers, i int) (part, of int)

func clean(a Answers, i int) (part, of int) {
	if a.Right[i] {
		return 1, 1
	}
	return 0, 1
}

func corrupted(a Answers, i int) (part, of int) {
	if a.Corrupted == nil {
		return 0, 0
	}
	return a.Corrupted[i], a.Conditions
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
		count, all := int64(0), int64(0)
		for i := range a.Right {
			part, of := f(a, i)
			count, all = count+int64(part), all+int64(of)
		}
		if all == 0 {
			return nil
		}
		sum.Add(sum, big.NewRat(count, all))
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
// differences of every sample. Validation sets are independent and count alike.
func paired(a, b Candidate, f figure) (mean, deviation float64) {
	variance, sets := 0.0, float64(len(a.Vals))
	for s := range a.Vals {
		sum, squares := 0.0, 0.0
		for i := range a.Vals[s].Right {
			pa, of := f(a.Vals[s], i)
			pb, _ := f(b.Vals[s], i)
			d := float64(pa-pb) / float64(max(1, of))
			sum, squares = sum+d, squares+d*d
		}
		n := float64(len(a.Vals[s].Right))
		mean += sum / n / sets
		variance += (squares - sum*sum/n) / max(1, n-1) / n / (sets * sets)
	}
	return mean, math.Sqrt(max(0, variance))
}

// sameClean reports whether the interval of the difference in clean accuracy has 0 in it: Tango's for one set.
func sameClean(a, b Candidate) bool {
	if len(a.Vals) > 1 {
		return within(paired(a, b, clean))
	}
	onlyA, onlyB := metric.Discordant(a.Vals[0].Right, b.Vals[0].Right)
	i := metric.AccuracyDifference(onlyA, onlyB, len(a.Vals[0].Right), level)
	return i.Low <= 0 && i.High >= 0
}

func sameRobust(a, b Candidate) bool { return within(paired(a, b, corrupted)) }

// within reports whether a mean is within the normal interval of 0.
func within(mean, deviation float64) bool { return math.Abs(mean) <= 1.959963984540054*deviation }
