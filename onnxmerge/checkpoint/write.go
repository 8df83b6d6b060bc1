package checkpoint

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Output is a tensor to be written.
type Output struct {
	Name  string
	DType onnx.DType
	Dims  []int64
	// Read sets dst to the payload's bytes from off on: elements in row-major order, little-endian. It is called in
	// order.
	Read func(dst []byte, off int64) error
}

// writeBlock is the unit in which payloads are written, in bytes.
const writeBlock = 1 << 20

// typeNames are the dtypes of safetensors by those of ONNX.
var typeNames = func() map[onnx.DType]string {
	names := map[onnx.DType]string{}
	for name, kind := range safetensorsTypes {
		if kind.dtype != onnx.DTypeUndefined {
			names[kind.dtype] = name
		}
	}
	return names
}()

// Write writes a safetensors file. Tensors are stored in their order; the header is padded with spaces so that payloads
// begin at a multiple of 8 bytes. metadata may be nil. Memory is that of the header and of one block.
func Write(ctx context.Context, w io.Writer, tensors []Output, metadata map[string]string) error {
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	block := make([]byte, writeBlock)
	for _, t := range tensors {
		size := outputBytes(t)
		for off := int64(0); off < size; off += writeBlock {
			if err := ctx.Err(); err != nil {
				return err
			}
			part := block[:min(writeBlock, size-off)]
			if err := t.Read(part, off); err != nil {
				return fmt.Errorf("tensor %q: %w", t.Name, err)
			}
			if _, err := w.Write(part); err != nil {
				return err
			}
		}
	}
	return nil
}

// Container returns the format of safetensors for data files of ONNX models; see [onnx.Packed].
func Container() *onnx.Container {
	return &onnx.Container{
		Holds: func(d onnx.DType) bool { return typeNames[d] != "" },
		Header: func(tensors []*onnx.Tensor) ([]byte, error) {
			var list []Output
			for _, t := range tensors {
				list = append(list, Output{Name: t.ID(), DType: t.DType, Dims: t.Dims})
			}
			return encodeHeader(list, nil)
		},
	}
}

// outputBytes returns the size of a payload.
func outputBytes(t Output) int64 {
	n, _ := product(t.Dims)
	return n * int64(t.DType.Bits()) / 8
}

// encodeHeader returns the file up to the first payload.
func encodeHeader(tensors []Output, metadata map[string]string) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 8))
	b.WriteByte('{')
	item := func(name string, v any) error {
		if b.Len() > 9 {
			b.WriteByte(',')
		}
		key, err1 := json.Marshal(name)
		value, err2 := json.Marshal(v)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("checkpoint: %q: %v %v", name, err1, err2)
		}
		fmt.Fprintf(b, "%s:%s", key, value)
		return nil
	}
	if len(metadata) > 0 {
		if err := item(metadataKey, metadata); err != nil {
			return nil, err
		}
	}
	off, seen := int64(0), map[string]bool{metadataKey: true}
	for _, t := range tensors {
		kind, ok := typeNames[t.DType]
		n, fits := product(t.Dims)
		if !ok || !fits || n*int64(t.DType.Bits())%8 != 0 {
			return nil, malformedf("tensor %q: %s of shape %v cannot be stored as safetensors", t.Name, t.DType, t.Dims)
		}
		if seen[t.Name] {
			return nil, malformedf("safetensors cannot hold two tensors called %q", t.Name)
		}
		seen[t.Name] = true
		end := off + outputBytes(t)
		if err := item(t.Name, entry{kind, append([]int64{}, t.Dims...), []int64{off, end}}); err != nil {
			return nil, err
		}
		off = end
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len()-8 > maxHeader {
		return nil, malformedf("the header of the safetensors file would have %d bytes; at most %d are allowed", b.Len()-8,
			maxHeader)
	}
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	return b.Bytes(), nil
}
