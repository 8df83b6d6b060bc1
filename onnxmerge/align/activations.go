package align

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Site is an axis of a value of the main graph in which the units of a group, or of one group inside another (heads),
// are compared by their activations.
type Site struct {
	Value string
	Axis  int
	Outer int  // ID of the group
	Inner int  // ID of the group that divides each of its units further, -1 if there is none
	Units int  // of the axis that are compared: all inner units of all outer ones
	Given bool // the outer units are given by an earlier site, which has other inner ones

	inner int // units of the inner group; 1 if there is none
	rows  rows
}

// activations are operators whose results are compared rather than what they are computed from.
var activations = []string{"Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "com.microsoft.Gelu",
	"HardSwish", "Mish", "Sigmoid", "Softplus", "Swish", "Tanh", "HardSigmoid", "Clip"}

// Sites returns, for each group, the value in which its units are compared: the last result of an activation function
// that has them, else the last value that does. unmeasured are the groups without one, which keep their order: those
// with units in values of functions and bodies alone, or beside units of two other groups or more.
func (g *Groups) Sites(m *onnx.Model) (sites []Site, unmeasured []int) {
	f := &siteFinder{groups: g, active: map[string]bool{}, on: map[place][]unitsOf{},
		done: make([]bool, len(g.List))}
	for _, n := range m.Graph.Nodes {
		if slices.Contains(activations, n.Op()) && len(n.Outputs) > 0 {
			f.active[n.Outputs[0]] = true
		}
	}
	for _, group := range g.List {
		for _, v := range group.Values {
			at := place{v.Name, v.Axis}
			f.on[at] = append(f.on[at], unitsOf{group.ID, v.Layout})
			f.axes = append(f.axes, at)
		}
	}
	for _, find := range []func(int) (Site, bool){f.nested, f.single, f.inside} {
		for i := range g.List {
			if s, ok := find(i); ok {
				f.done[s.Outer] = true
				if s.Inner >= 0 {
					f.done[s.Inner] = true
				}
				sites = append(sites, s)
			}
		}
	}
	for i := range f.done {
		if !f.done[i] {
			unmeasured = append(unmeasured, i)
		}
	}
	return sites, unmeasured
}

// place is an axis of a value.
type place struct {
	name string
	axis int
}

// siteFinder knows which groups have units on which axes.
type siteFinder struct {
	groups *Groups
	active map[string]bool // results of activation functions
	on     map[place][]unitsOf
	axes   []place
	done   []bool // groups that have a site
}

// alone reports whether no other axis of the value has units that are permuted.
func (f *siteFinder) alone(at place) bool {
	for _, other := range f.axes {
		if other.name == at.name && other.axis != at.axis {
			return false
		}
	}
	return true
}

// single finds a value that has the group's units alone on its axis.
func (f *siteFinder) single(i int) (Site, bool) {
	if f.done[i] {
		return Site{}, false
	}
	return f.best(i, func(at place, units []unitsOf) (Site, bool) {
		if len(units) != 1 {
			return Site{}, false
		}
		n := f.groups.List[i].Size
		return Site{Value: at.name, Axis: at.axis, Outer: i, Inner: -1, Units: n, inner: 1,
			rows: unitRows(units[0].at, n)}, true
	})
}

// nested finds a value that has the group's units and those of another inside of them on one axis; neither has a site.
func (f *siteFinder) nested(i int) (Site, bool) {
	if f.done[i] {
		return Site{}, false
	}
	return f.best(i, func(at place, units []unitsOf) (Site, bool) { return f.pair(i, -1, at, units) })
}

// inside finds a value for a group that is inside of one that has its site, which is with another group.
func (f *siteFinder) inside(i int) (Site, bool) {
	if f.done[i] {
		return Site{}, false
	}
	s, ok := f.best(i, func(at place, units []unitsOf) (Site, bool) { return f.pair(-1, i, at, units) })
	s.Given = true
	return s, ok && f.done[s.Outer]
}

