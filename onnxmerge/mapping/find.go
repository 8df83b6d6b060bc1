package mapping

import (
	"cmp"
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
	suspects    suspects
}

// Kept is a tensor that the checkpoint does not determine.
type Kept struct {
	Tensor *onnx.Tensor
	Reason string

	suspects suspects
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
}

// target is a tensor of the model during the search.
type target struct {
	tensor     *onnx.Tensor
	digest     *digest
	uses       []use
	candidates []*Expression // that give its elements
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
	indexes    map[onnx.DType]*index
	values     evaluator
	graph      *graphUses
	targets    []*target
	byTensor   map[*onnx.Tensor]*target
	norms      []*Norm
	held       map[heldKey]array // tensors of the checkpoint that were read, up to heldBytes
	heldBytes  int
	maxWhole   int64 // size in bytes of a tensor beyond which it is compared in parts
}

// heldKey is a tensor of the checkpoint in a type.
type heldKey struct {
	t     *checkpoint.Tensor
	dtype onnx.DType
}

// maxHeld is how much of the checkpoint the search holds, beside the tensors that it compares at the moment. These are held
// up to half of that each.
const maxHeld = 64 << 20

// Find finds what the floating-point tensors of a model are made from. base is the checkpoint from which the model was
// exported. Both are read once, and tensors that are compared once more.
func Find(ctx context.Context, m *onnx.Model, base *checkpoint.Checkpoint) (*Mapping, error) {
	return newFinder(m, base).find(ctx)
}

func (f *finder) find(ctx context.Context) (*Mapping, error) {
	var dtypes []onnx.DType
	for _, g := range f.targets {
		if d := g.tensor.DType; isSupported(d) && !slices.Contains(dtypes, d) {
			dtypes = append(dtypes, d)
			if d == onnx.Float16 {
				dtypes = append(dtypes, halfRuntime, halfCommon)
			}
		}
	}
	var err error
	if f.indexes, err = newIndexes(ctx, f.checkpoint, dtypes); err != nil {
		return nil, err
	}
	f.norms = findNorms(f.checkpoint)
	for _, search := range []func(*target) error{f.findWhole, f.findParts, f.findHalf, f.findFolded} {
		for _, g := range f.targets {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if len(g.candidates) > 0 || g.refusal != "" {
				continue
			}
			if err := search(g); err != nil {
				return nil, fmt.Errorf("tensor %q: %w", g.tensor.ID(), err)
			}
		}
	}
	return f.settle()
}

// newFinder collects the tensors to be explained.
func newFinder(m *onnx.Model, base *checkpoint.Checkpoint) *finder {
	f := &finder{model: m, checkpoint: base, values: evaluator{lookup: base.Lookup}, graph: findUses(m),
		byTensor: map[*onnx.Tensor]*target{}, held: map[heldKey]array{}, maxWhole: maxHeld / 2}
	for _, t := range m.Tensors {
		if t.DType.IsFloat() && t.Len() > 0 {
			g := &target{tensor: t, uses: f.graph.of(t)}
			f.targets, f.byTensor[t] = append(f.targets, g), g
		}
	}
	return f
}

// findWhole finds tensors of the checkpoint with the target's elements.
func (f *finder) findWhole(g *target) error {
	t := g.tensor
	if !isSupported(t.DType) || !t.Readable() {
		g.refusal = fmt.Sprintf("elements of type %s stored as %s are not compared", t.DType, t.Store)
		return nil
	}
	digests, err := digestOf(t, t.DType, t.Dims, []onnx.DType{t.DType})
	if err != nil {
		return err
	}
	g.digest = digests[t.DType]
	g.constant = plainConstant(t, g.digest)
	return f.findEqual(g, t.DType)
}

// findEqual finds tensors of the checkpoint with the target's elements after conversion to a type.
func (f *finder) findEqual(g *target, as onnx.DType) error {
	t := g.tensor
	found := f.indexes[as].whole[g.digest.whole]
	if len(found) == 0 {
		return nil
	}
	g.proof = "equal elements"
	if t.Len()*int64(storedAs(as).Bits()/8) > f.maxWhole {
		return f.findEqualInParts(g, as, found)
	}
	want, err := read(t, t.DType, t.Dims, as)
	if err != nil {
		return err
	}
	for _, p := range found {
		if p.tensor.Len() != t.Len() {
			continue
		}
		from, err := f.read(p.tensor, as)
		if err != nil {
			return err
		}
		g.candidates = append(g.candidates, layouts(p.expression(), from, want)...)
	}
	return nil
}

// findEqualInParts is findEqual for a tensor that is too large to be held. found are tensors with its signature.
func (f *finder) findEqualInParts(g *target, as onnx.DType, found []part) error {
	t := g.tensor
	item := int64(t.DType.Bits() / 8)
	want := func(from, to int64) ([]byte, error) {
		raw := make([]byte, (to-from)*item)
		if err := t.ReadAt(raw, from*item); err != nil {
			return nil, err
		}
		return convert(raw, t.DType, as)
	}
	for _, p := range found {
		if p.tensor.Len() != t.Len() {
			continue
		}
		var failed error
		x := p.expression()
		g.candidates = append(g.candidates, layoutsBy(x, p.dims, t.Dims, func(perm []int, dims []int64) bool {
			e := x
			if perm != nil {
				e = &Expression{Op: Transpose, Args: []*Expression{reshaped(x, p.dims, dims)}, Perm: perm}
			}
			same, err := f.values.equals(e, as, want)
			failed = cmp.Or(failed, err)
			return same
		})...)
		if failed != nil {
			return failed
		}
	}
	return nil
}

// plainConstant returns a tensor as a constant if its elements are all equal to a number that code has; nil otherwise.
func plainConstant(t *onnx.Tensor, d *digest) *Expression {
	if !d.uniform {
		return nil
	}
	bits := make([]byte, 8)
	binary.LittleEndian.PutUint64(bits, d.first)
	codec, _ := t.DType.Codec()
	value := []float64{0}
	codec.Decode(value, bits)
	if !plainOf(t.DType, 1).has(value[0]) {
		return nil
	}
	return &Expression{Op: Constant, Factor: value[0], Dims: t.Dims}
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
	if f.heldBytes += len(a.data); f.heldBytes > maxHeld {
		f.held, f.heldBytes = map[heldKey]array{}, len(a.data)
	}
	f.held[key] = a
	return a, nil
}
