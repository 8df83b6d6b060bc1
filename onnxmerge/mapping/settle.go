package mapping

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// settle decides between candidates, and judges what has none.
func (f *finder) settle() (*Mapping, error) {
	m := &Mapping{Model: f.model, Limits: f.values.limits, reserve: f.values.reserve}
	s := &settler{finder: f, sources: map[*onnx.Tensor][]string{}, candidates: map[*Expression]*candidateIndex{},
		open: map[*Expression][]*Expression{}}
	for _, g := range f.targets {
		if g.isDecided() {
			s.sources[g.tensor] = g.candidates[0].Names()
		}
	}
	s.findAmbiguous()
	s.findNames()
	s.findConventions()
	s.findPlaces()
	choices := s.rounds()
	s.findSuspects(choices)
	for _, g := range f.targets {
		suspects, err := s.suspectsOfTarget(g)
		if err != nil {
			return nil, err
		}
		switch list := choices[g]; {
		case g.refusal != "":
			m.Refused = append(m.Refused, Refused{Tensor: g.tensor, Reason: g.refusal})
		case len(g.candidates) == 0:
			if err := s.judge(m, g, suspects); err != nil {
				return nil, err
			}
		case list == nil && s.isConstant(g):
			m.Kept = append(m.Kept, Kept{Tensor: g.tensor, suspects: suspects,
				Reason: fmt.Sprintf("%s; the tensors that equal it have other places", g.constant)})
		default:
			parts, err := s.suspectsOfConstants(g)
			if err != nil {
				return nil, err
			}
			m.Mapped = append(m.Mapped, s.mapped(g, list, slices.Concat(suspects, parts))...)
		}
	}
	used := map[string]bool{}
	var open []*Expression
	for _, e := range m.Mapped {
		e.Expression.addNames(used)
		if len(e.open) == 0 || len(open) == len(e.open) && open[0] == e.open[0] {
			continue // many tensors of zeros have the same ones
		}
		open = e.open
		for _, x := range open {
			x.addNames(used)
		}
	}
	for _, t := range f.checkpoint.Tensors {
		if t.DType.IsFloat() && !used[t.Name] {
			m.Unused = append(m.Unused, t.Name)
		}
	}
	return m, nil
}

// choice is what some uses of a tensor are made from.
type choice struct {
	uses       []use
	expression *Expression // nil if nothing decides
	how        string      // what decided; "" for a single candidate
}

// settler decides between candidates of equal values.
type settler struct {
	*finder
	sources map[*onnx.Tensor][]string // what decided tensors are made from
	// cut and prefix turn a name of the model into one of the checkpoint: cut is removed, prefix put in front.
	cut, prefix string
	named       bool            // names are kept
	ambiguous   map[string]bool // names that several tensors have
	conventions map[string]string
	places      map[string]bool                                // tensors of the checkpoint by whose names the model reads something
	candidates  map[*Expression]*candidateIndex                // by the first of a target's candidates, which has only one list
	uniform     map[onnx.DType]map[uint64][]*checkpoint.Tensor // what uniformOf returns
	suspects    map[suspectKey]*suspects
	whole       map[string]bool               // tensors of the checkpoint of which the model has all rows in one tensor
	severally   map[string]bool               // candidates of targets of several elements
	open        map[*Expression][]*Expression // what openOf returns, by the first candidate
}

// rounds decides until nothing changes: what is decided is context for its neighbours.
func (s *settler) rounds() map[*target][]choice {
	choices := map[*target][]choice{}
	for changed := true; changed; {
		changed = false
		for _, g := range s.targets {
			if len(g.candidates) == 0 || g.isDecided() || choices[g] != nil {
				continue
			}
			if list := s.decide(g); list != nil {
				choices[g], changed = list, true
				for _, c := range list {
					s.sources[g.tensor] = append(s.sources[g.tensor], c.expression.Names()...)
				}
			}
		}
	}
	return choices
}

