package onnxmerge

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// ProvenanceSchema is the value of Provenance.Schema.
const ProvenanceSchema = "wiseft.provenance/1"

// Origin is the part of a provenance that the caller supplies.
type Origin struct {
	Version string   // of the program
	Files   []string // the names of the models' files, without folders, and then of the Fisher informations: one each
	// References are addresses of the files where they were published, in the order of Files; "" where there is none, nil if
	// none has one.
	References []string
	// Selection describes how the models were chosen among others; nil if they were not.
	Selection *Selection
	// Proofs are the results of proving the pairs by running; nil if that was not done.
	Proofs []Proof
	// Repair says which statistics were measured; nil if none was.
	Repair *Repair
	// Aligned are the models that were permuted before the merge, in their order; nil if none was.
	Aligned []Aligned
	// Stored are the models as they are in their files, where the plan's are permuted ones in memory; nil entries elsewhere.
	Stored []*onnx.Model
}

// check refuses an origin that does not name every input.
func (o *Origin) check(inputs int) error {
	if o != nil && len(o.Files) != inputs {
		return &ModelsError{fmt.Sprintf("the origin names %d files, and %d are merged", len(o.Files), inputs)}
	}
	return nil
}

// Selection describes how the models of a merge were chosen among others. [Verify] does not check it, because that
// would need the data.
type Selection struct {
	Rule       string      `json:"rule"`
	Validation string      `json:"validation"` // which data decided
	Train      string      `json:"train_sha256"`
	Val        string      `json:"val_sha256,omitempty"` // "" if it was held back from the training data
	Candidates []Candidate `json:"candidates"`           // in the order in which they were tried
}

// Candidate is a model that a [Selection] considered.
type Candidate struct {
	File   string  `json:"file"`
	SHA256 string  `json:"sha256"`
	Score  float64 `json:"score"` // of the model alone
	With   float64 `json:"with"`  // of the merge of those chosen before and this one
	Chosen bool    `json:"chosen"`
}

// Provenance records how a merged model was made, completely: the same version of the program makes the same bytes from
// it and from the files that it names. It is the JSON text of the metadata property [onnx.ProvenanceKey].
type Provenance struct {
	Schema      string        `json:"schema"`
	Version     string        `json:"version"`
	Method      string        `json:"method"`
	Params      method.Params `json:"params"`
	Include     []string      `json:"include,omitempty"`
	Exclude     []string      `json:"exclude,omitempty"`
	Set         []Override    `json:"set,omitempty"`
	Extrapolate bool          `json:"extrapolate,omitempty"`
	FoldNorms   bool          `json:"fold_bn,omitempty"`
	Pairs       []GivenPair   `json:"pairs,omitempty"`
	Statistics  Statistics    `json:"norm_statistics,omitempty"` // "" is linear
	Nonfinite   bool          `json:"allow_nonfinite,omitempty"`
	BackboneAt  string        `json:"backbone_output,omitempty"` // as the user named it
	Features    string        `json:"features,omitempty"`        // what the head consumes; see [Backbone]
	External    string        `json:"external,omitempty"`        // "inside", "outside" or "safetensors" where payloads moved
	ShardBytes  int64         `json:"shard_bytes,omitempty"`     // of data files, where payloads moved out
	Models      []Source      `json:"models"`                    // the pre-trained one first, the fine-tuned one last
	Fisher      []Source      `json:"fisher,omitempty"`          // of the models, in their order
	Data        []DataFile    `json:"data,omitempty"`            // data files of the merged model
	Selection   *Selection    `json:"selection,omitempty"`       // how the models were chosen
	Proofs      []Proof       `json:"proofs,omitempty"`          // of the pairs, by running
	Repair      *Repair       `json:"repair,omitempty"`          // activations that were corrected
	Aligned     []Aligned     `json:"align,omitempty"`           // models whose units were permuted before the merge
	Merged      int           `json:"merged"`                    // tensors
	Copied      int           `json:"copied"`                    // tensors
}

// Source is a model that was merged.
type Source struct {
	File   string          `json:"file"`
	Ref    string          `json:"ref,omitempty"` // where it was published, with the revision: hf://owner/name@commit/path
	Bytes  int64           `json:"bytes"`
	SHA256 string          `json:"sha256"`
	Data   []DataFile      `json:"data,omitempty"`
	From   json.RawMessage `json:"from,omitempty"` // its own provenance, if it was made by a merge
}

// DataFile is a file of external data, under its location in the model.
type DataFile struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	XXH3  string `json:"xxh3_128"`
}

