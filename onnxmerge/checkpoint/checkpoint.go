package checkpoint

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// The formats.
const (
	Safetensors = "safetensors"
	PyTorch     = "PyTorch"
)

// Checkpoint is the tensors of a file, by name.
type Checkpoint struct {
	Format  string    // Safetensors or PyTorch
	Tensors []*Tensor // sorted by name
	// Within are the keys of the dictionary that holds the tensors, outermost first, and then the prefixes that all
	// names had, such as "module.": names are without these.
	Within []string
	// Skipped are keys of a PyTorch checkpoint whose tensors are not part of the model, such as "optimizer".
	Skipped  []string
	Metadata map[string]string // of a safetensors file

	byName map[string]*Tensor
}

// Tensor is a named array of a checkpoint. It is read-only and safe for concurrent use.
type Tensor struct {
	Name  string     // without prefixes of wrappers
	Key   string     // with them, as the file has it
	Type  string     // in the words of the format: "F32", "float32"
	DType onnx.DType // of ONNX; onnx.DTypeUndefined if ONNX has no such type
	Dims  []int64

	bits int64 // of one element
	read func(dst []byte, off int64) error
	file *File // that has the payload from off on, as read gives it; nil otherwise
	off  int64
}

// NewTensor returns a tensor that no file has, for [New]: read sets dst to the payload's bytes from off on, as [Tensor.ReadAt]
// gives them, and is called with ranges inside of the payload, also concurrently.
func NewTensor(name string, dtype onnx.DType, dims []int64, read func(dst []byte, off int64) error) *Tensor {
	return &Tensor{Name: name, Type: typeNames[dtype], DType: dtype, Dims: dims, bits: int64(dtype.Bits()), read: read}
}

// New returns a checkpoint of the given tensors, which is in no file. Tensors of other checkpoints may be among them and then
// have the key that they are called by.
func New(format string, tensors []*Tensor) (*Checkpoint, error) {
	list := make([]*Tensor, len(tensors))
	for i, t := range tensors {
		own := *t
		list[i] = &own
	}
	return newCheckpoint(format, list)
}

// Len returns the number of elements.
func (t *Tensor) Len() int64 {
	n, _ := product(t.Dims)
	return n
}

// SizeBytes returns the size of the payload.
func (t *Tensor) SizeBytes() int64 { return (t.Len()*t.bits + 7) / 8 }

// ReadAt sets dst to the payload's bytes from off on: elements in row-major order, little-endian.
func (t *Tensor) ReadAt(dst []byte, off int64) error {
	if off < 0 || off > t.SizeBytes()-int64(len(dst)) {
		return fmt.Errorf("checkpoint: bytes %d to %d of tensor %q do not exist", off, off+int64(len(dst)), t.Name)
	}
	if len(dst) == 0 {
		return nil
	}
	if err := t.read(dst, off); err != nil {
		return &ReadError{t, err}
	}
	return nil
}

// ReadError says that a tensor's payload cannot be read. Callers that read several files find out by it which one has the tensor.
type ReadError struct {
	Tensor *Tensor
	Err    error
}

func (e *ReadError) Error() string { return fmt.Sprintf("tensor %q: %v", e.Tensor.Name, e.Err) }

func (e *ReadError) Unwrap() error { return e.Err }

// Lookup returns the tensor with the given name, or nil.
func (c *Checkpoint) Lookup(name string) *Tensor { return c.byName[name] }

// Recognise returns the format of a file that begins with head, of which 16 bytes are enough: Safetensors, PyTorch, or
// "" for neither. size is that of the file. A zip archive is taken for a PyTorch checkpoint.
func Recognise(head []byte, size int64) string {
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte(legacyMagic)):
		return PyTorch
	case len(head) > 8 && head[8] == '{' && int64(headerBytes(head)) <= size-8 && headerBytes(head) <= maxHeader:
		return Safetensors
	}
	return ""
}

// Open reads the structure of the checkpoint in the first size bytes of r, which must remain readable while the
// checkpoint is in use. Errors are of the kind Input, or come from r.
func Open(r io.ReaderAt, size int64) (*Checkpoint, error) {
	head := make([]byte, min(size, 16))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return nil, err
	}
	switch Recognise(head, size) {
	case Safetensors:
		return openSafetensors(r, size)
	case PyTorch:
		return openPyTorch(r, size, head)
	}
	if head := bytes.TrimLeft(head, " \t\r\n"); bytes.HasPrefix(head, []byte("{")) {
		return nil, malformedf("a JSON document, not a checkpoint").
			WithHint("a checkpoint in several files is named by its index, *.safetensors.index.json, or by its folder")
	}
	if len(head) == 16 && head[8] == '{' {
		return nil, malformedf("the header of the safetensors file has %d bytes; the file has %d, and at most %d are allowed",
			headerBytes(head), size-8, maxHeader)
	}
	return nil, malformedf("neither a safetensors file nor a PyTorch checkpoint").WithHint(
		"a checkpoint of another framework is converted with safetensors.torch.save_file or safetensors.numpy.save_file")
}

// malformedf formats an error about a checkpoint.
func malformedf(format string, args ...any) *fault.Error { return fault.Inputf(format, args...) }

// newCheckpoint completes a checkpoint with its tensors.
func newCheckpoint(format string, tensors []*Tensor) (*Checkpoint, error) {
	c := &Checkpoint{Format: format, Tensors: tensors, byName: map[string]*Tensor{}}
	for _, t := range tensors {
		t.Key = t.Name
		if c.byName[t.Name] != nil {
			return nil, malformedf("there are two tensors called %q", t.Name)
		}
		c.byName[t.Name] = t
	}
	slices.SortFunc(c.Tensors, func(a, b *Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return c, nil
}

// wrappers are the prefixes that PyTorch's wrappers put in front of all names: DataParallel and compiled modules.
var wrappers = []string{"module.", "_orig_mod."}

// unwrap removes the prefixes of wrappers from all names.
func (c *Checkpoint) unwrap() {
	for again := true; again; {
		again = false
		for _, prefix := range wrappers {
			if len(c.Tensors) == 0 || !allHave(c.Tensors, prefix) {
				continue
			}
			c.byName = map[string]*Tensor{}
			for _, t := range c.Tensors {
				t.Name = t.Name[len(prefix):]
				c.byName[t.Name] = t
			}
			c.Within, again = append(c.Within, prefix), true
		}
	}
}

func allHave(tensors []*Tensor, prefix string) bool {
	return !slices.ContainsFunc(tensors, func(t *Tensor) bool {
		return !strings.HasPrefix(t.Name, prefix) || t.Name == prefix
	})
}

// product returns the product of dims, and whether none is negative and the product, times 64 bits, fits an int64.
func product(dims []int64) (n int64, ok bool) {
	n, zero := 1, false
	for _, d := range dims {
		switch {
		case d < 0:
			return 0, false
		case d == 0:
			zero = true
		case n > math.MaxInt64/128/d:
			return 0, false
		default:
			n *= d
		}
	}
	if zero {
		return 0, true
	}
	return n, true
}
