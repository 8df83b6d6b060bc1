package search

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// draws is the number of curves drawn: a probability of .9 then has a standard deviation of .01.
	draws = 1000
	// noise is two standard deviations of the difference of two such probabilities.
	noise = 0.02
	// sure is the distance from zero, in standard deviations, beyond which a margin is not drawn.
	sure = 5
	// commonPrior is the scale of the common deviation of all samples relative to that of a single sample, while
	// fewer than two alphas between the ends are known.
	commonPrior = 0.3
	// groups is the number of groups into which the draws are divided by a count that is not known yet; each has 250.
	groups = 4
)

// forecast is what the evaluated alphas predict about the others: how often each has the highest accuracy.
type forecast struct {
	evaluated []bool
	wins      []float64   // by alpha: share of the draws in which it has the highest accuracy
	counts    [][]float64 // correct samples by draw and alpha

	crowds []*crowd
	member []*crowd // by sample
	means  [][]float64
}

// crowd has the samples that were passed at the same alphas.
type crowd struct {
	*posterior
	deviation []float64 // by alpha: standard deviation of a sample's margin
	open      []int     // samples whose class may differ between draws
}

// newForecast interpolates margins. at[i] has those of grid[i]: nil if no sample was passed, NaN for samples that
// were not. With t = 0..1 along the grid, a sample's margin is
//
//	level + slope t + common(t) + bend(t)
//
// with common the same for all samples. common is interpolated between the mean deviations of samples from the line
// between their ends; the rest of a sample's deviation is interpolated between the alphas at which it was passed.
func newForecast(grid []float64, at [][]float64) *forecast {
	g, n := len(grid), len(at[0])
	f := &forecast{
		wins: make([]float64, g), evaluated: make([]bool, g),
		member: make([]*crowd, n), means: make([][]float64, n),
	}
	var nodes []int
	for i := range at {
		if at[i] != nil {
			nodes, f.evaluated[i] = append(nodes, i), true
		}
	}
	all := newPosterior(grid, nodes)
	common := all.common(at)
	own, together := all.scales(at)
	f.divide(grid, at, nodes, math.Hypot(own, together))
	certain := make([]float64, g)
	for k, c := range f.member {
		f.means[k] = c.mean(func(i int) float64 { return at[i][k] - common[i] })
		for i := range common {
			f.means[k][i] += common[i]
		}
		if c.mayChange(f.means[k]) {
			c.open = append(c.open, k)
			continue
		}
		addRight(certain, f.means[k])
	}
	f.draw(all, own, together, certain)
	return f
}

// divide groups the samples into crowds.
func (f *forecast) divide(grid []float64, at [][]float64, nodes []int, sigma float64) {
	byNodes := map[string]*crowd{}
	for k := range f.member {
		var passed []int
		for _, i := range nodes {
			if !math.IsNaN(at[i][k]) {
				passed = append(passed, i)
			}
		}
		key := fmt.Sprint(passed)
		c := byNodes[key]
		if c == nil {
			c = &crowd{posterior: newPosterior(grid, passed), deviation: make([]float64, len(grid))}
			for i, v := range c.variance {
				c.deviation[i] = sigma * math.Sqrt(v)
			}
			byNodes[key] = c
			f.crowds = append(f.crowds, c)
		}
		f.member[k] = c
	}
}

// mayChange reports whether the class of a sample may differ between draws at some alpha.
func (c *crowd) mayChange(mean []float64) bool {
	for i, m := range mean {
		if c.deviation[i] > 0 && math.Abs(m) < sure*c.deviation[i] {
			return true
		}
	}
	return false
}

// sureness returns the distance of a sample's margin from zero at an alpha, in standard deviations.
func (f *forecast) sureness(sample, alpha int) float64 {
	return math.Abs(f.means[sample][alpha]) / f.member[sample].deviation[alpha]
}

// draw draws curves of the samples that may change, and counts which alpha has the highest accuracy.
func (f *forecast) draw(all *posterior, own, together float64, certain []float64) {
	g := len(f.wins)
	r := rand.New(rand.NewPCG(1, uint64(g)))
	shared, deviation := make([]float64, g), make([]float64, g)
	for range draws {
		count := slices.Clone(certain)
		all.deviate(shared, together, r)
		for _, c := range f.crowds {
			for _, k := range c.open {
				c.deviate(deviation, own, r)
				for i, m := range f.means[k] {
					if m+shared[i]+deviation[i] > 0 {
						count[i]++
					}
				}
			}
		}
		f.counts = append(f.counts, count)
		f.wins[argmax(count)] += 1.0 / draws
	}
}

func addRight(count, margins []float64) {
	for i, m := range margins {
		if m > 0 {
			count[i]++
		}
	}
}

// argmax returns the index of the largest value, the first of equals: ties go to the smaller alpha.
func argmax(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// choose returns the alpha most likely to be within one step of the winner, and that probability.
func (f *forecast) choose() (index int, likely float64) { return nearest(f.wins) }

// nearest returns, of the alphas whose neighbourhood wins most often, the one that wins most often itself.
func nearest(wins []float64) (index int, likely float64) {
	near := make([]float64, len(wins))
	for i, w := range wins {
		for j := max(0, i-1); j <= min(len(near)-1, i+1); j++ {
			near[j] += w
		}
	}
	highest := slices.Max(near)
	index = argmax(near)
	for i, p := range near {
		if p >= highest-noise && wins[i] > wins[index] {
			index = i
		}
	}
	return index, math.Min(1, near[index])
}

// next returns the most informative alpha: for every alpha that was not evaluated, the draws are divided into groups
// by its count, as its evaluation would distinguish them, and a choice is made for each group. Of equal alphas the
// smaller is returned.
func (f *forecast) next() int {
	best, most := -1, -1.0
	for i, done := range f.evaluated {
		if done {
			continue
		}
		if likely := f.likelyKnowing(i); likely > most {
			best, most = i, likely
		}
	}
	return best
}

// likelyKnowing returns the mean probability that a choice is right if the count at alpha i is known.
func (f *forecast) likelyKnowing(i int) float64 {
	order := slices.Clone(f.counts)
	slices.SortStableFunc(order, func(a, b []float64) int { return cmp.Compare(a[i], b[i]) })
	sum := 0.0
	for q := range groups {
		wins := make([]float64, len(f.wins))
		for _, count := range order[q*len(order)/groups : (q+1)*len(order)/groups] {
			wins[argmax(count)] += float64(groups) / draws
		}
		_, likely := nearest(wins)
		sum += likely / groups
	}
	return sum
}
