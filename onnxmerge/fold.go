package onnxmerge

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// A BatchNormalization that only one model has is folded in memory, so that what is mixed
// is folded on both sides:
//
//	W' = s W,  bias' = s (bias - mean) + shift,  s = scale / sqrt(variance + epsilon)
//
// Where the pre-trained model has it, W' and bias' take the place of its weights. Where
// the fine-tuned model has it, its file keeps it, and the pre-trained model's W' and bias'
// are unfolded through it: s, mean and the layer's own bias stay those of the fine-tuned
// model, W'/s is mixed with its weight and bias' + s (mean - bias) with its shift. Folding
// the result then gives the mix of both folded models.

// foldAll decides the weights around every BatchNormalization that is folded.
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
				continue // of several layers, and kept by all
			}
			if folded[t] {
				d.Action, d.Reason = Refuse, "several layers share it, which are folded differently"
				continue
			}
			folded[t] = true
			if d.Action == Copy && d.Reason == reasonNotSelected {
				continue
			}
			d.Action, d.Reason, d.a, d.perm, d.fold, d.unfolded, d.how, d.among = c.action, c.reason, c.a, nil, c.from, !f.InA, f.How, 1
		}
		for _, t := range []*onnx.Tensor{f.WeightA, f.BiasA, f.Norm.Scale, f.Norm.Shift, f.Norm.Mean, f.Norm.Variance} {
			if t != nil {
				used[t.ID()] = true
			}
		}
	}
	p.dropUsed(used)
	return nil
}

// dropUsed takes what is used after all from the list of what only the pre-trained model
// has.
func (p *planner) dropUsed(used map[string]bool) {
	var rest []string
	for _, id := range p.onlyA {
		if !used[id] {
			rest = append(rest, id)
		}
	}
	p.onlyA = rest
}

// foldError says why a BatchNormalization cannot be folded.
type foldError string

func (e foldError) Error() string { return string(e) }

// foldChange is what folding makes of a tensor of the fine-tuned model.
type foldChange struct {
	action Action
	reason string
	a      *onnx.Tensor // that the pre-trained model's part is mostly from, if action is Merge
	from   reader       // and how to read it
}

// newFolding reads the BatchNormalization's parameters and makes the decisions of one fold.
func (p *planner) newFolding(f *pair.Fold) (map[*onnx.Tensor]foldChange, error) {
	if reason := p.cannotFold(f); reason != "" {
		return nil, foldError(reason)
	}
	s, offset, err := normAffine(f.Norm)
	if err != nil {
		return nil, err
	}
	read := source(f.WeightA, f.Perm, f.WeightB.DType.Bits()/8)
	biasA, err := valuesOrZeros(f.BiasA, len(s))
	if err != nil {
		return nil, err
	}
	if f.InA {
		if f.BiasB == nil {
			return nil, foldError("the layer of the fine-tuned model has no bias to take the shift")
		}
		for c := range s {
			biasA[c] = s[c]*biasA[c] + offset[c]
		}
		reason := fmt.Sprintf("paired with %q, the BatchNormalization behind it folded in", f.WeightA.ID())
		return map[*onnx.Tensor]foldChange{
			f.WeightB: {Merge, reason, f.WeightA, newScaled(f.WeightB, read, f.Axis, s)},
			f.BiasB:   {Merge, reason, f.Norm.Shift, encoded(f.BiasB.DType, biasA)},
		}, nil
	}
	biasB, err := valuesOrZeros(f.BiasB, len(s))
	if err != nil {
		return nil, err
	}
	shift, err := valuesOrZeros(f.Norm.Shift, len(s))
	if err != nil {
		return nil, err
	}
	inverse := make([]float64, len(s))
	for c := range s {
		if s[c] == 0 {
			return nil, foldError(fmt.Sprintf("the BatchNormalization's scale is 0 in channel %d, and nothing could be unfolded through it", c))
		}
		inverse[c] = 1 / s[c]
		biasA[c] += shift[c] - offset[c] - s[c]*biasB[c] // shift - offset is s * mean
	}
	reason := fmt.Sprintf("paired with %q, which is folded, unfolded through the BatchNormalization here", f.WeightA.ID())
	changes := map[*onnx.Tensor]foldChange{
		f.WeightB:    {Merge, reason, f.WeightA, newScaled(f.WeightB, read, f.Axis, inverse)},
		f.Norm.Shift: {Merge, reason, cmp.Or(f.BiasA, f.WeightA), encoded(f.Norm.Shift.DType, biasA)},
	}
	for _, t := range []*onnx.Tensor{f.BiasB, f.Norm.Scale, f.Norm.Mean, f.Norm.Variance} {
		if t != nil {
			changes[t] = foldChange{action: Copy, reason: fmt.Sprintf("kept: the folded weights of %q are unfolded through it", f.WeightA.ID())}
		}
	}
	return changes, nil
}