// decide returns the choices of all uses of a target; nil if one of them is open.
func (s *settler) decide(g *target) []choice {
	if len(g.uses) == 0 {
		if e, how := s.byName(g.tensor.Name, g.candidates); e != nil {
			return []choice{{expression: e, how: how}}
		}
		return nil
	}
	var list []choice
	for _, u := range g.uses {
		e, how := s.decideUse(g, u)
		if e == nil {
			return nil
		}
		i := slices.IndexFunc(list, func(c choice) bool { return c.expression == e })
		if i < 0 {
			list = append(list, choice{expression: e, how: how})
			i = len(list) - 1
		}
		list[i].uses = append(list[i].uses, u)
	}
	return list
}

// decideUse decides what one use of a target is made from: by its name, then by its layer.
func (s *settler) decideUse(g *target, u use) (*Expression, string) {
	if e, how := s.byName(u.name, g.candidates); e != nil && s.ownsName(g, u, e) {
		return e, how
	}
	left := g.candidates
	if near := s.inLayer(g, u); len(near) > 0 {
		if e := s.byLayout(u, near); e != nil {
			return e, "settled by the layer that reads it"
		}
		left = near
	}
	if haveOneSource(left) && g.constant == nil {
		return s.byLayout(u, left), "settled by the layout of other operands of this kind"
	}
	return nil, ""
}

// haveOneSource reports whether all candidates are made from the same tensors.
func haveOneSource(list []*Expression) bool {
	first := list[0].Names()
	return !slices.ContainsFunc(list[1:], func(e *Expression) bool { return !slices.Equal(e.Names(), first) })
}

// candidateIndex finds the candidates of targets, of which there may be as many as tensors of zeros.
type candidateIndex struct {
	byName  map[string]*Expression   // those that are tensors as they are
	byLayer map[string][]*Expression // by the layer of their first tensor
}

// indexOf returns the index of candidates.
func (s *settler) indexOf(list []*Expression) *candidateIndex {
	x := s.candidates[list[0]]
	if x == nil {
		x = &candidateIndex{map[string]*Expression{}, map[string][]*Expression{}}
		for _, e := range list {
			if e.Op == Tensor {
				x.byName[e.Name] = e
			}
			layer := layerOf(e.Names()[0])
			x.byLayer[layer] = append(x.byLayer[layer], e)
		}
		s.candidates[list[0]] = x
	}
	return x
}

// inLayer returns the candidates that are of the same layer as the operands beside a use, and have the role of its
// slot. They have the extents of the target, in any order, beside those of one element.
func (s *settler) inLayer(g *target, u use) []*Expression {
	layer := map[string]bool{}
	var roles []string
	for _, o := range s.graph.operands(u) {
		if layers[o.node.OpType] && o.slot == 0 && o.node.OpType != "Mul" {
			return nil // what a layer is applied to is not its own
		}
		for _, t := range s.graph.neighbours(o) {
			for _, name := range s.sources[t] {
				layer[layerOf(name)] = true
			}
		}
		roles = append(roles, slotRoles[o.node.OpType][o.slot]...)
	}
	var near []*Expression
	index := s.indexOf(g.candidates)
	var own []*Expression // whose first tensor is of the layer
	for _, name := range slices.Sorted(maps.Keys(layer)) {
		own = append(own, index.byLayer[name]...)
	}
	for _, e := range own {
		if s.hasShape(e, g.tensor.Dims) && !slices.ContainsFunc(e.Names(), func(name string) bool { return !layer[layerOf(name)] }) {
			near = append(near, e)
		}
	}
	if len(roles) == 0 {
		return near
	}
	var fit []*Expression
	for _, e := range near {
		if slices.ContainsFunc(e.Names(), func(name string) bool { return slices.Contains(roles, leafOf(name)) }) {
			fit = append(fit, e)
		}
	}
	if len(fit) > 0 {
		return fit
	}
	return near
}

