package search

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"
)

const (
	// reach is the length scale of the deviation, as a share of the grid's range. Of .25, .5 and 1 it predicted
	// left-out alphas of two real pairs best.
	reach = 0.5
	// jitter is the variance of independent steps between alphas, relative to that of the deviation.
	jitter = 0.01
	// diffuse is the prior variance of level and slope of a margin, relative to that of the deviation: so large that
	// both follow the evaluations alone.
	diffuse = 1e4
	// fine is the number of alphas from which jitter is drawn beside the axes of what is smooth, of which there are some twenty
	// then instead of one an alpha.
	fine = 32
	// negligible is the root mean square over the alphas, relative to the standard deviation of the deviation, below which an
	// axis is not drawn.
	negligible = 1e-3
)

// posterior is a Gaussian process given its values at some alphas (nodes),
//
//	level + slope t + bend(t),   cov(bend(t), bend(u)) = (1 + r + r^2/3) exp(-r),  r = sqrt(5) |t-u| / reach
//
// (Matern 5/2, twice differentiable). Weights and standard deviations are the same for every sample.
type posterior struct {
	nodes    []int
	t        []float64  // grid, scaled to 0..1
	weights  *mat.Dense // alpha x node: weight of a node's margin in the mean
	variance []float64  // by alpha, 0 at nodes
	// axes are the principal axes of the covariance, each of the length of its standard deviation.
	axes [][]float64
	// jitter are the alphas of which jitter is not in the axes.
	jitter []int
}

func newPosterior(grid []float64, nodes []int) *posterior {
	g, k := len(grid), len(nodes)
	p := &posterior{nodes: nodes, t: make([]float64, g)}
	for i, alpha := range grid {
		p.t[i] = (alpha - grid[0]) / (grid[g-1] - grid[0])
	}
	prior := mat.NewSymDense(g, nil)
	for i, t := range p.t {
		for j := i; j < g; j++ {
			prior.SetSym(i, j, covariance(t, p.t[j]))
		}
	}
	known, cross := mat.NewSymDense(k, nil), mat.NewDense(k, g, nil)
	for a, i := range nodes {
		for b := a; b < k; b++ {
			known.SetSym(a, b, prior.At(i, nodes[b]))
		}
		for j := range g {
			cross.Set(a, j, prior.At(i, j))
		}
	}
	// jitter keeps the smallest eigenvalue above 1e-2, so that the factorisation cannot fail.
	var chol mat.Cholesky
	if !chol.Factorize(known) {
		panic("search: a covariance is not positive definite")
	}
	var solved, explained mat.Dense
	if err := chol.SolveTo(&solved, cross); err != nil {
		panic("search: a covariance is singular")
	}
	p.weights = mat.DenseCopyOf(solved.T())
	explained.Mul(cross.T(), &solved)
	if g >= fine {
		p.separateJitter(prior)
	}
	p.factorize(prior, &explained)
	return p
}

// separateJitter takes jitter out of the prior covariance of the alphas that are no nodes: it is independent of all else.
func (p *posterior) separateJitter(prior *mat.SymDense) {
	for i := range p.t {
		if !slices.Contains(p.nodes, i) {
			prior.SetSym(i, i, prior.At(i, i)-jitter)
			p.jitter = append(p.jitter, i)
		}
	}
}

