package mapping

import (
	"fmt"
	"sync"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Weights returns what is to be written in place of the model's tensors, and the change of its graph where uses of one
// tensor need different elements, or a classifier has another number of classes.
func (b *Bound) Weights() ([]onnx.Replacement, onnx.Change, error) {
	var list []onnx.Replacement
	var change onnx.Change
	split := map[*onnx.Tensor]bool{}
	for _, group := range b.shared() {
		same, err := b.sharedAgree(group)
		if err != nil {
			return nil, change, err
		}
		t := group[0].Tensor
		split[t] = true
		list = append(list, b.replacement(group[0]))
		if same {
			continue
		}
		for i, e := range group[1:] {
			a, err := b.values.evaluate(e.Expression, t.DType)
			if err != nil {
				return nil, change, err
			}
			name := b.freshName(t.Name, i+2)
			change.Add.Initializer(name, t.DType, t.Dims, a.data)
			for _, u := range e.uses {
				change.Rewire = append(change.Rewire, onnx.Rewire{Node: u.node, Slot: u.slot, Name: name})
			}
		}
	}
	for _, e := range b.Mapped {
		if !split[e.Tensor] {
			list = append(list, b.replacement(e))
		}
	}
	return list, change, b.addResized(&change)
}

// freshName returns a name for a further tensor that the model does not use.
func (b *Bound) freshName(name string, i int) string {
	for {
		fresh := fmt.Sprintf("%s_unshared_%d", name, i)
		if t, n, _ := b.Model.Resolve(b.Model.Graph, fresh); t == nil && n == nil {
			return fresh
		}
		i++
	}
}

// replacement returns the payload of an entry.
func (b *Bound) replacement(e *Mapped) onnx.Replacement {
	fill := b.payload(e)
	return onnx.Replacement{Tensor: e.Tensor, Fill: func(dst []byte, off int64) error {
		if err := fill(dst, off); err != nil {
			return fmt.Errorf("tensor %q: %w", e.Tensor.ID(), err)
		}
		return nil
	}}
}

// payload returns a function that sets dst to the bytes of an entry from off on.
func (b *Bound) payload(e *Mapped) func(dst []byte, off int64) error {
	dims, err := b.values.dims(e.Expression)
	if err == nil && length(dims) != e.Tensor.Len() {
		err = fmt.Errorf("%s has the shape %v", e.Expression, dims)
	}
	if err != nil {
		return func([]byte, int64) error { return err }
	}
	return newPayload(b.values, e.Expression, e.Tensor.DType, dims)
}

// newPayload returns a function that sets dst to the bytes, from off on, of an expression whose extents are dims.
func newPayload(
	values evaluator, e *Expression, dtype onnx.DType, dims []int64,
) func(dst []byte, off int64) error {
	p := &payload{values: values, expression: e, dtype: dtype, dims: dims, held: map[int64]*window{}}
	if e.streams() {
		return p.read
	}
	memory := values.limits.memory() / windowShare
	p.length = e.windowElements(dims, dtype, memory)
	if size, err := values.bytesInMemory(e); err != nil || values.reserve == nil || size > memory || length(dims) <= turnElements {
		return p.fill
	}
	p.loads = true
	if fewestRows(dims)*int64(storedAs(dtype).Bits()/8) <= onnx.BlockSize {
		return p.read
	}
	p.length = min(p.length, turnOf(dims))
	return p.fill
}

// windowShare is the part of the memory that the tensors of an expression may take, a half of the reserve, or the evaluation of a
// window without them. Parts of two windows are held beside it, because several goroutines fill blocks at a time, in about the order of the tensors.
const windowShare = 4

// payload is the bytes of an expression.
type payload struct {
	values     evaluator
	expression *Expression
	dtype      onnx.DType
	dims       []int64 // of the expression

	length int64 // of a window, in elements
	loads  bool  // tensors of the expression are read into memory before windows are evaluated
	lock   sync.Mutex
	held   map[int64]*window // by index
	loaded *loaded           // nil if nothing is in memory
}

// window is a range of the elements, evaluated together and held until all were read.
type window struct {
	evaluated sync.Once
	err       error
	data      []byte
	free      func()
	left      int // bytes that are not yet read
}

// loaded is an expression whose tensors are in memory until all windows were evaluated.
type loaded struct {
	once       sync.Once
	expression *Expression
	free       func() // nil if the tensors are not in memory, for want of it
	err        error
	left       int64 // elements that are not yet evaluated
}

// read evaluates what it returns.
func (p *payload) read(dst []byte, off int64) error {
	if t := p.stored(p.expression); t != nil {
		return t.ReadAt(dst, off)
	}
	from := off / int64(p.dtype.Bits()/8)
	if p.loads {
		return p.inMemory(dst, from, p.values.elements)
	}
	return p.values.elements(dst, p.expression, p.dims, p.dtype, from)
}

// stored returns the tensor of the checkpoint whose bytes are those of an expression; nil if there is none.
func (p *payload) stored(e *Expression) *checkpoint.Tensor {
	switch e.Op {
	case Reshape:
		return p.stored(e.Args[0])
	case Tensor:
		if t := p.values.lookup(e.Name); t.DType == p.dtype {
			return t
		}
	}
	return nil
}

// fill evaluates a window when its first part is read.
func (p *payload) fill(dst []byte, off int64) error {
	size := p.length * int64(p.dtype.Bits()/8)
	for len(dst) > 0 {
		i := off / size
		w := p.window(i)
		if w.evaluated.Do(func() { w.err = p.evaluate(w, i*p.length) }); w.err != nil {
			return w.err
		}
		n := copy(dst, w.data[off-i*size:])
		p.release(i, w, n)
		dst, off = dst[n:], off+int64(n)
	}
	return nil
}

// window returns a window, which may not be evaluated yet.
func (p *payload) window(i int64) *window {
	p.lock.Lock()
	defer p.lock.Unlock()
	w := p.held[i]
	if w == nil {
		item, from := int64(p.dtype.Bits()/8), i*p.length
		w = &window{left: int((min(from+p.length, length(p.dims)) - from) * item)}
		p.held[i] = w
	}
	return w
}

// evaluate sets a window, by several goroutines if it is a large one, of tensors that are not in memory.
func (p *payload) evaluate(w *window, from int64) error {
	if !p.loads {
		w.data, w.free = p.values.reserve.take(int64(w.left))
	}
	if w.data == nil {
		w.data = takeScratch(int64(w.left))
		w.free = func() { giveScratch(w.data) }
	}
	if !p.loads {
		return p.values.concurrently(w.data, p.expression, p.dims, p.dtype, from)
	}
	return p.inMemory(w.data, from, p.values.concurrently)
}

// inMemory sets dst to elements from from on by evaluate, of an expression whose tensors are in memory.
func (p *payload) inMemory(
	dst []byte, from int64, evaluate func(dst []byte, e *Expression, dims []int64, dtype onnx.DType, from int64) error,
) error {
	l := p.load()
	defer p.unload(l, int64(len(dst))/int64(p.dtype.Bits()/8))
	if l.err != nil {
		return l.err
	}
	return evaluate(dst, l.expression, p.dims, p.dtype, from)
}

// load returns the expression with its tensors in memory.
func (p *payload) load() *loaded {
	p.lock.Lock()
	if p.loaded == nil {
		p.loaded = &loaded{left: length(p.dims)}
	}
	l := p.loaded
	p.lock.Unlock()
	l.once.Do(func() {
		if l.expression, l.free, l.err = p.values.inMemory(p.expression); l.expression == nil {
			l.expression = p.expression
		}
	})
	return l
}

// unload frees the tensors after all elements were evaluated.
func (p *payload) unload(l *loaded, elements int64) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if l.left -= elements; l.left > 0 {
		return
	}
	p.loaded = nil
	if l.free != nil {
		l.free()
	}
}

// release forgets a window after all of it was read.
func (p *payload) release(i int64, w *window, n int) {
	p.lock.Lock()
	defer p.lock.Unlock()
	if w.left -= n; w.left <= 0 {
		delete(p.held, i)
		w.free()
	}
}
