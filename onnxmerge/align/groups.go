package align

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Group is a set of units that may be permuted: all of its members alike. What the model computes does not change.
type Group struct {
	ID      int // its index in [Groups.List]
	Size    int // units
	Members []Member
	Values  []Measured
}

// Layout says which elements of an axis are the units of a group: unit u is at Offset + u*Stride, and at the same
// distance from each place that Repeats lead to. An axis of heads x units, each permuted, is in the layouts of two
// groups.
type Layout struct {
	Offset, Stride int
	Repeats        []Repeat
}

// Repeat is a number of places at equal distances.
type Repeat struct{ Count, Stride int }

// Member is an axis of a tensor with units of a group.
type Member struct {
	Tensor *onnx.Tensor
	Axis   int
	Layout
}

// Measured is an axis of a value of the main graph with units of a group: activations that can be compared.
type Measured struct {
	Name string
	Axis int
	Layout
}

// Frozen are units that are not permuted although a weight has them.
type Frozen struct {
	Size    int
	Members []Member
	Reason  string // names the operator, input or output
}

// String names the first weights and the reason.
func (f Frozen) String() string {
	var names []string
	for _, m := range f.Members {
		if name := m.Tensor.ID(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	more := ""
	if len(names) > maxNames {
		more = fmt.Sprintf(" and %d more", len(names)-maxNames)
		names = names[:maxNames]
	}
	return fmt.Sprintf("%d units of %s%s: %s", f.Size, strings.Join(names, ", "), more, f.Reason)
}

// maxNames is how many weights a line names.
const maxNames = 3

// Groups are the permutations that leave a model's results as they are, as far as they can be derived.
type Groups struct {
	List []Group
	// Frozen are the other units of weights, in the order of the file, except for the rows and columns of kernels.
	Frozen []Frozen
}

// Find derives the groups of a model from its graph. Inputs are frozen, and so are outputs, but for those that are
// features for other operators: a permuted model gives them in another order. It reads payloads of small integer tensors,
// and of others as far as their elements are equal. The rules are one per operator; a group is safe to use once [Check]
// has run it.
func Find(m *onnx.Model) *Groups {
	w := &walker{model: m, tensors: map[*onnx.Tensor]*value{}}
	for i, v := range flow.Walk(m, w) {
		if name := m.Graph.Outputs[i].Name; !isInner(m, name) {
			w.freezeAll(v, "the model's output "+name)
		}
	}
	w.uniteShared()
	return w.groups()
}

// isInner reports whether operators of the main graph take a value: as an output it shows features, whose units may be in
// the order of another model.
func isInner(m *onnx.Model, name string) bool {
	for i := range m.Graph.Nodes {
		if slices.Contains(flow.Sources(&m.Graph.Nodes[i]), name) {
			return true
		}
	}
	return false
}

// uniteShared unites the axes of tensors whose payload is one range of a data file.
func (w *walker) uniteShared() {
	first := map[string]*onnx.Tensor{}
	for _, t := range w.model.Tensors {
		key := t.SharedRange()
		if key == "" {
			continue
		}
		other, seen := first[key]
		if !seen {
			first[key] = t
			continue
		}
		w.same(w.Tensor(other), w.Tensor(t), "tensors that share their data")
	}
}

// finder collects the leaves of the classes of all tensors.
type finder struct {
	*walker
	groups Groups
	group  map[int]int // by class
	frozen map[int]int
}

func (w *walker) groups() *Groups {
	f := &finder{walker: w, group: map[int]int{}, frozen: map[int]int{}}
	for _, t := range w.model.Tensors {
		v := w.tensors[t]
		if v == nil || v.uniform {
			continue
		}
		for i, axis := range v.axes {
			w.leaves(axis, Layout{Stride: 1}, func(leaf int, at Layout) { f.member(leaf, Member{t, i, at}) })
		}
	}
	for _, v := range w.named {
		for i, axis := range v.axes {
			w.leaves(axis, Layout{Stride: 1}, func(leaf int, at Layout) {
				if id, ok := f.group[leaf]; ok {
					f.groups.List[id].Values = append(f.groups.List[id].Values, Measured{v.name, i, at})
				}
			})
		}
	}
	f.dropUnweighted()
	return &f.groups
}

// dropUnweighted removes groups without a unit of a weight: their order matters to nothing that is merged.
func (f *finder) dropUnweighted() {
	f.groups.List = slices.DeleteFunc(f.groups.List, func(g Group) bool {
		return !slices.ContainsFunc(g.Members, func(m Member) bool { return m.Tensor.DType.IsFloat() })
	})
	for i := range f.groups.List {
		f.groups.List[i].ID = i
	}
}

// member adds units of a tensor to their group, or to the frozen ones.
func (f *finder) member(leaf int, m Member) {
	size, reason := int(f.list[leaf].size), f.list[leaf].frozen
	if reason == "" {
		id, ok := f.group[leaf]
		if !ok {
			id = len(f.groups.List)
			f.group[leaf] = id
			f.groups.List = append(f.groups.List, Group{ID: id, Size: size})
		}
		f.groups.List[id].Members = append(f.groups.List[id].Members, m)
		return
	}
	if reason == kernelAxis || !m.Tensor.DType.IsFloat() {
		return
	}
	id, ok := f.frozen[leaf]
	if !ok {
		id = len(f.groups.Frozen)
		f.frozen[leaf] = id
		f.groups.Frozen = append(f.groups.Frozen, Frozen{Size: size, Reason: reason})
	}
	f.groups.Frozen[id].Members = append(f.groups.Frozen[id].Members, m)
}

// leaves calls f with each undivided class of more than one unit that an axis consists of. at has the place of the
// axis.
func (c *classes) leaves(x int, at Layout, f func(leaf int, at Layout)) {
	x = c.find(x)
	n := c.list[x]
	switch {
	case n.size <= 1:
	case n.division == whole:
		f(x, at)
	case n.division == concatenation:
		for _, p := range n.parts {
			c.leaves(p, at, f)
			at.Offset += int(c.size(p)) * at.Stride
		}
	default:
		c.leavesOfProduct(n.parts, at, f)
	}
}

// leavesOfProduct is leaves for a product: each part repeats for all positions in the others.
func (c *classes) leavesOfProduct(parts []int, at Layout, f func(leaf int, at Layout)) {
	strides, stride := make([]int, len(parts)), at.Stride
	for i := len(parts) - 1; i >= 0; i-- {
		strides[i] = stride
		stride *= int(c.size(parts[i]))
	}
	for i, p := range parts {
		inner := Layout{Offset: at.Offset, Stride: strides[i], Repeats: slices.Clone(at.Repeats)}
		for k, other := range parts {
			if k != i {
				inner.Repeats = append(inner.Repeats, Repeat{int(c.size(other)), strides[k]})
			}
		}
		c.leaves(p, inner, f)
	}
}

// places returns the first unit's places: Offset and all repeats.
func (l Layout) places() []int {
	list := []int{l.Offset}
	for _, r := range l.Repeats {
		var next []int
		for _, p := range list {
			for k := range r.Count {
				next = append(next, p+k*r.Stride)
			}
		}
		list = next
	}
	return list
}