// hasShape reports whether the tensor that an expression rearranges has extents, in any order and beside those of one
// element. It is true for expressions of several tensors.
func (s *settler) hasShape(e *Expression, dims []int64) bool {
	e = innermost(e)
	if e.Op != Tensor {
		return true
	}
	a, b := withoutOnes(s.checkpoint.Lookup(e.Name).Dims), withoutOnes(dims)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// slotRoles are the last words of names that the operands of an operator have, by slot.
var slotRoles = map[string]map[int][]string{
	"BatchNormalization": {1: {"weight", "gamma"}, 2: {"bias", "beta"}, 3: {"running_mean"}, 4: {"running_var"}},
	"LayerNormalization": {1: {"weight", "gamma"}, 2: {"bias", "beta"}}, "Conv": {1: {"weight"}, 2: {"bias"}},
	"InstanceNormalization": {1: {"weight", "gamma"}, 2: {"bias", "beta"}}, "Gemm": {1: {"weight"}, 2: {"bias"}},
	"ConvTranspose": {1: {"weight"}, 2: {"bias"}}, "MatMul": {1: {"weight"}}, "Add": {0: {"bias", "beta"}, 1: {"bias", "beta"}},
	"Mul": {0: {"weight", "gamma"}, 1: {"weight", "gamma"}},
}

func layerOf(name string) string { return name[:strings.LastIndexByte(name, '.')+1] }

func leafOf(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// byLayout returns the only candidate, or of several with one source that whose layout all decided operands of this
// kind have.
func (s *settler) byLayout(u use, list []*Expression) *Expression {
	if len(list) == 1 {
		return list[0]
	}
	if !haveOneSource(list) {
		return nil
	}
	want, ok := s.conventions[s.kind(u)]
	if !ok || want == "" {
		return nil
	}
	var found *Expression
	for _, e := range list {
		if layoutOf(e) == want {
			if found != nil {
				return nil
			}
			found = e
		}
	}
	return found
}

// kind describes an operand: its operator, slot, and whether it is transposed there.
func (s *settler) kind(u use) string {
	n := &u.graph.Nodes[u.node]
	return fmt.Sprintf("%s %d %v %v", n.OpType, u.slot, n.Ints["transA"], n.Ints["transB"])
}

// layoutOf describes what an expression does to a tensor, without names and extents.
func layoutOf(e *Expression) string {
	switch e.Op {
	case Tensor:
		return "x"
	case Transpose:
		return fmt.Sprintf("transpose %v of %s", e.Perm, layoutOf(e.Args[0]))
	case Reshape, Half:
		return layoutOf(e.Args[0])
	}
	return fmt.Sprint(int(e.Op))
}

// findConventions finds the layout that all decided operands of a kind have, "" if they differ.
func (s *settler) findConventions() {
	s.conventions = map[string]string{}
	for _, g := range s.targets {
		if !g.isDecided() || len(withoutOnes(g.tensor.Dims)) != 2 {
			continue
		}
		for _, u := range g.uses {
			kind, layout := s.kind(u), layoutOf(g.candidates[0])
			if had, ok := s.conventions[kind]; ok && had != layout {
				layout = ""
			}
			s.conventions[kind] = layout
		}
	}
}

// openOf returns the further candidates of a target, and the constant that it may be. Targets with the same candidates have the same.
func (s *settler) openOf(g *target) []*Expression {
	open, ok := s.open[g.candidates[0]]
	if !ok {
		open = slices.Clip(g.candidates[1:])
		if g.constant != nil {
			open = append(open, g.constant)
		}
		s.open[g.candidates[0]] = open
	}
	return open
}

// mapped returns the entries of a target with candidates.
func (s *settler) mapped(g *target, list []choice, suspects []*suspects) []*Mapped {
	if g.isDecided() {
		return []*Mapped{{Tensor: g.tensor, Expression: g.candidates[0], Proof: g.proof, suspects: suspects}}
	}
	if list == nil {
		m := &Mapped{Tensor: g.tensor, Expression: g.candidates[0], Proof: g.proof, open: s.openOf(g)}
		m.suspects = suspects
		return []*Mapped{m}
	}
	var out []*Mapped
	for _, c := range list {
		m := &Mapped{Tensor: g.tensor, Expression: c.expression, Proof: g.proof + ", " + c.how}
		if g.constant == nil {
			m.suspects, m.twins = suspects, g.candidates
		}
		if len(list) > 1 {
			m.uses, m.Use = c.uses, c.uses[0].name
		}
		out = append(out, m)
	}
	return out
}
