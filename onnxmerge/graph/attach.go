package graph

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
)

// Head is a classifier to be put on top of a model.
type Head struct {
	Tensor  string      // the value it reads: features, one row per sample
	Output  string      // the name of its scores, a new value; "" means "scores"
	Layers  []HeadLayer // applied in order; the last has one output per class
	Softmax bool        // the output is the softmax of the scores
	// Mean is a value for each feature that is subtracted from it first, which changes
	// nothing but the rounding: features of several times their deviation cost that many
	// times the digits. Biases are those of plain features all the same. nil = 0.
	Mean []float32
	// Float64 lets the runtime compute in double precision, with the weights stored as
	// float32 all the same, and round the scores once. Else its sums are float32, and a
	// score of 30 from a thousand features is off by some 1e-5 with Mean, 7e-5 without.
	Float64 bool
	Classes []string // names, written into the metadata; nil if unknown
}

// HeadLayer is an affine map followed by an activation.
type HeadLayer struct {
	Weight     []float32 // outputs x inputs, row-major
	Bias       []float32 // one per output
	Activation string    // "", "relu", or "step": 1 where the value is above 0, else 0
}

// shifted returns the layer with sign times its weights' products with mean added to the
// biases: with 1 the layer for features from which mean has been taken, with -1 the way
// back.
func (l HeadLayer) shifted(mean []float32, sign float64) HeadLayer {
	bias := make([]float32, len(l.Bias))
	for c, b := range l.Bias {
		sum := 0.0
		for j, m := range mean {
			sum += float64(l.Weight[c*len(mean)+j]) * float64(m)
		}
		bias[c] = float32(float64(b) + sign*sum)
	}
	return HeadLayer{Weight: l.Weight, Bias: bias, Activation: l.Activation}
}

// check refuses a head whose layers do not fit each other.
func (h Head) check() error {
	if len(h.Layers) == 0 {
		return fmt.Errorf("graph: a head has no layers")
	}
	inputs := 0
	for i, l := range h.Layers {
		if len(l.Bias) == 0 || len(l.Weight) == 0 || len(l.Weight)%len(l.Bias) != 0 {
			return fmt.Errorf("graph: a head of %d weights and %d outputs is not rectangular", len(l.Weight), len(l.Bias))
		}
		if i > 0 && len(l.Weight)/len(l.Bias) != inputs {
			return fmt.Errorf("graph: layer %d of a head takes %d values, the one before gives %d", i, len(l.Weight)/len(l.Bias), inputs)
		}
		if l.Activation != "" && l.Activation != "relu" && l.Activation != "step" {
			return fmt.Errorf("graph: unknown activation %q", l.Activation)
		}
		inputs = len(l.Bias)
	}
	if h.Mean != nil && int64(len(h.Mean)) != h.dim() {
		return fmt.Errorf("graph: a head of %d features has %d means", h.dim(), len(h.Mean))
	}
	return nil
}

// dim is the number of values that the head takes.
func (h Head) dim() int64 { return int64(len(h.Layers[0].Weight) / len(h.Layers[0].Bias)) }

// Metadata keys that Attach writes.
const (
	ClassesKey = "wiseft.classes" // the class names, a JSON array of strings
	HeadKey    = "wiseft.head"    // the tensor that the attached head reads
)

// Attach writes the model with head as its only output, computed by Flatten, Gemm and
// activation nodes in the form that the model's opset has. Whatever the scores do not
// need, such as the old head, is removed, operators and weights alike. Features of
// another dtype than float32 are cast first.
func (m *Model) Attach(ctx context.Context, w io.Writer, head Head) error {
	if head.Output == "" {
		head.Output = "scores"
	}
	if err := head.check(); err != nil {
		return err
	}
	weights, err := m.Weights()
	if err != nil {
		return err
	}
	if err := m.checkValue(weights, head.Tensor); err != nil {
		return err
	}
	if err := m.checkDim(head); err != nil {
		return err
	}
	needs := weights.Needs(head.Tensor)
	if _, taken := weights.Value(head.Output); taken && needs[head.Output] {
		return formatf("the model computes a tensor named %q already; choose another name for the scores", head.Output)
	}
	edits := m.pruneTo(needs)
	edits = append(edits, m.insert(m.headFields(head)))
	edits = append(edits, m.metadataEdits(HeadKey, head.Tensor)...)
	if head.Classes != nil {
		names, err := json.Marshal(head.Classes)
		if err != nil {
			return err
		}
		edits = append(edits, m.metadataEdits(ClassesKey, string(names))...)
	}
	_, err = m.write(ctx, single{w}, edits, nil, WriteOptions{Layout: Inside})
	return err
}

// checkDim refuses a head for features of another size, where the model declares it.
func (m *Model) checkDim(head Head) error {
	shape := m.Graph.value(head.Tensor).Shape
	if len(shape) == 0 {
		return nil
	}
	dim, want := int64(1), head.dim()
	for _, d := range shape[1:] {
		if d.Len < 0 {
			return nil
		}
		dim *= d.Len
	}
	if dim != want {
		return MismatchError(fmt.Sprintf("tensor %q has %d values a sample, the head takes %d", head.Tensor, dim, want))
	}
	return nil
}

// pruneTo deletes all outputs, and the nodes, initializers and declared values that
// none of the needed values comes from.
func (m *Model) pruneTo(needs map[string]bool) []wire.Edit {
	g := m.Graph
	edits := remove(g.outputs, func(string) bool { return true }, g.within)
	for _, n := range g.Nodes {
		needed := false
		for _, name := range n.Outputs {
			needed = needed || needs[name]
		}
		if !needed {
			edits = append(edits, wire.Edit{At: n.field.Whole(), Within: g.within})
		}
	}
	unneeded := func(name string) bool { return !needs[name] }
	edits = append(edits, remove(g.initializers, unneeded, g.within)...)
	return append(edits, remove(g.values, unneeded, g.within)...)
}

// metadataEdits set a metadata property of the model.
func (m *Model) metadataEdits(key, value string) []wire.Edit {
	end := wire.Span{Off: m.source.All().Len}
	return append(m.dropMetadata(key), wire.NewEdit(end, metadataField(key, value), nil))
}

// dropMetadata removes a metadata property of the model.
func (m *Model) dropMetadata(key string) []wire.Edit {
	return remove(m.metadata, func(name string) bool { return name == key }, nil)
}

// metadataField encodes a metadata property as a field of the model.
func metadataField(key, value string) []byte {
	entry := appendText(appendText(nil, entryKey, key), entryValue, value)
	return appendMessage(nil, modelMetadataProps, entry)
}
