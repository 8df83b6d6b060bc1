package search

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

const (
	// draws is the number of curves that are drawn: a probability of .9 has a deviation of .01.
	draws = 1000
	// noise is what two such probabilities differ by from chance alone: two deviations.
	noise = 0.02
	// sure is the distance from zero, in deviations, at which a margin is not drawn.
	sure = 5
	// commonPrior is how much all samples bend together, against how much each does by itself,
	// before there is more than one alpha between the ends to tell.
	commonPrior = 0.3
	// groups is how finely draws are told apart by a count that is not known yet; each has 250.
	groups = 4
)

// forecast is what the evaluated alphas say about the others: how often each wins.
type forecast struct {
	evaluated []bool
	wins      []float64   // by alpha, share of all draws
	counts    [][]float64 // right samples by draw and alpha

	crowds []*crowd
	member []*crowd // by sample
	means  [][]float64
}

// crowd is samples that were passed at the same alphas.
type crowd struct {
	*posterior
	deviation []float64 // by alpha, of a sample's margin from its mean
	open      []int     // the samples that a draw may change
}

// newForecast interpolates margins, at[i] being those of grid[i]: nil where none was passed, NaN where
// a sample was not. With t = 0..1 along the grid, a sample's margin is
//
//	level + slope t + common(t) + bend(t)
//
// with common the same for all samples. It is interpolated between what samples on average
// leave of the line between their ends; what it leaves of a sample is interpolated between the alphas at which that
// sample was passed.
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

// divide finds the crowds.
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

// mayChange reports whether a draw may take a sample to the other side at some alpha.
func (c *crowd) mayChange(mean []float64) bool {
	for i, m := range mean {
		if c.deviation[i] > 0 && math.Abs(m) < sure*c.deviation[i] {
			return true
		}
	}
	return false
}

// sureness returns how many deviations a sample's margin lies from zero at an alpha.
func (f *forecast) sureness(sample, alpha int) float64 {
	return math.Abs(f.means[sample][alpha]) / f.member[sample].deviation[alpha]
}

// draw draws curves of the samples that may change, and counts which alpha wins.
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

// argmax returns the first of the largest values: ties go to the smaller alpha.
func argmax(values []float64) int {
	best := 0
	for i, v := range values {
		if v > values[best] {
			best = i
		}
	}
	return best
}

// choose returns the alpha that most likely is the winner or next to it, and how likely.
func (f *forecast) choose() (index int, likely float64) { return nearest(f.wins) }

// nearest returns, of the alphas whose neighbourhood wins most often, the one that does
// itself.
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

// next returns the alpha that tells most about the choice: for every alpha that was not evaluated,
// the draws are divided into groups by its count, as its evaluation would tell them apart, and
// each group chooses for itself. The smaller alpha comes first of equal ones.
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

// likelyKnowing returns how likely a choice is right, on average, that knows the count at alpha i.
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
