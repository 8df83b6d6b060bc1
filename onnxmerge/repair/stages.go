package repair

import (
	"maps"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Stage is a set of sites that do not depend on one another, but only on those of stages before.
type Stage struct {
	Sites []Site
	// Carry are the values from which all later stages can be computed, once this one is corrected: computed by this
	// stage or before, and taken by operators behind its sites. Those that do not depend on the data are left out.
	Carry []string

	graph *stagedGraph
	level int
}

// stagedGraph is what the stages of one model share.
type stagedGraph struct {
	model  *onnx.Model
	levels map[string]int  // how many sites a value depends on, on the path with the most
	live   map[string]bool // it depends on a model input
	order  []int           // of the nodes, each behind those that it takes from
}

// Stages divides sites of a model, in the order in which they are to be corrected.
func Stages(m *onnx.Model, sites []Site) []*Stage {
	g := newStagedGraph(m)
	targets := map[int]bool{}
	for _, x := range sites {
		targets[x.At().node] = true
	}
	g.walk(targets)
	byLevel := map[int][]Site{}
	for _, x := range sites {
		level := g.levels[x.At().Name] - 1
		byLevel[level] = append(byLevel[level], x)
	}
	var stages []*Stage
	for _, level := range slices.Sorted(maps.Keys(byLevel)) {
		stages = append(stages, &Stage{Sites: byLevel[level], graph: g, level: level})
	}
	var later []string
	for i := len(stages) - 1; i >= 0; i-- {
		stages[i].Carry = g.carry(stages[i].level, later)
		for _, x := range stages[i].Sites {
			later = append(later, x.At().Value)
		}
	}
	return stages
}

// Upstream returns, for every site, the values that its output depends on, its tensors among them.
func Upstream(m *onnx.Model, sites []Site) ([]map[string]bool, error) {
	g, err := flow.New(m)
	if err != nil {
		return nil, err
	}
	list := make([]map[string]bool, len(sites))
	for i, x := range sites {
		list[i] = g.Upstream(x.At().Name)
	}
	return list, nil
}

// Together returns all sites as one stage, which carries nothing: for models that need no correction.
func Together(m *onnx.Model, sites []Site) *Stage {
	return &Stage{Sites: sites, graph: newStagedGraph(m)}
}

func newStagedGraph(m *onnx.Model) *stagedGraph {
	g := &stagedGraph{model: m, levels: map[string]int{}, live: map[string]bool{}}
	g.sort()
	return g
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
