package repair

import (
	"fmt"
	"maps"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Stage is a set of norms that do not depend on one another, but only on those of stages before.
type Stage struct {
	Norms []Norm
	// Carry are the values from which all later stages can be computed, once this one is corrected: computed by this
	// stage or before, and taken by operators behind its norms. Those that do not depend on the data are left out.
	Carry []string

	graph *stagedGraph
	level int
}

// stagedGraph is what the stages of one model share.
type stagedGraph struct {
	model  *onnx.Model
	levels map[string]int  // how many norms a value depends on, on the path with the most
	live   map[string]bool // it depends on a model input
	order  []int           // of the nodes, each behind those that it takes from
}

// Stages divides norms of a model, in the order in which they are to be corrected.
func Stages(m *onnx.Model, norms []Norm) []*Stage {
	g := &stagedGraph{model: m, levels: map[string]int{}, live: map[string]bool{}}
	g.sort()
	targets := map[int]bool{}
	for _, n := range norms {
		targets[n.node] = true
	}
	g.walk(targets)
	byLevel := map[int][]Norm{}
	for _, n := range norms {
		byLevel[g.levels[n.Input]] = append(byLevel[g.levels[n.Input]], n)
	}
	var stages []*Stage
	for _, level := range slices.Sorted(maps.Keys(byLevel)) {
		stages = append(stages, &Stage{Norms: byLevel[level], graph: g, level: level})
	}
	var later []string
	for i := len(stages) - 1; i >= 0; i-- {
		stages[i].Carry = g.carry(stages[i].level, later)
		for _, n := range stages[i].Norms {
			later = append(later, n.Input)
		}
	}
	return stages
}

// Upstream returns, for every norm, the values that its output depends on, its statistics among them.
func Upstream(m *onnx.Model, norms []Norm) ([]map[string]bool, error) {
	g, err := flow.New(m)
	if err != nil {
		return nil, err
	}
	list := make([]map[string]bool, len(norms))
	for i, n := range norms {
		list[i] = g.Upstream(n.Name)
	}
	return list, nil
}

// Together returns all norms as one stage, which carries nothing: for models whose norms need no correction.
func Together(m *onnx.Model, norms []Norm) *Stage {
	g := &stagedGraph{model: m, levels: map[string]int{}, live: map[string]bool{}}
	g.sort()
	return &Stage{Norms: norms, graph: g}
}

// sort orders the nodes; the file may have them in any order.
func (g *stagedGraph) sort() {
	nodes := g.model.Graph.Nodes
	producer, seen := map[string]int{}, make([]bool, len(nodes))
	for i := range nodes {
		for _, out := range nodes[i].Outputs {
			producer[out] = i
		}
	}
	type frame struct{ node, next int }
	for i := range nodes {
		if seen[i] {
			continue
		}
		seen[i] = true
		for stack := []frame{{node: i}}; len(stack) > 0; {
			top := &stack[len(stack)-1]
			sources := flow.Sources(&nodes[top.node])
			if top.next == len(sources) {
				g.order = append(g.order, top.node)
				stack = stack[:len(stack)-1]
				continue
			}
			from, computed := producer[sources[top.next]]
			top.next++
			if computed && !seen[from] {
				seen[from] = true
				stack = append(stack, frame{node: from})
			}
		}
	}
}

// walk sets the levels of all values.
func (g *stagedGraph) walk(targets map[int]bool) {
	for _, in := range g.model.Graph.Inputs {
		g.live[in.Name] = true
	}
	for _, i := range g.order {
		n := &g.model.Graph.Nodes[i]
		level, live := 0, false
		for _, name := range flow.Sources(n) {
			level, live = max(level, g.levels[name]), live || g.live[name]
		}
		if targets[i] {
			level++
		}
		for _, out := range n.Outputs {
			g.levels[out], g.live[out] = level, live
		}
	}
}

// carry returns the values up to a level that operators beyond it take, as far as later values depend on them.
func (g *stagedGraph) carry(level int, later []string) []string {
	needed := g.upstream(later, nil)
	found := map[string]bool{}
	for _, i := range g.order {
		n := &g.model.Graph.Nodes[i]
		if !slices.ContainsFunc(n.Outputs, func(out string) bool { return needed[out] && g.levels[out] > level }) {
			continue
		}
		for _, name := range flow.Sources(n) {
			if g.live[name] && g.levels[name] <= level {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// upstream returns all values that others depend on, these included, without what lies behind the values in stop and
// without these.
func (g *stagedGraph) upstream(of []string, stop map[string]bool) map[string]bool {
	needed := map[string]bool{}
	for _, name := range of {
		needed[name] = !stop[name]
	}
	for _, i := range slices.Backward(g.order) {
		n := &g.model.Graph.Nodes[i]
		if !slices.ContainsFunc(n.Outputs, func(out string) bool { return needed[out] }) {
			continue
		}
		for _, name := range flow.Sources(n) {
			needed[name] = needed[name] || !stop[name]
		}
	}
	return needed
}

// Outputs of a pass for norm i of a stage: the shape of its input as (batch, channels, positions), int64; the mean; the
// square root of the sum of squared deviations; float32, one per channel.
func (s *Stage) outputs(i int) []string {
	prefix := fmt.Sprintf("wiseft.repair.%d.", i)
	return []string{prefix + "shape", prefix + "mean", prefix + "norm"}
}

// Outputs returns the names of the outputs of [Stage.Change]: three for each norm, then the carried values.
func (s *Stage) Outputs(carry []string) (names []string) {
	for i := range s.Norms {
		names = append(names, s.outputs(i)...)
	}
	return append(names, carry...)
}

// opsetAxes is the operator set from which on axes are an operand of reductions.
const opsetAxes = 18

// Change returns the change that leaves, of the stage's model, what computes the moments of its norms and some carried
// values, from the given inputs: the model's own, or values that an earlier stage has carried.
func (s *Stage) Change(inputs []onnx.Value, carry []string) onnx.Change {
	m := s.graph.model
	stop := map[string]bool{}
	for _, in := range inputs {
		stop[in.Name] = true
	}
	ends := slices.Clone(carry)
	for _, n := range s.Norms {
		ends = append(ends, n.Input)
	}
	c := onnx.Change{Needed: s.graph.upstream(ends, stop), Inputs: inputs}
	axes := []onnx.NewAttribute{{Name: "axes", Ints: []int64{0, 2}}}
	var operand []string
	if m.Opset() >= opsetAxes {
		c.Add.Int64s("wiseft.repair.axes", 0, 2)
		axes, operand = nil, []string{"wiseft.repair.axes"}
	}
	for i, n := range s.Norms {
		out := s.outputs(i)
		name := func(part string) string { return fmt.Sprintf("wiseft.repair.%d.%s", i, part) }
		node := func(op, out string, attributes []onnx.NewAttribute, in ...string) {
			c.Add.Node(onnx.NewNode{Name: out, OpType: op, Inputs: in, Outputs: []string{out}, Attributes: attributes})
		}
		c.Add.Int64s(name("axes"), 0, int64(n.Channels), -1)
		node("Cast", name("float32"), []onnx.NewAttribute{{Name: "to", Int: int64(onnx.Float32)}}, n.Input)
		node("Reshape", name("channels"), nil, name("float32"), name("axes"))
		node("Shape", out[0], nil, name("channels"))
		node("ReduceMean", out[1], axes, append([]string{name("channels")}, operand...)...)
		node("Sub", name("deviations"), nil, name("channels"), out[1])
		node("ReduceL2", out[2], axes, append([]string{name("deviations")}, operand...)...)
		c.Add.Output(onnx.Value{Name: out[0], DType: onnx.Int64})
		c.Add.Output(onnx.Value{Name: out[1], DType: onnx.Float32})
		c.Add.Output(onnx.Value{Name: out[2], DType: onnx.Float32})
	}
	for _, name := range carry {
		c.Add.Output(m.Graph.Value(name))
	}
	return c
}