// layoutNames are the layouts that move payloads.
var layoutNames = map[onnx.Layout]string{onnx.Inside: "inside", onnx.Outside: "outside", onnx.Packed: "safetensors"}

// provenance describes the merge. It hashes the parts of the inputs that the merge has not read.
func (e *executor) provenance(ctx context.Context, opt WriteOptions, data []onnx.File) (*Provenance, error) {
	out := &Provenance{Schema: ProvenanceSchema, Version: opt.Origin.Version, Method: e.method.Name, Params: e.params,
		Include: e.opt.Include, Exclude: e.opt.Exclude, Set: e.opt.Set, Extrapolate: e.opt.Extrapolate,
		FoldNorms: e.opt.FoldNorms, Pairs: e.opt.Pairs, Statistics: e.opt.Statistics.recorded(), Nonfinite: e.opt.AllowNonfinite,
		BackboneAt: e.opt.BackboneOutput, Features: e.backbone.Output,
		External: layoutNames[opt.Layout], ShardBytes: opt.ShardBytes, Data: dataFiles(data), Selection: opt.Origin.Selection,
		Proofs: opt.Origin.Proofs, Repair: opt.Origin.Repair, Aligned: opt.Origin.Aligned}
	out.Merged, _ = e.count(Merge)
	out.Copied, _ = e.count(Copy)
	for i, m := range e.inputs() {
		if i < len(opt.Origin.Stored) && opt.Origin.Stored[i] != nil {
			m = opt.Origin.Stored[i]
		}
		s, err := NewSource(ctx, m, opt.Origin.Files[i])
		if err != nil {
			return nil, err
		}
		if i < len(opt.Origin.References) {
			s.Ref = opt.Origin.References[i]
		}
		if i < len(e.models) {
			out.Models = append(out.Models, s)
		} else {
			out.Fisher = append(out.Fisher, s)
		}
	}
	return out, nil
}

// NewSource describes a model by the name of its file and the hashes of its files, which it reads as far as that was not done.
func NewSource(ctx context.Context, m *onnx.Model, file string) (Source, error) {
	files, err := m.Files(ctx)
	if err != nil {
		return Source{}, err
	}
	s := Source{File: file, Bytes: files[0].SizeBytes, SHA256: files[0].Hash, Data: dataFiles(files[1:])}
	if from := m.Property(onnx.ProvenanceKey); json.Valid([]byte(from)) {
		s.From = json.RawMessage(from)
	}
	return s, nil
}

func dataFiles(files []onnx.File) []DataFile {
	var out []DataFile
	for _, f := range files {
		out = append(out, DataFile{f.Name, f.SizeBytes, f.Hash})
	}
	return out
}

// ReadProvenance returns the provenance of a merged model. A model without one gives an [onnx.FormatError].
func ReadProvenance(m *onnx.Model) (*Provenance, error) {
	document := m.Property(onnx.ProvenanceKey)
	if document == "" {
		return nil, onnx.FormatError(fmt.Sprintf("the model has no provenance (metadata %s): it was not merged by wiseft, "+
			"or merged with --no-provenance", onnx.ProvenanceKey))
	}
	if schemaOf(document) == WeightsSchema {
		return nil, onnx.FormatError("no merge made the model: its weights are those of a checkpoint, by wiseft weights apply")
	}
	var p Provenance
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return nil, onnx.FormatError(fmt.Sprintf("metadata %s: %v", onnx.ProvenanceKey, text.JSONError(err)))
	}
	if p.Schema != ProvenanceSchema || len(p.Models) < 2 {
		return nil, onnx.FormatError(fmt.Sprintf("metadata %s: schema %q with %d models, want %q with 2 or more",
			onnx.ProvenanceKey, p.Schema, len(p.Models), ProvenanceSchema))
	}
	return &p, nil
}

// Options returns the options that make the same merge again.
func (p *Provenance) Options() Options {
	return Options{Method: p.Method, Params: p.Params, Include: p.Include, Exclude: p.Exclude, Set: p.Set,
		Extrapolate: p.Extrapolate, FoldNorms: p.FoldNorms, Pairs: p.Pairs, Statistics: p.Statistics, AllowNonfinite: p.Nonfinite,
		BackboneOutput: p.BackboneAt}
}

// Layout returns the layout option of the merge.
func (p *Provenance) Layout() onnx.Layout {
	for layout, name := range layoutNames {
		if name == p.External {
			return layout
		}
	}
	return onnx.Keep
}
