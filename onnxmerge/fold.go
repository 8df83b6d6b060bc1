package onnxmerge

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// An affine operator behind a linear one, such as BatchNormalization, that only one model has is folded in memory, so
// that both sides of a mix are folded:
//
//	W' = s W,  bias' = s (bias - mean) + shift
//
// with s as in [pair.Affine]. If the pre-trained model has it, W' and bias' replace its weights. If the fine-tuned
// model has it, its file keeps it, and the pre-trained model's W' and bias' are unfolded: s, mean and the layer's own
// bias stay those of the fine-tuned model, W'/s is mixed with its weight and bias' + s (mean - bias) with its shift.
// Without a shift, bias'/s is mixed with the layer's own bias. Folding the result then gives the mix of both folded
// models.

// foldAll decides the weights around every affine operator that is folded.
func (p *planner) foldAll(folds []*pair.Fold) error {
	decisions := map[*onnx.Tensor]*decision{}
	for i := range p.decisions {
		decisions[p.decisions[i].b] = &p.decisions[i]
	}
	folded := map[*onnx.Tensor]bool{}
	used := map[string]bool{}
	for _, f := range folds {
		changes, err := p.newFolding(f)
		var cannot foldError
		if errors.As(err, &cannot) {
			decisions[f.WeightB].Reason += "; it cannot be folded: " + cannot.Error()
			continue
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", f.WeightB.ID(), err)
		}
		for t, c := range changes {
			d := decisions[t]
			if folded[t] && c.action == Copy && d.Action == Copy {
				continue // shared by several layers, all of which keep it
			}
			if folded[t] {
				d.Action, d.Reason = Refuse, "shared by several layers that are folded differently"
				continue
			}
			folded[t] = true
			if d.Action == Copy && d.Reason == reasonNotSelected {
				continue
			}
			d.Action, d.Reason, d.a, d.perm = c.action, c.reason, c.a, nil
			d.fold, d.unfolded, d.how, d.among, d.kind = c.from, !f.InA, f.How, 1, notKept
		}
		for _, t := range f.TensorsA() {
			used[t.ID()] = true
		}
	}
	p.useFolded(used)
	return nil
}

// useFolded notes tensors of the pre-trained model that are part of others' counterparts, and removes them from the
// list of those that only it has.
func (p *planner) useFolded(used map[string]bool) {
	if p.foldedA == nil {
		p.foldedA = map[string]bool{}
	}
	maps.Copy(p.foldedA, used)
	var rest []string
	for _, id := range p.onlyA {
		if !used[id] {
			rest = append(rest, id)
		}
	}
	p.onlyA = rest
}

// foldKept begins the reason of tensors through which folded weights are unfolded.
const foldKept = "kept: the folded weights"

// foldError is the reason why an affine operator cannot be folded.
type foldError string

func (e foldError) Error() string { return string(e) }

// foldChange is the decision that a fold makes about a tensor of the fine-tuned model.
type foldChange struct {
	action Action
	reason string
	a      *onnx.Tensor // the main source in the pre-trained model, if action is Merge
	from   reader       // reads the folded or unfolded payload
}

// newFolding reads the affine operator's parameters and makes the decisions of one fold.
func (p *planner) newFolding(f *pair.Fold) (map[*onnx.Tensor]foldChange, error) {
	if reason := p.cannotFold(f); reason != "" {
		return nil, foldError(reason)
	}
	s, offset, err := affineMap(f.Affine)
	if err != nil {
		return nil, err
	}
	read := source(f.WeightA, f.Perm, f.WeightA.DType.Bits()/8)
	if f.WeightA.DType != f.WeightB.DType {
		codec, _ := f.WeightB.DType.Codec()
		read = newInput(read, f.WeightA.DType).convert(codec)
	}
	biasA, err := valuesOrZeros(f.BiasA, len(s))
	if err != nil {
		return nil, err
	}
	if f.InA {
		return p.foldInto(f, read, s, offset, biasA)
	}
	return p.unfoldFrom(f, read, s, offset, biasA)
}

