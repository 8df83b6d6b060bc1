package wiseft

import (
	"errors"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Inspection is what a model holds, without the values of its weights.
type Inspection struct {
	Model      string                `json:"model"`
	Bytes      int64                 `json:"bytes"`
	IRVersion  int64                 `json:"ir_version"`
	Producer   string                `json:"producer"`
	Opsets     []onnx.Opset          `json:"opsets"`
	Metadata   map[string]string     `json:"metadata"`
	Provenance *onnxmerge.Provenance `json:"provenance,omitempty"` // how it was merged
	Weights    *onnxmerge.Weights    `json:"weights,omitempty"`    // how it got the weights of a checkpoint
	Checkpoint *CheckpointInfo       `json:"checkpoint,omitempty"` // of a checkpoint, which has no graph
	Data       []string              `json:"data,omitempty"`       // files that hold payloads
	Inputs     []ValueInfo           `json:"inputs"`
	Outputs    []ValueInfo           `json:"outputs"`
	Nodes      int                   `json:"nodes"`
	Operators  map[string]int        `json:"operators"`
	Parameters int64                 `json:"parameters"`      // elements of floating-point tensors
	DTypes     map[string]int        `json:"dtypes"`          // tensors by dtype
	Sites      map[string]int        `json:"sites"`           // tensors by where they sit
	Features   string                `json:"features"`        // what features takes by default; "" if it must be named
	Batch      []string              `json:"batch_dependent"` // operators that mix samples or draw random numbers
	Unread     []string              `json:"unread"`          // parts of the file that are not interpreted
	Undefined  []string              `json:"undefined"`       // values that are taken and not given; see [onnx.Model.Undefined]
	Tensors    []TensorInfo          `json:"tensors,omitempty"`
}

// ValueInfo is an input or output of a model. A dimension is a number or a name.
type ValueInfo struct {
	Name  string   `json:"name"`
	DType string   `json:"dtype"`
	Shape []string `json:"shape"`
}

// TensorInfo is a named array in a model.
type TensorInfo struct {
	Name  string  `json:"name"`
	DType string  `json:"dtype"`
	Shape []int64 `json:"shape"`
	Bytes int64   `json:"bytes"`
	Site  string  `json:"site"`
	Store string  `json:"store"`
	File  string  `json:"file,omitempty"` // of data, beside the model
}

// InspectOptions says how much [Inspect] lists.
type InspectOptions struct {
	Tensors bool // every tensor
}

// Inspect describes a model, or a checkpoint. It reads its structure alone.
func Inspect(path string, opt InspectOptions) (_ *Inspection, err error) {
	if isCheckpoint(path) {
		return inspectCheckpoint(path, opt)
	}
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	r := &Inspection{Model: path, Bytes: m.SizeBytes(), IRVersion: m.IRVersion,
		Producer: m.Producer, Opsets: m.Opsets, Metadata: map[string]string{}, Nodes: len(m.Graph.Nodes),
		Inputs: valueInfos(m.Graph.Inputs), Outputs: valueInfos(m.Graph.Outputs), Operators: map[string]int{},
		DTypes: map[string]int{}, Sites: map[string]int{}, Batch: m.batchDependent(),
		Unread: append([]string{}, m.Unread...), Undefined: append([]string{}, m.Undefined()...), Data: m.DataLocations()}
	for _, e := range m.Metadata {
		r.Metadata[e.Key] = e.Value
	}
	if r.Weights, err = onnxmerge.ReadWeights(m.Model); err != nil {
		return nil, withPath(path, err)
	}
	if r.Weights != nil {
		delete(r.Metadata, onnx.ProvenanceKey) // shown as Weights
	}
	if _, merged := r.Metadata[onnx.ProvenanceKey]; merged {
		if r.Provenance, err = onnxmerge.ReadProvenance(m.Model); err != nil {
			return nil, withPath(path, err)
		}
		delete(r.Metadata, onnx.ProvenanceKey) // shown as Provenance
	}
	for _, n := range m.Graph.Nodes {
		r.Operators[n.OpType]++
	}
	for _, t := range m.Tensors {
		r.DTypes[t.DType.String()]++
		r.Sites[t.Site.String()]++
		if t.DType.IsFloat() {
			r.Parameters += t.Len()
		}
		if opt.Tensors {
			r.Tensors = append(r.Tensors,
				TensorInfo{t.ID(), t.DType.String(), t.Dims, t.SizeBytes(), t.Site.String(), t.Store.String(), t.Location()})
		}
	}
	if tensor, err := m.Features(""); err == nil {
		r.Features = tensor
	}
	return r, nil
}

func valueInfos(list []onnx.Value) []ValueInfo {
	out := []ValueInfo{}
	for _, v := range list {
		info := ValueInfo{Name: v.Name, DType: v.DType.String(), Shape: []string{}}
		for _, d := range v.Shape {
			info.Shape = append(info.Shape, d.String())
		}
		out = append(out, info)
	}
	return out
}
