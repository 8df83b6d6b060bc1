package wiseft

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/probe/ort"
)

// proofInputs are the inputs of both models of a proof. Sizes that the models leave open are chosen.
type proofInputs struct {
	swap *onnxmerge.Swap
	opt  ProveOptions

	list      []*proofInput
	sizes     *inputSizes
	selective bool
	samples   int    // of a draw
	batches   [2]int // samples that one pass takes: of the other model, and of the written graph
	draws     int    // each with other random numbers
	level     int    // of the sizes that are tried
	tried     [2]int // indices into otherBatches, of both models
	settled   bool   // a pass has succeeded
	given     bool   // all have the first samples of data
}

// proofInput is an input of both models.
type proofInput struct {
	of    [2]onnx.Value // of the other model, and of the written graph
	perm  []int         // axis i of the other model is axis perm[i] of the written graph
	shape []int64       // of a draw, in the order of the written graph
	data  ort.Array     // for the written graph, if samples of data are given
	use   flow.InputUse
}

// minSamples is the number of samples from which on most must agree where single ones may not.
const minSamples = 8

// prepare pairs the inputs and chooses their sizes. It returns a reason if that is not possible.
func (in *proofInputs) prepare(ctx context.Context) (reason string, err error) {
	if missing := in.swap.MissingInputs; len(missing) > 0 {
		return fmt.Sprintf("the inputs %s are in one model only", strings.Join(missing, ", ")), nil
	}
	if len(in.swap.Graph.Graph.Inputs) == 0 {
		return "the models have no inputs", nil
	}
	usesA, usesB := flow.InputUses(in.swap.Model), flow.InputUses(in.swap.Graph)
	for _, b := range in.swap.Graph.Graph.Inputs {
		at := slices.IndexFunc(in.swap.Model.Graph.Inputs,
			func(a onnx.Value) bool { return a.Name == in.swap.Inputs[b.Name] })
		x := &proofInput{of: [2]onnx.Value{in.swap.Model.Graph.Inputs[at], b}, use: usesB[b.Name]}
		if rows := usesA[x.of[0].Name].Rows; rows > 0 && (x.use.Rows == 0 || rows < x.use.Rows) {
			x.use.Rows = rows
		}
		if reason := x.check(!in.opt.Data.isZero()); reason != "" {
			return reason, nil
		}
		in.list = append(in.list, x)
	}
	var ends []string
	for _, p := range in.swap.Features {
		ends = append(ends, p.B)
	}
	for _, out := range in.swap.Graph.Graph.Outputs {
		if len(in.swap.Features) == 0 {
			ends = append(ends, out.Name)
		}
	}
	in.selective, in.draws = in.swap.IsSelective(ends), 1
	in.sizes = newInputSizes(in.list)
	if reason := in.sizes.conflict; reason != "" {
		return reason, nil
	}
	if !in.opt.Data.isZero() {
		return in.readData(ctx)
	}
	in.setShapes()
	return "", nil
}

// check refuses inputs that no array can be made for: texts are not drawn.
func (x *proofInput) check(given bool) string {
	a, b := x.of[0], x.of[1]
	for _, v := range x.of {
		switch {
		case v.DType == onnx.DTypeUndefined:
			return fmt.Sprintf("input %q has no declared type", v.Name)
		case ort.ElementType(v.DType).Size() == 0 && !(given && v.DType == onnx.String):
			return fmt.Sprintf("input %q is %s, which is not supported", v.Name, v.DType)
		}
	}
	if a.DType.IsFloat() != b.DType.IsFloat() || len(a.Shape) != len(b.Shape) {
		return fmt.Sprintf("input %q is %s with %d axes in one model, and %s with %d in the other", b.Name, a.DType,
			len(a.Shape), b.DType, len(b.Shape))
	}
	x.perm = axisOrder(a.Shape, b.Shape)
	return ""
}

// otherBatches are batches that are tried for a model that declares any, since exporters write the one that they have
// traced into shapes; 0 is the first choice.
var otherBatches = []int{0, 2, 1, 3, 4}

// resize takes the next sizes after a pass of one side has failed: another batch of that side, then other lengths of
// axes that the models leave open. It returns false if there are none, or if a pass has succeeded.
func (in *proofInputs) resize(side int) bool {
	if in.settled || in.given {
		return false
	}
	in.tried[side]++
	if in.tried[side] == len(otherBatches) || !in.sizes.isBatchOpen(side) {
		if in.tried = [2]int{}; in.level+1 == len(openSizes) || !in.sizes.isOpen() {
			return false
		}
		in.level++
	}
	in.setShapes()
	return true
}

// addDraws adds samples where single ones may differ and there are few; false if there are enough.
func (in *proofInputs) addDraws() bool {
	if !in.selective || in.draws > 1 || in.samples >= minSamples || in.given {
		return false
	}
	in.draws = (minSamples + in.samples - 1) / in.samples
	return true
}

// setShapes sets the number of samples and all shapes.
func (in *proofInputs) setShapes() {
	in.batches = in.sizes.batches(in.selective)
	for side, i := range in.tried {
		if otherBatches[i] > 0 {
			in.batches[side] = otherBatches[i]
		}
	}
	a, b := in.batches[0], in.batches[1]
	in.samples = a / gcd(a, b) * b
	for _, x := range in.list {
		x.shape = in.sizes.shape(x, in.samples, in.level)
	}
}

// describe returns the inputs for the result.
func (in *proofInputs) describe() []onnxmerge.ProofInput {
	list := []onnxmerge.ProofInput{}
	for _, x := range in.list {
		values := x.kind().String()
		switch {
		case in.given:
			values = in.opt.Data.Path
		case x.kind() == inputIDs:
			values = fmt.Sprintf("random ids below %d", x.use.Rows)
		}
		list = append(list, onnxmerge.ProofInput{Name: x.of[1].Name, DType: x.of[1].DType.String(),
			Shape: append([]int64{}, x.shape...), Values: values})
	}
	return list
}