// cannotFold says why the weights themselves cannot be read as folding must; "" if they
// can.
func (p *planner) cannotFold(f *pair.Fold) string {
	for _, t := range []*onnx.Tensor{f.WeightA, f.WeightB, f.BiasB} {
		if t == nil {
			continue
		}
		if codec, ok := t.DType.Codec(); !ok || codec.Bits < 8 || !t.Readable() {
			return fmt.Sprintf("%q is %s in %s", t.ID(), t.DType, t.Store)
		}
	}
	if f.Perm == nil {
		return ""
	}
	return p.judge().cannotTranspose(f.WeightA)
}

// scaled reads a weight and multiplies each channel by its own factor, rounding to the
// stored dtype as an exporter that folds does.
type scaled struct {
	read   reader
	codec  kernel.Codec
	factor []float64
	inner  int64 // elements from one channel to the next
}

// newScaled scales what read reads in the layout of t, whose axis counts the channels.
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

// encoded reads given values as elements of the dtype.
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
		return nil, foldError(fmt.Sprintf("%q is of %s", t.ID(), t.DType))
	}
	raw := make([]byte, codec.SizeBytes(n))
	if err := t.ReadAt(raw, 0); err != nil {
		return nil, err
	}
	codec.Decode(values, raw)
	return values, nil
}

// normAffine returns what a BatchNormalization computes, as s x + offset by channel.
func normAffine(n pair.Norm) (s, offset []float64, err error) {
	params := [4][]float64{}
	for i, t := range []*onnx.Tensor{n.Scale, n.Shift, n.Mean, n.Variance} {
		if params[i], err = valuesOrZeros(t, int(n.Scale.Len())); err != nil {
			return nil, nil, err
		}
	}
	s, offset = make([]float64, len(params[0])), make([]float64, len(params[0]))
	for c := range s {
		s[c] = params[0][c] / math.Sqrt(params[3][c]+n.Epsilon)
		offset[c] = params[1][c] - s[c]*params[2][c]
		if !isFinite(s[c]) || !isFinite(offset[c]) {
			return nil, nil, foldError(fmt.Sprintf("the BatchNormalization is not finite in channel %d", c))
		}
	}
	return s, offset, nil
}

// foldedByExporter are the names that PyTorch gives to what it computes, such as weights
// with a BatchNormalization folded in.
var foldedByExporter = regexp.MustCompile(`^onnx::Conv_\d+$`)

// warnFolded says what mixing folded weights is not. It knows them by the names that
// exporters give them; other tools keep the names.
func (p *planner) warnFolded() {
	n := 0
	for _, d := range p.decisions {
		if d.Action == Merge && d.fold == nil && len(d.Dims) > 1 && foldedByExporter.MatchString(d.b.Name) && foldedByExporter.MatchString(d.a.Name) {
			n++
		}
	}
	if n > 0 {
		p.warnings = append(p.warnings, fmt.Sprintf("in both models an exporter seems to have folded BatchNormalizations into the weights before them (%d). "+
			"Mixing folded weights is not folding mixed weights: export unfolded for the merge that the weights' mix means", n))
	}
}
