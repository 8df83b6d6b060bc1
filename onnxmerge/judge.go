package onnxmerge

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/pair"
)

// reasonDiffers is the reason of a copied integer, bool or string tensor that differs between the models.
const reasonDiffers = "not floating-point, and different between the models: the fine-tuned one is kept"

// judge decides single tensors.
type judge struct {
	memory int64
	*roles
}

// decide decides a tensor that both models have. scales is nil if values are not comparable.
func (j judge) decide(p pair.Pair, scales *scaling) (decision, error) {
	d, err := j.decidePair(p)
	if err == nil && d.Action == Merge && scales != nil {
		d, err = j.decideScale(d, p, scales)
	}
	if err != nil {
		return d, fmt.Errorf("tensor %q: %w", p.B.ID(), err)
	}
	return d, nil
}

// decidePair decides a tensor that both models have, by all but its scale.
func (j judge) decidePair(p pair.Pair) (decision, error) {
	a, b := p.A, p.B
	role := j.quantizedB[b]
	if role == "" {
		role = j.quantizedA[a]
	}
	if role != "" {
		return decideQuantized(a, b, role)
	}
	if !b.DType.IsFloat() {
		return decideInteger(a, b)
	}
	if b.Len() == 0 {
		return decision{Action: Copy, Reason: "it has no elements"}, nil
	}
	if _, ok := b.DType.Codec(); !ok {
		return decision{Action: Refuse, Reason: fmt.Sprintf("merging %s is not supported", b.DType)}, nil
	}
	for _, t := range []*onnx.Tensor{a, b} {
		if !t.Readable() {
			return decision{Action: Refuse, Reason: fmt.Sprintf("its %s payload cannot be read", t.Store)}, nil
		}
	}
	if a.Indices != nil || b.Indices != nil {
		if same, err := sameIndices(a, b); err != nil || !same {
			return decision{Action: Refuse, Reason: "sparse, and the indices of its values differ between the models"}, err
		}
	}
	if b.Len() == 1 && a.ID() != b.ID() {
		same, err := isSame(a, b)
		switch {
		case err != nil:
			return decision{}, err
		case same:
			return decision{Action: Copy, Reason: reasonSame}, nil
		case p.Among > 1 || len(p.Tied) > 0:
			return decision{Action: Copy, kind: contested,
				Reason: fmt.Sprintf("a single number with several possible counterparts, such as %q", a.ID())}, nil
		}
	}
	for _, tied := range p.Tied {
		same, err := j.sameElements(p.A, p.Perm, tied.A, tied.Perm)
		if err != nil || !same {
			return decision{Action: Refuse, Reason: fmt.Sprintf("it has two counterparts in the pre-trained model, %q and %q, "+
				"whose values differ", a.ID(), tied.A.ID())}, err
		}
	}
	d := decision{Action: Merge, Reason: "paired by " + string(p.How), how: p.How, among: p.Among,
		a: a, perm: p.Perm}
	if a.ID() != b.ID() {
		d.Reason += fmt.Sprintf(" with %q", a.ID())
	}
	if p.Among > 1 {
		d.Reason += fmt.Sprintf(" (ambiguous: structure alone leaves %d candidates)", p.Among)
	}
	if a.DType != b.DType {
		d.Reason += fmt.Sprintf(", %s there", a.DType)
	}
	if p.Perm != nil {
		d.Reason += ", transposed"
		if reason := j.cannotTranspose(a); reason != "" {
			d = decision{Action: Refuse, Reason: reason}
		}
	}
	return d, nil
}

// decideScale refuses a pair that would be merged, of which one weight contains a scale that the other does not.
func (j judge) decideScale(d decision, p pair.Pair, scales *scaling) (decision, error) {
	if p.How == pair.ByCaller {
		return d, nil
	}
	if other, err := j.isBlockedOtherwise(p, scales.sampler); err != nil || other {
		return decision{Action: Refuse, Reason: fmt.Sprintf("the elements of %q are unlike its own, and both are in the "+
			"blocked order of one machine (com.microsoft.nchwc.Conv): save both models at a lower optimisation level",
			p.A.ID())}, err
	}
	conflict, reason, err := scales.compare(p)
	switch {
	case err != nil:
		return d, err
	case conflict != nil:
		return j.decideConflict(*conflict)
	case reason != "":
		return decision{Action: Refuse, Reason: reason, suspect: true, doubtful: doubtfulPair(&p),
			advice: "if it is not, state the pair with --pair, or run both models to decide it with --prove"}, nil
	}
	return d, nil
}