// foldInto decides a fold of the pre-trained model's affine operator into its weights.
func (p *planner) foldInto(f *pair.Fold, read reader, s, offset, biasA []float64) (map[*onnx.Tensor]foldChange, error) {
	reason := fmt.Sprintf("paired with %q, with the %s after it folded in", f.WeightA.ID(), f.Affine.Op)
	changes := map[*onnx.Tensor]foldChange{
		f.WeightB: {Merge, reason, f.WeightA, newScaled(f.WeightB, read, f.Axis, s)},
	}
	nonzero := false
	for c := range s {
		biasA[c] = s[c]*biasA[c] + offset[c]
		nonzero = nonzero || biasA[c] != 0
	}
	switch {
	case f.BiasB != nil:
		changes[f.BiasB] = foldChange{Merge, reason, cmp.Or(f.Affine.Shift, f.BiasA, f.WeightA),
			encoded(f.BiasB.DType, biasA)}
	case nonzero:
		return nil, foldError("the fine-tuned model's layer has no bias, into which the shift is folded")
	}
	return changes, nil
}

// unfoldFrom decides a fold of the pre-trained model's weights through the fine-tuned model's affine operator.
func (p *planner) unfoldFrom(
	f *pair.Fold, read reader, s, offset, biasA []float64,
) (map[*onnx.Tensor]foldChange, error) {
	biasB, err := valuesOrZeros(f.BiasB, len(s))
	if err != nil {
		return nil, err
	}
	shift, err := valuesOrZeros(f.Affine.Shift, len(s))
	if err != nil {
		return nil, err
	}
	inverse := make([]float64, len(s))
	nonzero := false
	for c := range s {
		if s[c] == 0 {
			return nil, foldError(fmt.Sprintf("the %s's scale is 0 in channel %d, and unfolding divides by it",
				f.Affine.Op, c))
		}
		inverse[c] = 1 / s[c]
		nonzero = nonzero || biasA[c] != 0
	}
	reason := fmt.Sprintf("paired with the folded %q, unfolded through the %s of the fine-tuned model",
		f.WeightA.ID(), f.Affine.Op)
	kept := fmt.Sprintf(foldKept+" of %q are unfolded through it", f.WeightA.ID())
	changes := map[*onnx.Tensor]foldChange{
		f.WeightB: {Merge, reason, f.WeightA, newScaled(f.WeightB, read, f.Axis, inverse)},
	}
	for _, t := range []*onnx.Tensor{f.BiasB, f.Affine.Scale, f.Affine.Mean, f.Affine.Variance} {
		if t != nil {
			changes[t] = foldChange{action: Copy, reason: kept}
		}
	}
	from := cmp.Or(f.BiasA, f.WeightA)
	switch {
	case f.Affine.Shift != nil:
		for c := range s {
			biasA[c] += shift[c] - offset[c] - s[c]*biasB[c] // shift - offset is s * mean
		}
		changes[f.Affine.Shift] = foldChange{Merge, reason, from, encoded(f.Affine.Shift.DType, biasA)}
	case f.BiasB != nil:
		for c := range s {
			biasA[c] *= inverse[c]
		}
		changes[f.BiasB] = foldChange{Merge, reason, from, encoded(f.BiasB.DType, biasA)}
	case nonzero:
		return nil, foldError("the fine-tuned model's layer has neither a bias nor a shift, into which the bias is unfolded")
	}
	return changes, nil
}

// cannotFold returns the reason why the weights cannot be read for folding; "" if they can.
func (p *planner) cannotFold(f *pair.Fold) string {
	for _, t := range []*onnx.Tensor{f.WeightA, f.WeightB, f.BiasB} {
		if t == nil {
			continue
		}
		if codec, ok := t.DType.Codec(); !ok || codec.Bits < 8 || !t.Readable() {
			return fmt.Sprintf("%q has elements of %s in %s; folding supports floating-point elements of 8 bits and more",
				t.ID(), t.DType, t.Store)
		}
	}
	if f.Perm == nil {
		return ""
	}
	return p.judge().cannotTranspose(f.WeightA)
}

// scaled reads a weight and multiplies each channel by a factor, rounded to the stored dtype as an exporter does.
type scaled struct {
	read   reader
	codec  kernel.Codec
	factor []float64
	inner  int64 // elements from one channel to the next
}