// factorize sets variance and axes from the posterior covariance.
func (p *posterior) factorize(prior *mat.SymDense, explained *mat.Dense) {
	g := len(p.t)
	left := mat.NewSymDense(g, nil)
	for i := range g {
		for j := i; j < g; j++ {
			left.SetSym(i, j, prior.At(i, j)-(explained.At(i, j)+explained.At(j, i))/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(left, true) {
		panic("search: a covariance has no eigenvalues")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	p.variance = make([]float64, g)
	for axis, value := range eigen.Values(nil) {
		if value < negligible*negligible*float64(g) {
			continue
		}
		length, direction := math.Sqrt(value), mat.Col(nil, axis, &vectors)
		for i := range direction {
			direction[i] *= length
			if slices.Contains(p.nodes, i) {
				direction[i] = 0 // known values do not deviate, not even by rounding
			}
			p.variance[i] += direction[i] * direction[i]
		}
		p.axes = append(p.axes, direction)
	}
	for _, i := range p.jitter {
		p.variance[i] += jitter
	}
}

// deviate sets dst to a draw of a curve's deviation from its mean, times sigma.
func (p *posterior) deviate(dst []float64, sigma float64, r *rand.Rand) {
	clear(dst)
	for _, axis := range p.axes {
		z := sigma * r.NormFloat64()
		for i, a := range axis {
			dst[i] += z * a
		}
	}
	for _, i := range p.jitter {
		dst[i] += sigma * math.Sqrt(jitter) * r.NormFloat64()
	}
}

// covariance returns the prior covariance of margins at t and u.
func covariance(t, u float64) float64 {
	r := math.Sqrt(5) * math.Abs(t-u) / reach
	c := (1+r+r*r/3)*math.Exp(-r) + diffuse*(1+(t-0.5)*(u-0.5))
	if t == u {
		c += jitter
	}
	return c
}

// mean returns the expected curve, given the values at the nodes.
func (p *posterior) mean(at func(i int) float64) []float64 {
	mean := make([]float64, len(p.t))
	for a, node := range p.nodes {
		v := at(node)
		for i := range mean {
			mean[i] += p.weights.At(i, a) * v
		}
	}
	for _, node := range p.nodes {
		mean[node] = at(node) // exact, without rounding
	}
	return mean
}

// offLine returns the deviation of a sample's margin from the line between its ends.
func (p *posterior) offLine(at [][]float64, i, sample int) float64 {
	return at[i][sample] - (1-p.t[i])*at[0][sample] - p.t[i]*at[len(at)-1][sample]
}

// common returns the mean deviation of samples from the line between their ends, over those that were passed at an
// alpha.
func (p *posterior) common(at [][]float64) []float64 {
	return p.mean(func(i int) float64 {
		sum, n := 0.0, 0
		for k, m := range at[i] {
			if !math.IsNaN(m) {
				sum += p.offLine(at, i, k)
				n++
			}
		}
		return sum / float64(n)
	})
}

// scales estimates the standard deviations of a sample's own deviation and of the common one from the distances of
// margins from the line between the ends.
func (p *posterior) scales(at [][]float64) (own, common float64) {
	near := p.nearest(at)
	var sumOwn, sumCommon, samples float64
	for _, i := range p.nodes[1 : len(p.nodes)-1] {
		sum, squares, n := 0.0, 0.0, 0.0
		for _, k := range near {
			if d := p.offLine(at, i, k); !math.IsNaN(d) {
				sum += d
				squares += d * d
				n++
			}
		}
		if n < 2 {
			continue
		}
		expected := p.varianceOffLine(i)
		sumOwn += (squares - sum*sum/n) / expected
		sumCommon += sum * sum / (n * n) / expected
		samples += n - 1
	}
	own = math.Sqrt(sumOwn / max(samples, 1))
	inside := float64(len(p.nodes) - 2)
	common = math.Sqrt((sumCommon + commonPrior*commonPrior*own*own) / (inside + 1))
	return own, common
}

// varianceOffLine returns the variance of the deviation from the line between the ends at alpha i.
func (p *posterior) varianceOffLine(i int) float64 {
	last := len(p.t) - 1
	indices, weights := []int{i, 0, last}, []float64{1, p.t[i] - 1, -p.t[i]}
	sum := 0.0
	for a, x := range indices {
		for b, y := range indices {
			sum += weights[a] * weights[b] * (covariance(p.t[x], p.t[y]) - covarianceOfLine(p.t[x], p.t[y]))
		}
	}
	return sum
}

func covarianceOfLine(t, u float64) float64 { return diffuse * (1 + (t-0.5)*(u-0.5)) }

// nearest returns, of the samples that were passed between the ends, the quarter with margins nearest to zero: they
// decide the accuracy, and deviate less than those with large margins.
func (p *posterior) nearest(at [][]float64) []int {
	var order []int
	distance := make([]float64, len(at[0]))
	for k := range distance {
		distance[k] = min(math.Abs(at[0][k]), math.Abs(at[len(at)-1][k]))
		for _, i := range p.nodes[1 : len(p.nodes)-1] {
			if !math.IsNaN(at[i][k]) {
				order = append(order, k)
				break
			}
		}
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(distance[i], distance[j]) })
	return order[:max(1, (len(order)+3)/4)]
}
