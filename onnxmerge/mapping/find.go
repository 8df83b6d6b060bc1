package mapping

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Mapped is a tensor of the model, or one use of it, and what it is made from.
type Mapped struct {
	Tensor     *onnx.Tensor
	Use        string // the name by which operators read it, if it is not the tensor's: other uses have another source
	Expression *Expression
	Proof      string

	uses []use // nil for all
	// open are further expressions that give the same elements, among which nothing decides; twins those against which
	// was decided.
	open, twins []*Expression
	suspects    []*suspects
}

// Kept is a tensor that the checkpoint does not determine.
type Kept struct {
	Tensor *onnx.Tensor
	Reason string

	suspects []*suspects
}

// Refused is a tensor that may depend on the checkpoint in a way that is not known.
type Refused struct {
	Tensor     *onnx.Tensor
	Reason     string
	Candidates []*Expression
}

// Mapping is how the floating-point tensors of a model are made from a checkpoint. Lists are in the model's order.
type Mapping struct {
	Model   *onnx.Model
	Mapped  []*Mapped
	Kept    []Kept
	Refused []Refused
	Unused  []string // floating-point tensors of the checkpoint that no expression has, sorted
	Limits  Limits   // of the search, and of the evaluation of the expressions

	reserve *reserve // that the search had; nil without a search
}

// target is a tensor of the model during the search.
type target struct {
	tensor     *onnx.Tensor
	uniform    bool   // all elements have the same bits
	first      uint64 // bits of the first element
	uses       []use
	candidates []*Expression // that give its elements; targets share slices, whose elements are not changed
	proof      string
	refusal    string
	// constant is the tensor as a constant, if its elements are all equal to a number that code has: equal elements of
	// the checkpoint then prove nothing. nil otherwise.
	constant *Expression
}

// isDecided reports whether the values alone say what the target is made from.
func (g *target) isDecided() bool { return len(g.candidates) == 1 && g.constant == nil }

// finder is one search.
type finder struct {
	model      *onnx.Model
	checkpoint *checkpoint.Checkpoint
	byLength   map[int64][]*checkpoint.Tensor // tensors of the checkpoint that can be compared
	indexes    *indexes
	values     evaluator
	graph      *graphUses
	targets    []*target
	byTensor   map[*onnx.Tensor]*target
	norms      []*Norm
	guessed    bool // by nearness, not by equality
	printed    map[heldKey][]fingerprint
	buckets    map[lengthKey]map[fingerprint]*bucket
	bits       map[heldKey]sameBits
	held       map[heldKey]array // tensors of the checkpoint that were read, up to a quarter of the memory
	heldBytes  int64
}

// heldKey is a tensor of the checkpoint in a type.
type heldKey struct {
	t     *checkpoint.Tensor
	dtype onnx.DType
}

// Find finds what the floating-point tensors of a model are made from. base is the checkpoint from which the model was
// exported. A model whose tensors are those of the checkpoint in any layout is read once, and so is what it has of the
// checkpoint. If a tensor is something else, all of the checkpoint is read once more, and tensors that are taken apart, joined or
// folded are held as a whole while they are compared, whatever the limits.
func Find(ctx context.Context, m *onnx.Model, base *checkpoint.Checkpoint, limits Limits) (*Mapping, error) {
	f := newFinder(m, base, limits)
	f.norms = findNorms(f.checkpoint)
	for _, search := range []func(context.Context, *target) error{f.findWhole, f.findParts, f.findHalf, f.findFolded} {
		for _, g := range f.targets {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if len(g.candidates) > 0 || g.refusal != "" {
				continue
			}
			if err := search(ctx, g); err != nil {
				return nil, fmt.Errorf("tensor %q: %w", g.tensor.ID(), err)
			}
		}
	}
	return f.settle()
}

// newFinder collects the tensors to be explained.
func newFinder(m *onnx.Model, base *checkpoint.Checkpoint, limits Limits) *finder {
	f := &finder{model: m, checkpoint: base, values: evaluator{lookup: base.Lookup, limits: limits, reserve: limits.newReserve(base)}, graph: findUses(m),
		byTensor: map[*onnx.Tensor]*target{}, byLength: map[int64][]*checkpoint.Tensor{}, printed: map[heldKey][]fingerprint{},
		buckets: map[lengthKey]map[fingerprint]*bucket{}, bits: map[heldKey]sameBits{}, held: map[heldKey]array{}}
	var dtypes []onnx.DType
	for _, t := range m.Tensors {
		if !t.DType.IsFloat() || t.Len() == 0 {
			continue
		}
		g := &target{tensor: t, uses: f.graph.of(t)}
		f.targets, f.byTensor[t] = append(f.targets, g), g
		if d := t.DType; isSupported(d) && !slices.Contains(dtypes, d) {
			dtypes = append(dtypes, d)
			if d == onnx.Float16 {
				dtypes = append(dtypes, halfRuntime, halfCommon)
			}
		}
	}
	for _, t := range base.Tensors {
		if isSupported(t.DType) && t.Len() > 0 {
			f.byLength[t.Len()] = append(f.byLength[t.Len()], t)
		}
	}
	f.indexes = newIndexes(base, dtypes, limits)
	return f
}

