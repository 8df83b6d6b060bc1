package twin

import (
	"cmp"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Pair is a tensor of each model.
type Pair struct {
	A, B *onnx.Tensor
	// Whole means that the elements have one order in both, and that nothing is folded into one of them: operators take
	// them in the same way.
	Whole bool
	// Folded means that an affine operator of one model is folded into the weight of the other.
	Folded bool
}

// Models are two models whose tensors are paired.
type Models struct {
	A, B   *onnx.Model
	Pairs  []Pair
	Inputs map[string]string // the name of A's input by that of B's
}

// Point is a value of B's main graph and its counterpart in A's. Both depend on an input of the model and on a weight.
type Point struct {
	A, B string
	Sure bool // unequal values show that weights are unequal, or operators
	at   int  // index of B's operator
}

// Matching has the points of two models.
type Matching struct {
	Points []Point // in the order of B's operators
	values map[string]Point
	order  map[string]int // indices of B's operators by their results
}

// Counterpart returns the point of a value of B.
func (m *Matching) Counterpart(b string) (Point, bool) {
	p, ok := m.values[b]
	return p, ok
}

// Guess returns two values as a point that is not sure.
func (m *Matching) Guess(a, b string) Point { return Point{A: a, B: b, at: m.order[b]} }

// Find returns the points of two models. Errors are those of [flow.New], or come from reading constants.
func Find(m Models) (*Matching, error) {
	a, err := newSide(m.A)
	if err != nil {
		return nil, err
	}
	b, err := newSide(m.B)
	if err != nil {
		return nil, err
	}
	x := &anchors{a: a, b: b, ofA: map[string]int{}, ofB: map[string]int{}, partner: map[*onnx.Tensor]*onnx.Tensor{}}
	x.add(m.Pairs)
	a.anchor, b.anchor, a.sure, b.sure = x.ofA, x.ofB, x.sure, x.sure
	for _, p := range m.Pairs {
		if p.Whole {
			a.known[p.A], b.known[p.B] = "weight "+p.A.ID(), "weight "+p.A.ID()
		}
		a.weights[p.A], b.weights[p.B] = true, true
	}
	for nameB, nameA := range m.Inputs {
		a.values[nameA], b.values[nameB] = class{id: "input " + nameA}, class{id: "input " + nameA}
	}
	if err := a.number(); err != nil {
		return nil, err
	}
	if err := b.number(); err != nil {
		return nil, err
	}
	return match(a, b), nil
}

// match returns the points of two numbered sides.
func match(a, b *side) *Matching {
	first := map[string]string{} // the first value of A by its class
	for i := range a.model.Graph.Nodes {
		for _, out := range a.model.Graph.Nodes[i].Outputs {
			if id := a.values[out].id; a.isPoint(out) && first[id] == "" {
				first[id] = out
			}
		}
	}
	m := &Matching{values: map[string]Point{}, order: map[string]int{}}
	seen := map[string]bool{}
	for i := range b.model.Graph.Nodes {
		for _, out := range b.model.Graph.Nodes[i].Outputs {
			c := b.values[out]
			m.order[out] = i
			if !b.isPoint(out) || first[c.id] == "" {
				continue
			}
			p := Point{A: first[c.id], B: out, Sure: !c.unsure && !a.values[first[c.id]].unsure, at: i}
			m.values[out] = p
			if !seen[c.id] {
				seen[c.id] = true
				m.Points = append(m.Points, p)
			}
		}
	}
	slices.SortStableFunc(m.Points, func(x, y Point) int { return cmp.Compare(x.at, y.at) })
	return m
}

// side is one of the two models.
type side struct {
	model  *onnx.Model
	graph  *flow.Graph
	live   map[string]bool // values that depend on an input
	output map[string]bool // outputs of the model

	known   map[*onnx.Tensor]string // classes of paired tensors
	weights map[*onnx.Tensor]bool   // paired tensors
	anchor  map[string]int
	sure    []bool // by anchor
	values  map[string]class
}

func newSide(m *onnx.Model) (*side, error) {
	g, err := flow.New(m)
	if err != nil {
		return nil, err
	}
	s := &side{model: m, graph: g, output: map[string]bool{}, known: map[*onnx.Tensor]string{},
		weights: map[*onnx.Tensor]bool{}, values: map[string]class{}}
	var inputs []string
	for _, in := range m.Graph.Inputs {
		inputs = append(inputs, in.Name)
	}
	for _, out := range m.Graph.Outputs {
		s.output[out.Name] = true
	}
	s.live = g.Downstream(inputs...)
	return s, nil
}

// isPoint reports whether a value is worth a comparison.
func (s *side) isPoint(name string) bool {
	return name != "" && s.live[name] && s.values[name].weighted
}

// After reports whether p's operator comes after x's in B.
func (p Point) After(x Point) bool { return p.at > x.at }