// cannotTranspose returns the reason why a weight cannot be read with its axes in another order; "" if it can.
func (j judge) cannotTranspose(a *onnx.Tensor) string {
	switch {
	case a.DType.Bits() < 8:
		return fmt.Sprintf("it is transposed in the pre-trained model, and elements of %s cannot be transposed, because a "+
			"byte holds several", a.DType)
	case a.SizeBytes() > j.memory/4:
		return fmt.Sprintf("it is transposed in the pre-trained model, and its %d bytes exceed the %d that the memory limit "+
			"allows for that: raise the limit with --memory", a.SizeBytes(), j.memory/4)
	}
	return ""
}

// sameElements compares two tensors of one model, each in its own order of axes.
func (j judge) sameElements(a *onnx.Tensor, permA []int, b *onnx.Tensor, permB []int) (bool, error) {
	if permA == nil && permB == nil {
		return a.Equal(b)
	}
	if j.cannotTranspose(a) != "" || j.cannotTranspose(b) != "" {
		return false, nil
	}
	var payloads [2][]byte
	for i, t := range []*onnx.Tensor{a, b} {
		payloads[i] = make([]byte, t.SizeBytes())
		if err := source(t, [][]int{permA, permB}[i], t.DType.Bits()/8)(payloads[i], 0); err != nil {
			return false, err
		}
	}
	return bytes.Equal(payloads[0], payloads[1]), nil
}

// decideConflict decides a tensor whose counterpart structure and weights do not determine.
func (j judge) decideConflict(c pair.Conflict) (decision, error) {
	if reason := j.blocked(c.B); reason != "" {
		return decision{Action: Refuse, Reason: reason}, nil
	}
	if c.A != nil && c.A.Len() == 1 && c.B.Len() == 1 && c.B.DType.IsFloat() && c.A.DType.IsFloat() {
		if same, err := isSame(c.A, c.B); err != nil || same {
			return decision{Action: Copy, Reason: reasonSame}, err
		}
	}
	d := j.explainConflict(c)
	if d.Action != Refuse || !c.B.DType.IsFloat() || j.quantizedB[c.B] != "" {
		return d, nil
	}
	zeros, err := isZeros(c.B)
	if zeros {
		return decision{Action: Copy, Reason: "all zeros, such as an initial state; " + c.Reason}, err
	}
	return d, err
}

// isZeros reports whether all bytes of a tensor are 0. It stops at the first block that is not.
func isZeros(t *onnx.Tensor) (bool, error) {
	if !t.Readable() {
		return false, nil
	}
	block := make([]byte, min(t.SizeBytes(), 4<<10))
	for off := int64(0); off < t.SizeBytes(); off += int64(len(block)) {
		part := block[:min(int64(len(block)), t.SizeBytes()-off)]
		if err := t.ReadAt(part, off); err != nil {
			return false, err
		}
		if slices.ContainsFunc(part, func(b byte) bool { return b != 0 }) {
			return false, nil
		}
	}
	return true, nil
}

// explainConflict decides a conflict by its kind and by the tensor's type.
func (j judge) explainConflict(c pair.Conflict) decision {
	t := c.B
	switch {
	case !t.DType.IsFloat() && j.quantizedB[t] == "":
		return decision{Action: Copy, Reason: fmt.Sprintf("%s is not merged; it differs: %s", t.DType, c.Reason)}
	case t.Len() == 1 && j.quantizedB[t] == "":
		// Exporters share or duplicate such numbers differently; most are constants of the computation.
		return decision{Action: Copy, Reason: "a single number; " + c.Reason, kind: unpairedKind(t)}
	}
	if c.Unused && j.quantizedB[t] == "" {
		return decision{Action: Copy, Reason: c.Reason}
	}
	d := decision{Action: Refuse, Reason: c.Reason, headLike: c.Resized || c.Unlike, displaced: c.Displaced,
		doubtful: doubtfulPair(c.Place)}
	switch {
	case c.Fold != nil && c.B == c.Fold.WeightB:
		d.advice = "export both models in one form (folded or not), or fold it in memory with --fold"
	case c.Resized:
		d.advice = "if the models are for different input sizes, keep the fine-tuned one with --exclude"
	}
	return d
}

