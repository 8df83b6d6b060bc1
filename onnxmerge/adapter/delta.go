package adapter

import (
	"math"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// sum is a tensor with the deltas of adapters: keep * base + the sum of the terms.
type sum struct {
	base   *checkpoint.Tensor
	keep   float64
	terms  []*term
	recent *recent
}

// term is the share of one adapter.
type term struct {
	place
	scale float64
	base  *checkpoint.Tensor

	recent  *recent
	factors *factors // nil unless recent has the term, whose lock guards them

	lock  sync.Mutex
	norms []float64 // of DoRA: magnitude / norm, by output
}

// factors are the low-rank factors of a tensor: its delta is left * right / s, left of shape [rows, r] and right of [r, cols].
type factors struct {
	left, right []float64
	rank, cols  int64
}

// isAdded reports whether the term is added to the base as it is: s * B A.
func (t *term) isAdded() bool { return t.layer.saved == nil && t.layer.magnitude == nil }

// add adds a layer. One that is not a plain sum replaces a share of the base.
func (s *sum) add(p place, scale float64) {
	t := &term{place: p, scale: scale, base: s.base, recent: s.recent}
	if !t.isAdded() {
		s.keep -= scale
	}
	s.terms = append(s.terms, t)
}

// read sets dst to the bytes of the sum in float64 from off on.
func (s *sum) read(dst []byte, off int64) error {
	from, to := off/8, (off+int64(len(dst))+7)/8
	values, err := decode(s.base, from, to)
	if err != nil {
		return err
	}
	for i, w := range values {
		if s.keep == 0 {
			values[i] = 0 // also for elements that are not finite
		} else {
			values[i] = s.keep * w
		}
	}
	for _, t := range s.terms {
		if err := t.addTo(values, from, to); err != nil {
			return err
		}
	}
	codec, _ := onnx.Float64.Codec()
	raw := make([]byte, 8*len(values))
	codec.Encode(raw, values)
	copy(dst, raw[off-8*from:])
	return nil
}

// addTo adds the elements from from to to, in the order of the tensor.
func (t *term) addTo(values []float64, from, to int64) error {
	if t.isAdded() {
		return t.product(values, from, to, t.scale*t.layer.S)
	}
	full, err := t.adapted(from, to)
	if err != nil {
		return err
	}
	if t.layer.magnitude != nil {
		norms, err := t.readNorms()
		if err != nil {
			return err
		}
		for i := range full {
			full[i] *= norms[t.output(from+int64(i))]
		}
	}
	for i, x := range full {
		values[i] += t.scale * x
	}
	return nil
}

// adapted returns elements of W + s * B A, where W is the tensor of the network or what replaces it.
func (t *term) adapted(from, to int64) ([]float64, error) {
	source := t.base
	if t.layer.saved != nil {
		source = t.layer.saved
	}
	full, err := decode(source, from, to)
	if err != nil {
		return nil, err
	}
	if t.layer.saved != nil {
		if err := checkFinite(source, full); err != nil {
			return nil, err
		}
	}
	if t.layer.a == nil {
		return full, nil
	}
	return full, t.product(full, from, to, t.layer.S)
}

// product adds elements of factor * B A, or of its transpose.
func (t *term) product(dst []float64, from, to int64, factor float64) error {
	f, err := t.open()
	if err != nil {
		return err
	}
	part := make([]float64, min(f.cols, to-from))
	for at := from; at < to; {
		row, col := at/f.cols, at%f.cols
		n := min(f.cols-col, to-at)
		row64 := part[:n]
		clear(row64)
		f.addRow(row64, row, col)
		for j, v := range row64 {
			dst[at-from+int64(j)] += factor * v
		}
		at += n
	}
	return nil
}

// addRow adds to dst the elements of left * right in a row, from a column on. The terms are added in their order, four in a
// pass over dst.
func (f *factors) addRow(dst []float64, row, col int64) {
	left := f.left[row*f.rank:][:f.rank]
	right := func(k int) []float64 { return f.right[int64(k)*f.cols+col:][:len(dst)] }
	k := 0
	for ; k+4 <= len(left); k += 4 {
		x0, x1, x2, x3 := left[k], left[k+1], left[k+2], left[k+3]
		y0, y1, y2, y3 := right(k), right(k+1), right(k+2), right(k+3)
		for j, v := range dst {
			dst[j] = v + x0*y0[j] + x1*y1[j] + x2*y2[j] + x3*y3[j]
		}
	}
	for ; k < len(left); k++ {
		x := left[k]
		for j, y := range right(k) {
			dst[j] += x * y
		}
	}
}

// heldFactors is how many terms hold their factors: those that are read at a time, by several goroutines.
const heldFactors = 8

// recent are the terms that hold their factors, the latest last.
type recent struct {
	lock  sync.Mutex
	terms []*term
}

// use makes t the latest and returns its factors, which read reads if it does not hold them.
func (r *recent) use(t *term, read func() (*factors, error)) (*factors, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if i := slices.Index(r.terms, t); i >= 0 {
		r.terms = append(slices.Delete(r.terms, i, i+1), t)
		return t.factors, nil
	}
	f, err := read()
	if err != nil {
		return nil, err
	}
	if len(r.terms) == heldFactors {
		r.terms[0].factors = nil
		r.terms = slices.Delete(r.terms, 0, 1)
	}
	t.factors, r.terms = f, append(r.terms, t)
	return f, nil
}

// open returns the factors.
func (t *term) open() (*factors, error) { return t.recent.use(t, t.readFactors) }

func (t *term) readFactors() (*factors, error) {
	a, err := readAll(t.layer.a)
	if err != nil {
		return nil, err
	}
	b, err := readAll(t.layer.b)
	if err != nil {
		return nil, err
	}
	rank := t.layer.Rank
	f := &factors{b, a, rank, int64(len(a)) / rank}
	if t.transposed {
		f = &factors{transpose(a, rank), transpose(b, int64(len(b))/rank), rank, int64(len(b)) / rank}
	}
	return f, nil
}

// output returns which output of the layer an element belongs to.
func (t *term) output(i int64) int64 {
	outputs := t.layer.b.Dims[0]
	if t.transposed {
		return i % outputs
	}
	return i / (t.tensor.Len() / outputs)
}

// normBlock is how many elements are read at a time for norms.
const normBlock = 1 << 16

// readNorms returns magnitude / norm for each output, which takes a pass over the tensor.
func (t *term) readNorms() ([]float64, error) {
	t.lock.Lock()
	norms := t.norms
	t.lock.Unlock()
	if norms != nil {
		return norms, nil
	}
	norms = make([]float64, t.layer.b.Dims[0])
	for from := int64(0); from < t.tensor.Len(); from += normBlock {
		full, err := t.adapted(from, min(from+normBlock, t.tensor.Len()))
		if err != nil {
			return nil, err
		}
		for i, x := range full {
			norms[t.output(from+int64(i))] += x * x
		}
	}
	m, err := readAll(t.layer.magnitude)
	if err != nil {
		return nil, err
	}
	for i, square := range norms {
		norms[i] = m[i] / math.Sqrt(square)
		if math.IsNaN(norms[i]) || math.IsInf(norms[i], 0) {
			return nil, fault.Inputf("the norm of output %d of %q is %v, by which its magnitude cannot be divided", i, t.tensor.Name,
				math.Sqrt(square))
		}
	}
	t.lock.Lock()
	t.norms = norms
	t.lock.Unlock()
	return norms, nil
}

// transpose returns a matrix of so many rows with rows and columns exchanged.
func transpose(a []float64, rows int64) []float64 {
	cols := int64(len(a)) / rows
	out := make([]float64, len(a))
	for i := range rows {
		for j := range cols {
			out[j*rows+i] = a[i*cols+j]
		}
	}
	return out
}

// readAll returns the elements of a tensor of an adapter, which must be finite.
func readAll(t *checkpoint.Tensor) ([]float64, error) {
	values, err := decode(t, 0, t.Len())
	if err != nil {
		return nil, err
	}
	return values, checkFinite(t, values)
}

func checkFinite(t *checkpoint.Tensor, values []float64) error {
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fault.Inputf("tensor %q of the adapter has elements that are not finite", t.Key)
		}
	}
	return nil
}

// decode returns elements of a tensor.
func decode(t *checkpoint.Tensor, from, to int64) ([]float64, error) {
	codec, _ := t.DType.Codec()
	item := int64(codec.Bits / 8)
	raw, values := make([]byte, (to-from)*item), make([]float64, to-from)
	if err := t.ReadAt(raw, from*item); err != nil {
		return nil, err
	}
	codec.Decode(values, raw)
	return values, nil
}
