package wiseft

import (
	"errors"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// CheckpointInfo is what a checkpoint is, without its tensors.
type CheckpointInfo struct {
	Format  string   `json:"format"`  // safetensors or PyTorch
	Within  []string `json:"within"`  // keys and prefixes that lead to the weights
	Skipped []string `json:"skipped"` // keys that are not part of the model
}

// inspectCheckpoint describes a checkpoint in the terms of a model.
func inspectCheckpoint(path string, opt InspectOptions) (_ *Inspection, err error) {
	c, err := OpenCheckpoint(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	r := &Inspection{Model: path, Checkpoint: &CheckpointInfo{c.Format, append([]string{}, c.Within...),
		append([]string{}, c.Skipped...)}, Opsets: []onnx.Opset{}, Metadata: map[string]string{}, Inputs: []ValueInfo{},
		Outputs: []ValueInfo{}, Operators: map[string]int{}, DTypes: map[string]int{}, Sites: map[string]int{},
		Batch: []string{}, Unread: []string{}}
	for key, value := range c.Metadata {
		r.Metadata[key] = value
	}
	for _, f := range c.files {
		r.Bytes += f.opened.Size()
	}
	for _, t := range c.Tensors {
		r.DTypes[t.Type]++
		if t.DType.IsFloat() {
			r.Parameters += t.Len()
		}
		if opt.Tensors {
			r.Tensors = append(r.Tensors, TensorInfo{Name: t.Name, DType: t.Type, Shape: t.Dims, Bytes: t.SizeBytes(), Site: "checkpoint",
				Store: c.Format})
		}
	}
	return r, nil
}