// decideOnlyB decides a tensor without a counterpart.
func (j judge) decideOnlyB(t *onnx.Tensor) (decision, error) {
	if role := j.quantizedB[t]; role != "" {
		return decision{Action: Refuse, Reason: fmt.Sprintf("part of a quantised tensor (%s) without a counterpart of its "+
			"name: merge the models before quantising them, or exclude all parts", role)}, nil
	}
	if reason := j.blocked(t); reason != "" {
		return decision{Action: Refuse, Reason: reason}, nil
	}
	d := decision{Action: Copy, Reason: reasonOnlyB, kind: unpairedKind(t)}
	if zeros, err := isZeros(t); err != nil || zeros {
		d.kind = notKept // the mix of zeros and of nothing
		return d, err
	}
	if nothing, err := isNaN(t); err != nil || nothing {
		d.kind = notKept // what Where gives in place of a variance of no elements
		return d, err
	}
	return d, nil
}

// isNaN reports whether all elements of a floating-point tensor of at most one block are NaN.
func isNaN(t *onnx.Tensor) (bool, error) {
	codec, ok := t.DType.Codec()
	if !ok || !t.DType.IsFloat() || codec.Bits < 8 || !t.Readable() || t.Len() < 1 || t.Len() > blockLen {
		return false, nil
	}
	values, err := valuesOrZeros(t, int(t.Len()))
	return err == nil && !slices.ContainsFunc(values, func(v float64) bool { return v == v }), err
}

// blocked returns the reason why a tensor without a counterpart cannot have one; "" if there is none.
func (j judge) blocked(t *onnx.Tensor) string {
	side := "fine-tuned"
	switch {
	case j.blockedB[t] && len(j.blockedA) == 0:
	case len(j.blockedA) > 0 && len(j.blockedB) == 0 && isMatrix(t):
		side = "pre-trained"
	default:
		return ""
	}
	return fmt.Sprintf("the %s model stores weights of Conv in the blocked order of one machine (operator "+
		"com.microsoft.nchwc.Conv), which onnxruntime writes at its highest optimisation level: save that model at a lower "+
		"level", side)
}

// isBlockedOtherwise reports whether two paired weights are both blocked and dissimilar: blocks of two machines may
// have two lengths.
func (j judge) isBlockedOtherwise(p pair.Pair, s *sampler) (bool, error) {
	if !j.blockedA[p.A] || !j.blockedB[p.B] {
		return false, nil
	}
	cosine, ok, err := s.likeness(p.A, p.B, p.Perm)
	return ok && cosine < pair.Related, err
}

// decideImplied merges a bias with the zeros that the pre-trained model's layer has instead.
func decideImplied(i pair.Implied) decision {
	if _, ok := i.B.DType.Codec(); !ok || !i.B.Readable() {
		return decision{Action: Copy, Reason: reasonOnlyB, kind: unpaired}
	}
	return decision{Action: Merge, Reason: "the layer has no bias in the pre-trained model, which is a bias of 0",
		how: pair.ByPart, among: 1, fold: encoded(i.B.DType, make([]float64, i.B.Len()))}
}

// decideQuantized copies or refuses: integers, scale and zero point of a quantised weight represent it only together.
func decideQuantized(a, b *onnx.Tensor, role string) (decision, error) {
	same, err := a.Equal(b)
	if err != nil || same {
		return decision{Action: Copy, Reason: "part of a quantised tensor, the same in both models"}, err
	}
	return decision{Action: Refuse, Reason: fmt.Sprintf("part of a quantised tensor (%s) that differs; integers, scale "+
		"and zero point cannot be merged separately: merge the models before quantising them, or exclude all parts",
		role)}, nil
}

func decideInteger(a, b *onnx.Tensor) (decision, error) {
	same, err := a.Equal(b)
	if err != nil || !same {
		return decision{Action: Copy, Reason: reasonDiffers}, err
	}
	return decision{Action: Copy, Reason: fmt.Sprintf("%s is not merged; the same in both models", b.DType)}, nil
}

func sameIndices(a, b *onnx.Tensor) (bool, error) {
	if a.Indices == nil || b.Indices == nil ||
		fmt.Sprint(a.DenseDims, a.Indices.Dims) != fmt.Sprint(b.DenseDims, b.Indices.Dims) {
		return false, nil
	}
	return a.Indices.Equal(b.Indices)
}