// newScaled scales the payload of read, which has the layout of t; axis is that of the channels.
func newScaled(t *onnx.Tensor, read reader, axis int, factor []float64) reader {
	codec, _ := t.DType.Codec()
	s := scaled{read: read, codec: codec, factor: factor, inner: 1}
	for _, d := range t.Dims[axis+1:] {
		s.inner *= d
	}
	return s.readAt
}

func (s scaled) readAt(dst []byte, off int64) error {
	if err := s.read(dst, off); err != nil {
		return err
	}
	size := s.codec.Bits / 8
	values := make([]float64, min(blockLen, len(dst)/size))
	at := off / int64(size)
	for ; len(dst) > 0; dst = dst[len(values)*size:] {
		values = values[:min(len(values), len(dst)/size)]
		s.codec.Decode(values, dst)
		for i := range values {
			values[i] *= s.factor[at/s.inner%int64(len(s.factor))]
			at++
		}
		s.codec.Encode(dst, values)
	}
	return nil
}

// encoded returns a reader of the given values as elements of the dtype.
func encoded(dtype onnx.DType, values []float64) reader {
	codec, _ := dtype.Codec()
	data := make([]byte, codec.SizeBytes(len(values)))
	codec.Encode(data, values)
	return func(dst []byte, off int64) error {
		copy(dst, data[off:])
		return nil
	}
}

// valuesOrZeros reads n numbers; zeros if there is no tensor.
func valuesOrZeros(t *onnx.Tensor, n int) ([]float64, error) {
	values := make([]float64, n)
	if t == nil {
		return values, nil
	}
	codec, ok := t.DType.Codec()
	if !ok || codec.Bits < 8 {
		return nil, foldError(fmt.Sprintf("%q has elements of %s; folding supports floating-point elements of 8 bits and "+
			"more", t.ID(), t.DType))
	}
	raw := make([]byte, codec.SizeBytes(n))
	if err := t.ReadAt(raw, 0); err != nil {
		return nil, err
	}
	codec.Decode(values, raw)
	return values, nil
}

// affineMap returns an affine operator as the map s x + offset by channel.
func affineMap(a pair.Affine) (s, offset []float64, err error) {
	channels := int(a.Channels)
	scale, err := valuesOrZeros(a.Scale, int(a.Scale.Len()))
	if err != nil {
		return nil, nil, err
	}
	if len(scale) == 1 {
		scale = slices.Repeat(scale, channels)
	}
	var rest [3][]float64
	for i, t := range []*onnx.Tensor{a.Shift, a.Mean, a.Variance} {
		if rest[i], err = valuesOrZeros(t, channels); err != nil {
			return nil, nil, err
		}
	}
	s, offset = scale, make([]float64, channels)
	for c := range s {
		switch {
		case a.Variance != nil:
			s[c] /= math.Sqrt(rest[2][c] + a.Epsilon)
		case a.Inverse:
			s[c] = 1 / s[c]
		}
		offset[c] = rest[0][c] - s[c]*rest[1][c]
		if !isFinite(s[c]) || !isFinite(offset[c]) {
			return nil, nil, foldError(fmt.Sprintf("the %s's scale or shift is not finite in channel %d", a.Op, c))
		}
	}
	return s, offset, nil
}

// foldedByExporter matches the names that PyTorch's exporter gives to computed weights, such as folded ones.
var foldedByExporter = regexp.MustCompile(`^onnx::Conv_\d+$`)

// warnFolded warns if both models seem to have folded weights, whose mix is not the fold of mixed weights. It goes by
// the names of PyTorch's exporter; other tools keep the names.
func (p *planner) warnFolded() {
	n := 0
	for _, d := range p.decisions {
		if d.Action == Merge && d.fold == nil && len(d.Dims) > 1 && foldedByExporter.MatchString(d.b.Name) &&
			foldedByExporter.MatchString(d.a.Name) {
			n++
		}
	}
	if n > 0 {
		p.addWarning("%d weights of both models have names that PyTorch's exporter gives to "+
			"weights with a BatchNormalization folded in; mixing folded weights differs from folding mixed weights: export "+
			"both models without folding to mix the original weights", n)
	}
}
