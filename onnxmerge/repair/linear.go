package repair

import (
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Linear is a Conv, Gemm or MatMul of the main graph whose weight is merged, with the bias that it adds, in a network
// without BatchNormalization: it was folded into the weights, or there was none. Its output is corrected in weight and
// bias (C2M3: Crisostomi et al., NeurIPS 2024, has the goals for several models).
type Linear struct {
	place        Place
	weight, bias *onnx.Tensor // bias is nil without one
	axis         int          // of the weight, along which the output's channels are
}

// At implements [Site].
func (l *Linear) At() Place { return l.place }

// findLinear returns the linear operators that can be corrected, and a line for each of the others that have merged
// weights.
func findLinear(m *onnx.Model, merged map[string]bool) (sites []Site, kept []string) {
	uses := map[*onnx.Tensor]int{}
	for o := range flow.Operands(m) {
		uses[o.Tensor]++
	}
	g := linearGraph{m, map[string][]int{}}
	for i := range m.Graph.Nodes {
		for _, name := range flow.Sources(&m.Graph.Nodes[i]) {
			g.consumers[name] = append(g.consumers[name], i)
		}
	}
	for i := range m.Graph.Nodes {
		n := &m.Graph.Nodes[i]
		l, name := g.linear(i)
		if l == nil || !merged[l.weight.ID()] {
			continue
		}
		reason := ""
		switch {
		case uses[l.weight] > 1 || l.bias != nil && uses[l.bias] > 1:
			reason = "several operators share its weight"
		case l.bias != nil && !merged[l.bias.ID()]:
			reason = "its bias is not merged"
		case g.isAnswer(l.place.Name):
			reason = "its output is the model's: it is left as merged"
		case n.Op() == "Gemm" && (n.Floats["alpha"] != 0 && n.Floats["alpha"] != 1 || n.Floats["beta"] != 0 && n.Floats["beta"] != 1):
			reason = "it scales its operands"
		}
		if reason != "" {
			kept = append(kept, unused(name, reason))
			continue
		}
		sites = append(sites, l)
	}
	return sites, kept
}

// linearGraph is the main graph of a model, with the operators that take each value.
type linearGraph struct {
	m         *onnx.Model
	consumers map[string][]int
}

// linear reads a linear operator with a stored weight; nil for others. name is that of its output.
func (g linearGraph) linear(node int) (l *Linear, name string) {
	m := g.m
	n := &m.Graph.Nodes[node]
	if len(n.Inputs) < 2 || len(n.Outputs) == 0 {
		return nil, ""
	}
	weight, _, _ := m.Resolve(m.Graph, n.Inputs[1])
	if weight == nil {
		return nil, ""
	}
	l = &Linear{weight: weight}
	l.place = Place{Name: n.Outputs[0], Value: n.Outputs[0], Of: weight, node: node}
	switch n.Op() {
	case "Conv":
		if len(weight.Dims) < 3 {
			return nil, ""
		}
	case "Gemm":
		if len(weight.Dims) != 2 {
			return nil, ""
		}
		if !slices.Equal(n.Ints["transB"], []int64{1}) {
			l.axis = 1
		}
	case "MatMul":
		if len(weight.Dims) != 2 {
			return nil, ""
		}
		l.axis, l.place.Last = 1, true
	default:
		return nil, ""
	}
	l.place.Channels = int(weight.Dims[l.axis])
	if n.Op() == "MatMul" {
		g.takeAdd(l, n.Outputs[0])
	} else if len(n.Inputs) > 2 && n.Inputs[2] != "" {
		bias, _, _ := m.Resolve(m.Graph, n.Inputs[2])
		if bias == nil || bias.Len() != weight.Dims[l.axis] {
			return nil, ""
		}
		l.bias = bias
	}
	return l, n.Outputs[0]
}

// takeAdd makes the only consumer of a product the operator that computes the site, if it adds one number per channel.
func (g linearGraph) takeAdd(l *Linear, product string) {
	consumers := g.consumers[product]
	if len(consumers) != 1 || g.m.Graph.Nodes[consumers[0]].Op() != "Add" {
		return
	}
	n := &g.m.Graph.Nodes[consumers[0]]
	other := n.Inputs[0]
	if other == product {
		other = n.Inputs[1]
	}
	bias, _, _ := g.m.Resolve(g.m.Graph, other)
	if bias == nil || len(bias.Dims) != 1 || int(bias.Dims[0]) != l.place.Channels {
		return
	}
	l.bias, l.place.Name, l.place.Value, l.place.node = bias, n.Outputs[0], n.Outputs[0], consumers[0]
}

// passing are operators that only show values in another form.
var passing = map[string]bool{"Identity": true, "Softmax": true, "LogSoftmax": true, "Sigmoid": true, "Flatten": true,
	"Reshape": true, "Squeeze": true, "Cast": true}

// isAnswer reports whether a value is an output of the model, perhaps in another form.
func (g linearGraph) isAnswer(name string) bool {
	isOutput := func(v onnx.Value) bool { return v.Name == name }
	if slices.ContainsFunc(g.m.Graph.Outputs, isOutput) {
		return true
	}
	return slices.ContainsFunc(g.consumers[name], func(i int) bool {
		n := &g.m.Graph.Nodes[i]
		return passing[n.Op()] && n.Inputs[0] == name && len(n.Outputs) > 0 && g.isAnswer(n.Outputs[0])
	})
}

// Correct implements [Site]: W <- W / q, and b <- (b - mu) / q + gm, or b / q to correct the deviation alone. Without a
// bias to hold the mean, it is always the deviation alone.
func (l *Linear) Correct(mode Mode, goal Goal, merged *Moments) (*Correction, error) {
	if mode == Reset {
		return nil, fault.Mismatchf("the network has no running statistics to reset: it has no BatchNormalization").
			WithHint("use --repair-mode affine or scale")
	}
	weight, err := goal.Merged(l.weight)
	if err != nil {
		return nil, err
	}
	var bias []float64
	if l.bias != nil {
		if bias, err = goal.Merged(l.bias); err != nil {
			return nil, err
		}
	}
	c := &Correction{}
	rms := merged.rms()
	for i := range merged.Mean {
		gm, gs := goal.moments(i)
		if gs < 0 {
			return nil, fault.Mismatchf(negativeGoal, i, l.place.Name).WithHint("merge without --repair")
		}
		q := c.factor(i, merged.deviation(i), gs, rms)
		l.scale(weight, i, 1/q)
		switch {
		case bias == nil:
		case mode == Affine:
			bias[i] = (bias[i]-merged.Mean[i])/q + gm
		default:
			bias[i] /= q
		}
	}
	c.replace(l.weight, weight)
	if bias != nil {
		c.replace(l.bias, bias)
	}
	return c, nil
}

// scale multiplies the weights of a channel.
func (l *Linear) scale(weight []float64, channel int, factor float64) {
	channels := l.place.Channels
	if l.axis == 1 {
		for i := channel; i < len(weight); i += channels {
			weight[i] *= factor
		}
		return
	}
	per := len(weight) / channels
	for i := channel * per; i < (channel+1)*per; i++ {
		weight[i] *= factor
	}
}
