package align

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// MatchOptions set how units are matched.
type MatchOptions struct {
	// Reference returns the counterpart of a weight in the model whose order is wanted, or nil. One of another shape is
	// left out, too.
	Reference func(t *onnx.Tensor) *onnx.Tensor
	Starts    int    // that are tried; 0 means 3
	Seed      uint64 // of the orders in which groups are visited
	// Statistics includes running means and variances of BatchNormalization, which depend on the data as much as on the
	// unit.
	Statistics bool
}

const (
	defaultStarts = 3
	maxSweeps     = 100
	rounding      = 1e-12 // of sums of products in float64, relative to the product of the norms
)

// Match is how one model is brought into another's order.
type Match struct {
	Permutations Permutations // of the model's groups
	Groups       []GroupMatch
	Before       float64 // sum over all weights of the products of paired elements
	After        float64
	Start        int // which start gave it
	// Unused are weights without a counterpart of their shape: they are permuted, and say nothing about the order.
	Unused []string
}

// GroupMatch is what happens to one group.
type GroupMatch struct {
	Moved         int     // units
	Weights       int     // that were compared; 0 leaves the order as it is
	Before, After float64 // cosine of the weights that have units of the group, and of their counterparts
}

// MatchWeights finds the permutations after which the model's weights are most like the reference's, by coordinate
// descent over the groups (Git Re-Basin, algorithm 1): the gain of giving place i to unit j is the product of the
// reference's slices at i and the model's at j, summed over the members of the group, with all other groups in their
// current order. The sum of products never falls. It is a local optimum; of several starts the best is kept, the first
// of equals; two starts that end alike end the search. The first start follows the network from the units that are not
// permuted ([descent.propagate]), the others visit groups in random order from the identity on. Equal models are left
// as they are.
//
// The order with the largest sum need not be the true one where tensors differ much in size: the noise of a large tensor,
// such as biases as large as a unit's weights together, outweighs what small ones say. With noise that leaves a cosine of
// .8, 25 to 54 of silero's 706 units are then in another place than planted, at a larger sum. A sum in which every tensor
// has the same weight finds all of them, and 280 of 3,600 units fewer of an OCR model; it is not used.
//
// Groups that divide an axis in two, such as heads and the units of a head, depend on each other more than on all
// others; see [descent.outer].
func (g *Groups) MatchWeights(ctx context.Context, m *onnx.Model, opt MatchOptions) (*Match, error) {
	d, err := g.newDescent(m, opt)
	if err != nil {
		return nil, err
	}
	var best *Match
	starts := opt.Starts
	if starts == 0 {
		starts = defaultStarts
	}
	for start := range starts {
		d.reset()
		if start == 0 {
			d.propagate()
		}
		sum, err := d.run(ctx, rand.New(rand.NewPCG(opt.Seed, uint64(start))))
		if err != nil {
			return nil, err
		}
		if best != nil && d.equal(best.Permutations) {
			break // two starts that end alike
		}
		if best == nil || sum > best.After+d.rounding(nil) {
			best = &Match{Permutations: slices.Clone(d.current), After: sum, Start: start}
		}
	}
	d.report(best)
	return best, nil
}

// Compare describes permutations that were found otherwise, such as by [Groups.MatchActivations], as MatchWeights does its
// own.
func (g *Groups) Compare(m *onnx.Model, p Permutations, opt MatchOptions) (*Match, error) {
	d, err := g.newDescent(m, opt)
	if err != nil {
		return nil, err
	}
	d.reset()
	match := &Match{Permutations: p}
	d.report(match)
	match.After = d.sum(nil)
	return match, nil
}

// descent is a coordinate descent over groups.
type descent struct {
	groups  *Groups
	terms   []*term
	of      [][]int // terms of each group
	current Permutations
	changed []bool    // whether a group's gains may have changed since it was solved
	noise   []float64 // of each term, the gain below which it is rounding
	unused  []string
	inner   [][]int // for each group the groups that divide its axes further
	joint   []bool  // whether a group was solved together with its inner ones
	open    []bool  // groups that have no order yet, see propagate; weights with their units are left out of gains
}

// newDescent reads the weights that have a counterpart.
func (g *Groups) newDescent(m *onnx.Model, opt MatchOptions) (*descent, error) {
	d := &descent{groups: g, of: make([][]int, len(g.List)), inner: make([][]int, len(g.List))}
	skip := map[*onnx.Tensor]bool{}
	if !opt.Statistics {
		skip = statistics(m)
	}
	index := map[*onnx.Tensor]int{}
	for _, group := range g.List {
		for _, member := range group.Members {
			t := member.Tensor
			if !t.DType.IsFloat() || skip[t] {
				continue
			}
			i, seen := index[t]
			if !seen {
				r := opt.Reference(t)
				if r == nil || !slices.Equal(r.Dims, t.Dims) || !r.DType.IsFloat() {
					skip[t], d.unused = true, append(d.unused, t.ID())
					continue
				}
				x, err := newTerm(t, r)
				if err != nil {
					return nil, err
				}
				i = len(d.terms)
				index[t], d.terms = i, append(d.terms, x)
				d.noise = append(d.noise, rounding*norm(x.reference)*norm(x.own))
			}
			d.terms[i].axes[member.Axis] = append(d.terms[i].axes[member.Axis], unitsOf{group.ID, member.Layout})
			if !slices.Contains(d.of[group.ID], i) {
				d.of[group.ID] = append(d.of[group.ID], i)
			}
		}
	}
	d.nest()
	return d, nil
}

