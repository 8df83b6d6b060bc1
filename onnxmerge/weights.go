package onnxmerge

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// WeightsSchema is the value of Weights.Schema.
const WeightsSchema = "wiseft.weights/1"

// Weights records that a model is another one with the weights of a checkpoint. It is the JSON text of the metadata property
// [onnx.ProvenanceKey], in place of a [Provenance].
type Weights struct {
	Schema  string           `json:"schema"`
	Version string           `json:"version"`
	Base    Source           `json:"base"`           // the model whose graph it is
	From    []CheckpointFile `json:"from,omitempty"` // the checkpoint that it was exported from
	To      []CheckpointFile `json:"to,omitempty"`   // the checkpoint of its weights
	// Adapters are LoRA adapters that were added to the weights, in place of To.
	Adapters []WeightsAdapter `json:"adapters,omitempty"`
	// KeepUnmapped means that tensors which the checkpoint does not explain were kept.
	KeepUnmapped bool `json:"keep_unmapped,omitempty"`
	// Unproven means that tensors were identified by names and nearness, because the checkpoint that the model was exported
	// from was not known.
	Unproven bool `json:"unproven,omitempty"`
	Mapped   int  `json:"mapped"` // tensors
	Kept     int  `json:"kept"`   // tensors of floating-point types
}

// CheckpointFile is a file of a checkpoint. The first is that which was named: of several files the index.
type CheckpointFile struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	XXH3  string `json:"xxh3_128"`
}

// SameCheckpoint reports whether two lists have the contents of the same files, in their order, whatever their names.
func SameCheckpoint(x, y []CheckpointFile) bool {
	return slices.EqualFunc(x, y, func(x, y CheckpointFile) bool { return x.XXH3 == y.XXH3 })
}

// WeightsAdapter is an adapter that was added to weights.
type WeightsAdapter struct {
	Path  string           `json:"path"`  // of its folder, or its file, without the folders above
	Scale float64          `json:"scale"` // of its delta
	Files []CheckpointFile `json:"files"` // its tensors, and its configuration if it has one
}

// ReadWeights returns how a model got the weights of a checkpoint; nil if it did not.
func ReadWeights(m *onnx.Model) (*Weights, error) {
	document := m.Property(onnx.ProvenanceKey)
	if schemaOf(document) != WeightsSchema {
		return nil, nil
	}
	w, err := ParseWeights([]byte(document))
	if err == nil && len(w.Adapters) > 0 {
		return nil, onnx.FormatError(fmt.Sprintf("metadata %s: adapters, which a merge records, without a merge", onnx.ProvenanceKey))
	}
	return w, err
}

// Title returns the file's name, with the adapters that were added to the model: "base.onnx + lora:0.7".
func (s Source) Title() string {
	title := s.File
	if from, err := ParseWeights(s.From); err == nil {
		for _, a := range from.Adapters {
			title += fmt.Sprintf(" + %s:%v", a.Path, a.Scale)
		}
	}
	return title
}

// ParseWeights reads the JSON text of a Weights.
func ParseWeights(document []byte) (*Weights, error) {
	var w Weights
	if err := json.Unmarshal(document, &w); err != nil {
		return nil, onnx.FormatError(fmt.Sprintf("metadata %s: %v", onnx.ProvenanceKey, text.JSONError(err)))
	}
	made := (len(w.To) > 0) != (len(w.Adapters) > 0)
	if w.Schema != WeightsSchema || !made || w.Base.File == "" || len(w.From) == 0 && !w.Unproven {
		return nil, onnx.FormatError(fmt.Sprintf("metadata %s: schema %q without a base model or a checkpoint",
			onnx.ProvenanceKey, w.Schema))
	}
	return &w, nil
}

// schemaOf returns the schema of a JSON document, "" if it is none.
func schemaOf(document string) string {
	var head struct {
		Schema string `json:"schema"`
	}
	if json.Unmarshal([]byte(document), &head) != nil {
		return ""
	}
	return head.Schema
}
