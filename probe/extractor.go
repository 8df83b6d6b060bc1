// Package probe passes samples through a model and collects its features.
//
// An [Extractor] is a model that is ready to run; package probe/ort makes one from ONNX bytes. [Extract] passes a
// data set through it and returns a [feature.Set]. Package probe/fit trains classifiers on that. Engines and data
// sets are small interfaces, so that everything but probe/ort is tested without onnxruntime.
package probe

import "context"

// Batch is the input of one forward pass: dense float32 in row-major order.
type Batch struct {
	X     []float32
	Shape []int64 // with the batch axis first; len(X) is its product
}

// Input is a model's declared input.
type Input struct {
	Name  string
	Shape []int64 // with the batch axis first; -1 stands for any length
}

// Extractor computes features for batches. Only one Extract may run at a time.
type Extractor interface {
	// Input returns the declared input. Callers choose layout and batch length by it.
	Input() Input
	// Extract runs one forward pass and appends the features of all rows to dst, row after row: batch x dim values,
	// the trailing axes of the feature tensor flattened. b may be reused after Extract returns. Extract returns ctx's
	// error soon after ctx ends.
	Extract(ctx context.Context, dst []float32, b Batch) ([]float32, error)
	// Close releases the model. Closing twice is harmless.
	Close() error
}

// Engine makes extractors. The implementation chooses device, threads and runtime.
type Engine interface {
	// Open loads a model from the bytes of an ONNX file. tensor names the output to
	// extract; "" takes the model's only output. model may be reused after Open.
	Open(ctx context.Context, model []byte, tensor string) (Extractor, error)
	// Runtime describes the runtime in one line that is recorded in every result: "onnxruntime 1.23.2, cpu, 2
	// threads".
	Runtime() string
}
