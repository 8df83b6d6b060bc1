package surgery

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Positions describes how a value of the main graph, with one row a sample, is made from the positions of one tensor
// [batch, positions, features], such as tokens: the parts of a row in their order, "position 0, maximum of positions 1
// and up". A part is some positions side by side, or the mean, the maximum or both added, "mean + maximum", of all positions or a range of
// them. "" is any other value.
func Positions(m *onnx.Model, value string) string {
	p := positions{m: m}
	parts := p.parts(p.forwarded(value))
	if slices.Contains(parts, "") {
		return ""
	}
	return strings.Join(parts, ", ")
}

// positions follows a value back to the tensor whose positions it is made from.
type positions struct {
	m      *onnx.Model
	source string // "" until the first part has been followed
}

// positionsAxis is the axis of the positions, and of the parts of a row.
const positionsAxis = 1

// forwarded returns the value that a value equals but for its shape's axes of length 1.
func (p *positions) forwarded(value string) string {
	for range p.m.Graph.Nodes { // a file may have a cycle
		n := p.m.Graph.Producer(value)
		if n == nil || len(n.Inputs) == 0 {
			break
		}
		single := n.OpType == "Concat" && len(n.Inputs) == 1
		if !single && !slices.Contains([]string{"Identity", "Squeeze", "Flatten", "Reshape"}, n.OpType) {
			break
		}
		value = n.Inputs[0]
	}
	return value
}

// parts returns the parts of a row; "" for one that is not known.
func (p *positions) parts(value string) (list []string) {
	n := p.m.Graph.Producer(value)
	if n == nil || n.OpType != "Concat" {
		return []string{p.part(value)}
	}
	if axis := n.Ints["axis"]; len(axis) != 1 || axis[0] != positionsAxis && axis[0] != -1 {
		return []string{""}
	}
	for _, in := range n.Inputs {
		list = append(list, p.part(p.forwarded(in)))
	}
	return list
}

// part describes one part; "" if it is not known.
func (p *positions) part(value string) string {
	n := p.m.Graph.Producer(value)
	if n == nil || len(n.Inputs) == 0 {
		return ""
	}
	switch n.OpType {
	case "ReduceMax", "ReduceMean":
		if r, ok := p.reduced(n); ok {
			return fmt.Sprintf("%s of %v", map[string]string{"ReduceMax": "maximum", "ReduceMean": "mean"}[n.OpType], r)
		}
	case "Add":
		return p.sum(n)
	case "Slice":
		if r, ok := p.cut(value); ok && r.last < math.MaxInt64 {
			return r.String()
		}
	case "Gather":
		if i, ok := p.ints(n.Inputs[len(n.Inputs)-1]); ok && len(i) == 1 && i[0] >= 0 && p.axis(n) == positionsAxis && p.from(n.Inputs[0]) {
			return positionRange{i[0], i[0]}.String()
		}
	}
	return ""
}

// sum describes the mean and the maximum of the same positions, added in either order.
func (p *positions) sum(n *onnx.Node) string {
	var ops []string
	var ranges []positionRange
	for _, in := range n.Inputs {
		if of := p.m.Graph.Producer(p.forwarded(in)); of != nil {
			if r, ok := p.reduced(of); ok {
				ops, ranges = append(ops, of.OpType), append(ranges, r)
			}
		}
	}
	slices.Sort(ops)
	if !slices.Equal(ops, []string{"ReduceMax", "ReduceMean"}) || ranges[0] != ranges[1] {
		return ""
	}
	return fmt.Sprintf("mean + maximum of %v", ranges[0])
}

// reduced returns the positions that a ReduceMax or ReduceMean reduces.
func (p *positions) reduced(n *onnx.Node) (r positionRange, ok bool) {
	if n.OpType != "ReduceMax" && n.OpType != "ReduceMean" || len(n.Inputs) == 0 {
		return r, false
	}
	axes, given := n.Ints["axes"]
	if !given && len(n.Inputs) > 1 {
		axes, given = p.ints(n.Inputs[1])
	}
	if !given || len(axes) != 1 || axes[0] != positionsAxis && axes[0] != -2 {
		return r, false
	}
	return p.cut(n.Inputs[0])
}

// cut returns the positions of the source that a tensor has, if it is the source or a Slice of its positions.
func (p *positions) cut(value string) (r positionRange, ok bool) {
	r = positionRange{0, math.MaxInt64}
	n := p.m.Graph.Producer(value)
	if n == nil || n.OpType != "Slice" || len(n.Inputs) == 0 {
		return r, p.from(value)
	}
	bounds := [4][]int64{3: {1}} // starts, ends, axes, steps
	for i, name := range []string{"starts", "ends", "axes"} {
		bounds[i] = n.Ints[name]
	}
	for i := range bounds {
		if i+1 < len(n.Inputs) && n.Inputs[i+1] != "" {
			if bounds[i], ok = p.ints(n.Inputs[i+1]); !ok {
				return r, false
			}
		}
	}
	for _, b := range bounds {
		if len(b) != 1 {
			return r, false
		}
	}
	start, end, axis, step := bounds[0][0], bounds[1][0], bounds[2][0], bounds[3][0]
	if start < 0 || end <= start || axis != positionsAxis && axis != -2 || step != 1 || !p.from(n.Inputs[0]) {
		return r, false
	}
	r.first = start
	if end < math.MaxInt32 { // exporters write larger ones for "to the end"
		r.last = end - 1
	}
	return r, true
}

// from reports whether a value is the tensor whose positions all parts are made from.
func (p *positions) from(value string) bool {
	if p.source == "" {
		p.source = value
	}
	return p.source == value
}

// axis returns the axis of a Gather.
func (p *positions) axis(n *onnx.Node) int64 {
	if axis := n.Ints["axis"]; len(axis) == 1 {
		return axis[0]
	}
	return 0
}

// ints returns the integers that a value always has.
func (p *positions) ints(value string) (list []int64, ok bool) {
	if n := p.m.Graph.Producer(value); n != nil && n.OpType == "Unsqueeze" && len(n.Inputs) > 0 {
		value = n.Inputs[0]
	}
	t, _, _ := p.m.Resolve(p.m.Graph, value)
	if t == nil || t.DType != onnx.Int64 || !t.Readable() || t.Len() > maxInts {
		return nil, false
	}
	list, err := t.Integers()
	return list, err == nil
}

// maxInts is the longest list of axes or bounds that is read.
const maxInts = 8

// positionRange has the first and the last of some positions; the last is math.MaxInt64 for all that follow.
type positionRange struct{ first, last int64 }

func (r positionRange) String() string {
	switch {
	case r.last == r.first:
		return fmt.Sprintf("position %d", r.first)
	case r.last < math.MaxInt64:
		return fmt.Sprintf("positions %d to %d", r.first, r.last)
	case r.first > 0:
		return fmt.Sprintf("positions %d and up", r.first)
	}
	return "all positions"
}
