// Package probe passes samples through a model and collects its features.
//
// An [Extractor] is a model that is ready to run; package probe/ort makes one from ONNX bytes. [Extract] passes a
// data set through it and returns a [feature.Set]. Package probe/fit trains classifiers on that. Engines and data
// sets are small interfaces, so that everything but probe/ort is tested without onnxruntime.
package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
)

// Batch is the input of one forward pass: for a model whose only input is float32 dense values in row-major order.
type Batch struct {
	X     []float32
	Shape []int64 // with the batch axis first; len(X) is its product
	// Arrays, unless nil, are the values of all inputs, in the order of [Extractor.Inputs]. X is nil then, and Shape that of
	// the samples' values which have no name, or the batch axis alone.
	Arrays []typed.Array
}

// Output is the tensor that an extractor computes.
type Output struct {
	Name     string
	Declared []int64 // its shape in the model; -1 stands for any length; nil if there is none
	Shape    []int64 // its shape in the latest pass; nil before the first, or if the engine does not state it
	// BatchAxis is the axis with a row for every sample, 0 unless names say otherwise; see [BatchAxis].
	BatchAxis int
	// Beside are the model's other outputs, which are not computed.
	Beside []Output
}

// MayHavePositions reports whether the declared shape leaves open that a sample has several positions, of no fixed number:
// whether [Extract] may refuse the tensor without a [Pooling].
func (o Output) MayHavePositions() bool {
	long, free := 0, false
	for axis, n := range o.Declared {
		if axis == o.BatchAxis {
			continue
		}
		if n != 1 {
			long++
		}
		free = free || n < 0
	}
	return len(o.Declared) == 0 || free && long > 1
}

// free reports whether the model declares no length for an axis.
func (o Output) free(axis int) bool { return axis >= len(o.Declared) || o.Declared[axis] < 0 }

// declared describes the declared shape.
func (o Output) declared() string {
	if len(o.Declared) == 0 {
		return "no shape"
	}
	return strings.ReplaceAll(fmt.Sprint(o.Declared[1:]), "-1", "?")
}

// Extractor computes features for batches. Only one Extract may run at a time.
type Extractor interface {
	// Inputs returns the inputs that it takes, as the model declares them. Callers choose layout and batch length by them.
	Inputs() []Input
	// Output returns the tensor, with its shape in the latest pass.
	Output() Output
	// Extract runs one forward pass and appends the values of the tensor to dst, in its order. b may be reused after Extract returns. Extract returns ctx's
	// error soon after ctx ends.
	Extract(ctx context.Context, dst []float32, b Batch) ([]float32, error)
	// Close releases the model. Closing twice is harmless.
	Close() error
}

// Source is a model: the bytes of an ONNX file, or its path. A model with data files needs a path.
type Source struct {
	Bytes []byte
	Path  string // used if Bytes is nil
}

// Engine makes extractors. The implementation chooses device, threads and runtime.
type Engine interface {
	// Open loads a model. tensor names the output to
	// extract; "" takes the model's only output. data describes the samples, by which the inputs are chosen that get values;
	// see [Fed]. The model's bytes or files may be changed after Open.
	Open(ctx context.Context, model Source, tensor string, data datasets.Info) (Extractor, error)
	// Runtime describes the runtime in one line that is recorded in every result: "onnxruntime 1.23.2, cpu, 2
	// threads".
	Runtime() string
}

// WithFiles returns ex with the files that it was opened from, which remove removes: at once, or where the system does not
// remove files that are mapped into memory, when ex is closed.
func WithFiles(ex Extractor, remove func() error) Extractor {
	if remove() == nil {
		return ex
	}
	return withFiles{ex, remove}
}

type withFiles struct {
	Extractor
	remove func() error
}

func (w withFiles) Close() error { return errors.Join(w.Extractor.Close(), w.remove()) }