// statistics returns the running means and variances of a model.
func statistics(m *onnx.Model) map[*onnx.Tensor]bool {
	list := map[*onnx.Tensor]bool{}
	for o := range flow.Operands(m) {
		if o.Node.Op() == "BatchNormalization" && o.Slot >= 3 {
			list[o.Tensor] = true
		}
	}
	return list
}

func norm(list []float32) float64 {
	sum := 0.
	for _, v := range list {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

// reset begins with the identity.
func (d *descent) reset() {
	n := len(d.groups.List)
	d.current, d.changed, d.joint, d.open = make(Permutations, n), make([]bool, n), make([]bool, n), make([]bool, n)
	for i, group := range d.groups.List {
		d.current[i], d.changed[i] = identity(group.Size), true
	}
	d.forget(nil)
}

// run descends until no group gains, and returns the sum of products.
func (d *descent) run(ctx context.Context, rng *rand.Rand) (float64, error) {
	for range maxSweeps {
		gained := false
		for _, i := range rng.Perm(len(d.current)) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			gained = d.visit(i) || gained
		}
		if !gained {
			break
		}
	}
	return d.sum(nil), nil
}

// equal reports whether p are the current permutations.
func (d *descent) equal(p Permutations) bool {
	return slices.EqualFunc(d.current, p, slices.Equal[Permutation])
}

// forget drops what was computed from permutations that have changed; nil are all.
func (d *descent) forget(terms []int) {
	if terms == nil {
		for _, x := range d.terms {
			x.moved = nil
		}
	}
	for _, i := range terms {
		d.terms[i].moved = nil
	}
}

// sum returns the objective of some terms; nil are all.
func (d *descent) sum(terms []int) (sum float64) {
	if terms == nil {
		for _, x := range d.terms {
			sum += x.product(d.current)
		}
		return sum
	}
	for _, i := range terms {
		sum += d.terms[i].product(d.current)
	}
	return sum
}

// rounding returns the difference of the objective of some terms that counts as none; nil are all.
func (d *descent) rounding(terms []int) (sum float64) {
	for i, n := range d.noise {
		if terms == nil || slices.Contains(terms, i) {
			sum += n
		}
	}
	return sum
}

// visit gives a group its best permutation with the others as they are. It reports whether the objective rose.
func (d *descent) visit(i int) bool {
	if !d.changed[i] || len(d.of[i]) == 0 {
		return false
	}
	gained := false
	if len(d.inner[i]) > 0 && !d.joint[i] {
		d.joint[i] = true
		gained = d.outer(i)
	}
	d.changed[i] = false
	return d.replace(d.of[i], func() { d.set(i, Assign(d.gain(i), d.groups.List[i].Size)) }) || gained
}

// set changes the permutation of a group.
func (d *descent) set(i int, p Permutation) {
	if slices.Equal(p, d.current[i]) {
		return
	}
	d.current[i] = p
	d.forget(d.of[i])
}

// replace changes permutations and takes them back unless the sum of the terms that they concern rises.
func (d *descent) replace(terms []int, change func()) bool {
	before, kept := d.sum(terms), slices.Clone(d.current)
	change()
	if d.sum(terms) > before+d.rounding(terms) {
		d.touch(kept)
		return true
	}
	for i := range kept {
		d.set(i, kept[i])
	}
	return false
}

// touch marks the groups whose gains depend on a permutation that has changed.
func (d *descent) touch(before Permutations) {
	for i := range before {
		if slices.Equal(before[i], d.current[i]) {
			continue
		}
		for _, t := range d.of[i] {
			for _, units := range d.terms[t].axes {
				for _, u := range units {
					if u.group != i || d.terms[t].twice(i) {
						d.changed[u.group] = true
					}
				}
			}
		}
	}
}

// twice reports whether a weight has units of a group in two places.
func (x *term) twice(group int) bool {
	n := 0
	for _, units := range x.axes {
		for _, u := range units {
			if u.group == group {
				n++
			}
		}
	}
	return n > 1
}

// gain returns the gain of each unit of a group at each place, row by row: gain[i*n+j] of unit j at place i.
func (d *descent) gain(i int) []float64 {
	n := d.groups.List[i].Size
	gain := make([]float64, n*n)
	for _, t := range d.of[i] {
		x := d.terms[t]
		if !d.settled(x, i) {
			continue
		}
		for axis, units := range x.axes {
			for _, u := range units {
				if u.group == i {
					x.products(gain, axis, unitRows(u.at, n), x.permuted(x.maps(d.current, axis, i)))
				}
			}
		}
	}
	return gain
}

// report fills in what a match did.
func (d *descent) report(m *Match) {
	d.current = make(Permutations, len(m.Permutations))
	d.forget(nil)
	m.Before = d.sum(nil)
	before := make([]float64, len(d.current))
	for i := range d.current {
		before[i] = d.cosine(i)
	}
	d.current = m.Permutations
	d.forget(nil)
	for i, p := range m.Permutations {
		m.Groups = append(m.Groups, GroupMatch{Moved: p.Moved(), Weights: len(d.of[i]), Before: before[i],
			After: d.cosine(i)})
	}
	m.Unused = d.unused
}

// cosine returns the cosine of all weights of a group and their counterparts; 1 if there is none.
func (d *descent) cosine(i int) float64 {
	var product, a, b float64
	for _, t := range d.of[i] {
		x := d.terms[t]
		product += x.product(d.current)
		a += math.Pow(norm(x.reference), 2)
		b += math.Pow(norm(x.own), 2)
	}
	if a == 0 || b == 0 {
		return 1
	}
	return product / math.Sqrt(a*b)
}