// findWhole finds tensors of the checkpoint with the target's elements.
func (f *finder) findWhole(_ context.Context, g *target) error {
	if err := f.readBits(g); err != nil || g.refusal != "" {
		return err
	}
	if err := f.findEqual(g, g.tensor.DType); err != nil || len(g.candidates) == 0 {
		return err
	}
	return f.addRows(g)
}

// addRows adds rows of other tensors to the candidates of a target whose numbers code has too, such as a row of an identity: that they
// equal a tensor proves little. Other numbers are hardly in two tensors, and are not looked for: that would read all of the checkpoint.
func (f *finder) addRows(g *target) error {
	t := g.tensor
	if g.uniform || t.Len() < 2 {
		return nil
	}
	if plain, err := isPlainTensor(t); !plain || err != nil {
		return err
	}
	want, err := read(t, t.DType, t.Dims, t.DType)
	if err != nil {
		return err
	}
	found, err := f.slicedUpTo(want, want.digest(), mostSliced(t.Len()))
	g.candidates = append(slices.Clip(g.candidates), found...)
	return err
}

// isPlainTensor reports whether all elements are numbers that code has. It reads as far as they are.
func isPlainTensor(t *onnx.Tensor) (bool, error) {
	if t.Len() > maxJudged {
		return false, nil
	}
	codec, _ := t.DType.Codec()
	item, plain := int64(codec.Bits/8), plainOf(t.DType, int(t.Len()))
	known := map[float64]bool{}
	for from, n := int64(0), int64(probes); from < t.Len(); from, n = from+n, blockElements {
		n = min(n, t.Len()-from)
		raw, values := make([]byte, n*item), make([]float64, n)
		if err := t.ReadAt(raw, from*item); err != nil {
			return false, err
		}
		codec.Decode(values, raw)
		for _, v := range values {
			if known[v] {
				continue
			}
			if !plain.has(v) {
				return false, nil
			}
			known[v] = true
		}
	}
	return true, nil
}

// readBits finds out whether a target is a constant, and refuses one that cannot be compared.
func (f *finder) readBits(g *target) error {
	t := g.tensor
	if !isSupported(t.DType) || !t.Readable() {
		g.refusal = fmt.Sprintf("elements of type %s stored as %s are not compared", t.DType, t.Store)
		return nil
	}
	bits, err := sameBitsOf(t, t.DType, t.DType)
	if err != nil {
		return err
	}
	g.first, g.uniform = bits.first, bits.uniform
	g.constant = g.plainConstant()
	return nil
}

// plainConstant returns a target as a constant if its elements are all equal to a number that code has; nil otherwise.
func (g *target) plainConstant() *Expression {
	if !g.uniform {
		return nil
	}
	bits := make([]byte, 8)
	binary.LittleEndian.PutUint64(bits, g.first)
	dtype := g.tensor.DType
	codec, _ := dtype.Codec()
	value := []float64{0}
	codec.Decode(value, bits)
	if !plainOf(dtype, 1).has(value[0]) {
		return nil
	}
	return &Expression{Op: Constant, Factor: value[0], Dims: g.tensor.Dims}
}

// read returns a tensor of the checkpoint, converted. It is held for further comparisons.
func (f *finder) read(t *checkpoint.Tensor, dtype onnx.DType) (array, error) {
	key := heldKey{t, dtype}
	if a, ok := f.held[key]; ok {
		return a, nil
	}
	a, err := readTensor(t, dtype)
	if err != nil {
		return array{}, fmt.Errorf("checkpoint's %w", err)
	}
	size := int64(len(a.data))
	if f.heldBytes += size; f.heldBytes > f.values.limits.memory()/4 {
		f.held, f.heldBytes = map[heldKey]array{}, size
	}
	f.held[key] = a
	return a, nil
}