// pair returns a site of two groups, of which one is given; the other is -1.
func (f *siteFinder) pair(outerID, innerID int, at place, units []unitsOf) (Site, bool) {
	if len(units) != 2 {
		return Site{}, false
	}
	outer, inner := units[0], units[1]
	if outer.at.Stride < inner.at.Stride {
		outer, inner = inner, outer
	}
	d := &descent{groups: f.groups}
	if !d.nested(outer, inner) || outerID >= 0 && (outer.group != outerID || f.done[inner.group]) ||
		innerID >= 0 && inner.group != innerID {
		return Site{}, false
	}
	n, m := f.groups.List[outer.group].Size, f.groups.List[inner.group].Size
	return Site{Value: at.name, Axis: at.axis, Outer: outer.group, Inner: inner.group, Units: n * m, inner: m,
		rows: nestedRows(outer.at, inner.at, n, m)}, true
}

// best returns the last site that an activation function computes, else the last.
func (f *siteFinder) best(i int, make func(at place, units []unitsOf) (Site, bool)) (best Site, found bool) {
	for _, v := range f.groups.List[i].Values {
		at := place{v.Name, v.Axis}
		if !f.alone(at) || found && f.active[best.Value] && !f.active[v.Name] {
			continue
		}
		if s, ok := make(at, f.on[at]); ok {
			best, found = s, true
		}
	}
	return best, found
}

// Rows returns the activations of a value, of the given shape, as rows of one number per unit.
func (s Site) Rows(x []float32, shape []int64) ([]float32, error) {
	outer, inner := 1, 1
	for k, d := range shape {
		switch {
		case k < s.Axis:
			outer *= int(d)
		case k > s.Axis:
			inner *= int(d)
		}
	}
	if s.Axis >= len(shape) || outer*int(shape[s.Axis])*inner != len(x) {
		return nil, fmt.Errorf("align: value %q has %d elements and the shape %v", s.Value, len(x), shape)
	}
	length := int(shape[s.Axis])
	if last := slices.Max(s.rows.first) + slices.Max(s.rows.places); last >= length {
		return nil, fmt.Errorf("align: axis %d of value %q has %d elements, want %d at least", s.Axis, s.Value, length,
			last+1)
	}
	list := make([]float32, 0, outer*len(s.rows.places)*inner*len(s.rows.first))
	for o := range outer {
		for _, place := range s.rows.places {
			for k := range inner {
				for _, first := range s.rows.first {
					list = append(list, x[(o*length+first+place)*inner+k])
				}
			}
		}
	}
	return list, nil
}

// Likeness returns the mean correlation of the units of all sites and of those that permutations put in their places,
// which is what [Groups.MatchActivations] makes large: 1 for units that respond alike.
func (g *Groups) Likeness(sites []Site, correlations []*Correlation, p Permutations) float64 {
	sum, units := 0., 0
	for i, s := range sites {
		matrix := correlations[i].Matrix()
		for place := range s.Units {
			unit := p[s.Outer][place/s.inner] * s.inner
			if s.Inner >= 0 {
				unit += p[s.Inner][place%s.inner]
			}
			sum += matrix[place*s.Units+unit]
		}
		units += s.Units
	}
	return sum / float64(max(units, 1))
}

// MatchActivations returns the permutations after which the model's units respond most like the reference's.
// correlations are those of the sites, the reference's activations first. Outer units are given by the best order of
// the inner ones, pair by pair, then the inner ones by the outer that were found. Groups without a site keep their
// order.
func (g *Groups) MatchActivations(sites []Site, correlations []*Correlation) (Permutations, error) {
	p := make(Permutations, len(g.List))
	for i, group := range g.List {
		p[i] = identity(group.Size)
	}
	for i, s := range sites {
		if correlations[i].n != s.Units {
			return nil, fmt.Errorf("align: a correlation of %d units for the %d of %q", correlations[i].n, s.Units, s.Value)
		}
		matrix := correlations[i].Matrix()
		if s.Inner < 0 {
			p[s.Outer] = Assign(matrix, s.Units)
			continue
		}
		n, m := s.Units/s.inner, s.inner
		if !s.Given {
			gain := make([]float64, n*n)
			addBestPairs(gain, matrix, n, m)
			p[s.Outer] = Assign(gain, n)
		}
		inside := make([]float64, m*m)
		for a, b := range p[s.Outer] {
			for u := range m {
				for v := range m {
					inside[u*m+v] += matrix[(a*m+u)*n*m+b*m+v]
				}
			}
		}
		p[s.Inner] = Assign(inside, m)
	}
	return p, nil
}
