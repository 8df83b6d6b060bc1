package repair

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Outputs of a pass for site i of a stage: the shape of what is measured as (batch, channels, positions), int64; the
// mean; the square root of the sum of squared deviations; float32, one per channel.
func (s *Stage) outputs(i int) []string {
	prefix := fmt.Sprintf("wiseft.repair.%d.", i)
	return []string{prefix + "shape", prefix + "mean", prefix + "norm"}
}

// Outputs returns the names of the outputs of [Stage.Change]: three for each site, then the carried values.
func (s *Stage) Outputs(carry []string) (names []string) {
	for i := range s.Sites {
		names = append(names, s.outputs(i)...)
	}
	return append(names, carry...)
}

// Change returns the change that leaves, of the stage's model, what computes the moments of its sites and some carried
// values, from the given inputs: the model's own, or values that an earlier stage has carried. Of more than [Positions]
// positions, some are measured. undeclared says that the inputs have not the positions that the model declares.
func (s *Stage) Change(inputs []onnx.Value, carry []string, undeclared bool) onnx.Change {
	m := s.graph.model
	stop := map[string]bool{}
	for _, in := range inputs {
		stop[in.Name] = true
	}
	ends := slices.Clone(carry)
	for _, x := range s.Sites {
		ends = append(ends, x.At().Value)
	}
	c := onnx.Change{Needed: s.graph.upstream(ends, stop), Inputs: inputs, Undeclared: undeclared}
	addConstants(&c.Add)
	for i, x := range s.Sites {
		b := momentNodes{add: &c.Add, prefix: fmt.Sprintf("wiseft.repair.%d.", i), opset: m.Opset()}
		b.measure(x.At(), s.outputs(i))
	}
	for _, name := range carry {
		v := m.Graph.Value(name)
		if undeclared {
			v.Shape = nil
		}
		c.Add.Output(v)
	}
	return c
}

// Positions is how many positions of a sample, such as points or pixels, are measured if it has more: one at a random
// place of each of as many equal parts, the same ones in all models. Of 64 clouds these are 4,096 numbers of each
// channel. A deviation of independent normal numbers has an error of 1.1 % then; in the quotient of two networks' on
// the same positions most of that cancels.
const Positions = 64

// parts has a place in each of as many equal parts of [0, 1).
var parts = func() (list [Positions]float32) {
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range list {
		list[i] = (float32(i) + .999*rng.Float32()) / Positions
	}
	return list
}()

// Position returns which of n positions is the i-th that is measured, if there are more than [Positions].
func Position(i, n int) int { return int(parts[i] * float32(n)) }

// opsetSampled is the operator set from which on bounds of slices are operands, which sampled positions need.
const opsetSampled = 10

// opsetAxes is the operator set from which on axes are an operand of reductions.
const opsetAxes = 18

const (
	constantAxes  = "wiseft.repair.axes"  // of reductions
	constantTwo   = "wiseft.repair.two"   // the axis of positions
	constantThree = "wiseft.repair.three" // what follows it
	constantZero  = "wiseft.repair.zero"
	constantMost  = "wiseft.repair.most"  // positions
	constantFirst = "wiseft.repair.first" // that many positions from the first one on
	constantParts = "wiseft.repair.parts" // a place in each part of [0, 1)
)

// addConstants adds what the moments of all sites take.
func addConstants(add *onnx.Additions) {
	add.Int64s(constantAxes, 0, 2)
	add.Int64s(constantTwo, 2)
	add.Int64s(constantThree, 3)
	add.Int64s(constantZero, 0)
	add.Int64s(constantMost, Positions)
	first := make([]int64, Positions)
	for i := range first {
		first[i] = int64(i)
	}
	add.Int64s(constantFirst, first...)
	add.Float32s(constantParts, []int64{Positions}, parts[:])
}

// momentNodes adds operators that compute the moments of one value.
type momentNodes struct {
	add    *onnx.Additions
	prefix string
	opset  int64
}

// node adds an operator, and returns its output.
func (b momentNodes) node(op, out string, attributes []onnx.NewAttribute, in ...string) string {
	b.add.Node(onnx.NewNode{Name: out, OpType: op, Inputs: in, Outputs: []string{out}, Attributes: attributes})
	return out
}

// measure adds the outputs of a place: shape, mean and norm, see [Stage.outputs].
func (b momentNodes) measure(at Place, out []string) {
	dims := []int64{0, int64(at.Channels), -1}
	if at.Last {
		dims = []int64{-1, int64(at.Channels), 1}
	}
	b.add.Int64s(b.prefix+"dims", dims...)
	x := b.node("Cast", b.prefix+"float32", []onnx.NewAttribute{{Name: "to", Int: int64(onnx.Float32)}}, at.Value)
	x = b.node("Reshape", b.prefix+"channels", nil, x, b.prefix+"dims")
	if !at.Last && b.opset >= opsetSampled {
		x = b.sample(x)
	}
	axes := []onnx.NewAttribute{{Name: "axes", Ints: []int64{0, 2}}}
	var operand []string
	if b.opset >= opsetAxes {
		axes, operand = nil, []string{constantAxes}
	}
	b.node("Shape", out[0], nil, x)
	mean := b.node("ReduceMean", out[1], axes, append([]string{x}, operand...)...)
	deviations := b.node("Sub", b.prefix+"deviations", nil, x, mean)
	b.node("ReduceL2", out[2], axes, append([]string{deviations}, operand...)...)
	b.add.Output(onnx.Value{Name: out[0], DType: onnx.Int64})
	b.add.Output(onnx.Value{Name: out[1], DType: onnx.Float32})
	b.add.Output(onnx.Value{Name: out[2], DType: onnx.Float32})
}

// sample returns some positions of a value (batch, channels, positions): all, if there are at most [Positions]. The
// indices are the first ones or those of parts; the list that does not apply is cut to length 0.
func (b momentNodes) sample(x string) string {
	shape := b.node("Shape", b.prefix+"whole", nil, x)
	n := b.node("Slice", b.prefix+"positions", nil, shape, constantTwo, constantThree)
	to := func(t onnx.DType) []onnx.NewAttribute { return []onnx.NewAttribute{{Name: "to", Int: int64(t)}} }
	many := b.node("Cast", b.prefix+"many", to(onnx.Int64), b.node("Less", b.prefix+"more", nil, constantMost, n))
	few := b.node("Sub", b.prefix+"few", nil, n, b.node("Mul", b.prefix+"none", nil, n, many))
	first := b.node("Slice", b.prefix+"first", nil, constantFirst, constantZero, few)
	spread := b.node("Mul", b.prefix+"spread", nil, constantParts, b.node("Cast", b.prefix+"number", to(onnx.Float32), n))
	spread = b.node("Cast", b.prefix+"places", to(onnx.Int64), b.node("Floor", b.prefix+"floor", nil, spread))
	spread = b.node("Slice", b.prefix+"taken", nil, spread, constantZero,
		b.node("Mul", b.prefix+"most", nil, many, constantMost))
	list := b.node("Concat", b.prefix+"indices", []onnx.NewAttribute{{Name: "axis", Int: 0}}, first, spread)
	return b.node("Gather", b.prefix+"sampled", []onnx.NewAttribute{{Name: "axis", Int: 2}}, x, list)
}
