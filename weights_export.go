package wiseft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/mapping"
)

// ExportOptions says which checkpoint [ExportWeights] follows.
type ExportOptions struct {
	Like string // the checkpoint whose names, shapes and types the output has
	// Base is the model that was exported from Like, with the graph of the model whose weights are exported; "" is
	// found by that one's provenance beside it, or else is the model itself.
	Base        string
	Force       bool  // replace an existing output
	NoSync      bool  // as [WriteOptions.NoSync]
	MemoryBytes int64 // what tensors that are rearranged may take, however large they are; 0 is 256 MiB
	Monitor     Monitor
}

func (opt ExportOptions) limits() mapping.Limits {
	return mapping.Limits{MemoryBytes: opt.MemoryBytes, Workers: runtime.NumCPU()}
}

// ExportResult describes a checkpoint that was written.
type ExportResult struct {
	Output  string   `json:"output"`
	Model   string   `json:"model"`
	Base    string   `json:"base"`
	Like    string   `json:"like"`
	Written []string `json:"written"` // tensors from the model
	Copied  []string `json:"copied"`  // tensors that the model does not have, from Like
	Notes   []string `json:"notes"`
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256"`
}

// ExportWeights writes the weights of an ONNX model as a safetensors file with the names, shapes and types of a
// checkpoint. Weights that cannot be taken apart, because something was folded into them, are an error of kind Mismatch
// that lists them.
func ExportWeights(ctx context.Context, out, model string, opt ExportOptions) (_ *ExportResult, err error) {
	replacing := output.Options{Force: opt.Force, NoSync: opt.NoSync, Inputs: []string{model, opt.Base, opt.Like}}
	if err := output.Check(out, replacing); err != nil {
		return nil, err
	}
	m, err := Open(model)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	like, err := OpenCheckpoint(opt.Like)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, like.Close()) }()
	base, found, err := opt.findBase(ctx, m, like)
	if err != nil {
		return nil, err
	}
	if base != m {
		defer func() { err = errors.Join(err, base.Close()) }()
	}
	opt.Monitor.progress(Progress{What: "taking weights apart", Unit: "tensors"})
	inverse, err := found.Invert(ctx, like.Checkpoint, m.Model)
	if err != nil {
		return nil, withPath(model, err)
	}
	r := &ExportResult{Output: out, Model: model, Base: base.path, Like: opt.Like,
		Written: append([]string{}, inverse.Written...), Copied: append([]string{}, inverse.Copied...), Notes: []string{}}
	for _, text := range inverse.Partial {
		r.Notes = append(r.Notes, "the model has a part of "+text+"; the rest is from "+opt.Like)
	}
	if err := exportErr(m, base, like, inverse); err != nil {
		return nil, err
	}
	replacing.Inputs = append(append(append(replacing.Inputs, m.Paths()...), base.Paths()...), like.Paths()...)
	file, err := output.WriteFile(out, replacing, func(w io.Writer) error {
		err := checkpoint.Write(ctx, w, inverse.Outputs, exportMetadata(like))
		return errors.Join(err, m.checkUnchanged(), base.checkUnchanged(), like.checkUnchanged())
	})
	if err != nil {
		return nil, err
	}
	r.Bytes, r.SHA256 = file.SizeBytes, file.SHA256
	return r, nil
}

// exportMetadata is that of the checkpoint that is followed; PyTorch's loaders need the format.
func exportMetadata(like *Checkpoint) map[string]string {
	if len(like.Metadata) > 0 {
		return like.Metadata
	}
	return map[string]string{"format": "pt"}
}

// exportErr refuses an export of which a weight cannot be taken apart, or that has none.
func exportErr(m, base *Model, like *Checkpoint, inverse *mapping.Inverse) error {
	if len(inverse.Refused) > 0 {
		var list []string
		for _, r := range inverse.Refused {
			list = append(list, fmt.Sprintf("\n  %s: %s", r.Tensor.ID(), r.Reason))
		}
		return fault.Mismatchf("%s: %d of its tensors cannot be written as %s has them: %s", m.path, len(list), like.path,
			strings.Join(list, "")).
			WithHint("merge an export without folding: torch.onnx.export(…, training=TrainingMode.PRESERVE, do_constant_folding=False)")
	}
	if len(inverse.Written) == 0 {
		return fault.Mismatchf("%s: none of its tensors is made from %s", base.path, like.path).
			WithHint("name the model that was exported from it with --base")
	}
	return nil
}

// findBase returns the model that was exported from the checkpoint, which may be m, and its mapping.
func (opt ExportOptions) findBase(ctx context.Context, m *Model, like *Checkpoint) (*Model, *mapping.Mapping, error) {
	if opt.Base != "" {
		base, err := Open(opt.Base)
		if err != nil {
			return nil, nil, err
		}
		found, err := mapping.Find(ctx, base.Model, like.Checkpoint, opt.limits())
		if err != nil {
			return nil, nil, errors.Join(withPathOf(opt.Base, err, like), base.Close())
		}
		return base, found, nil
	}
	for _, s := range madeFrom(m) {
		path, ok := findBeside(m.path, s.File)
		if !ok || isCheckpoint(path) {
			continue
		}
		base, err := Open(path)
		if err != nil {
			continue // it is not the file that was merged
		}
		found, err := opt.mappedFrom(ctx, base, like, s.SHA256)
		if found != nil {
			opt.Monitor.note(fmt.Sprintf("%s is the export of %s, by the provenance of %s", path, opt.Like, m.path))
			return base, found, nil
		}
		if err := errors.Join(err, base.Close()); err != nil {
			return nil, nil, err
		}
	}
	found, err := mapping.Find(ctx, m.Model, like.Checkpoint, opt.limits())
	if err == nil && len(found.Refused) > 0 {
		err = fault.Mismatchf("%d of its tensors are not explained by %s, as %q: it is not the export of that checkpoint",
			len(found.Refused), like.path, found.Refused[0].Tensor.ID()).
			WithHint("name the model that was exported from it, with the same graph, with --base")
	}
	return m, found, withPathOf(m.path, err, like)
}

// madeFrom returns the models that a model was made from, the last first.
func madeFrom(m *Model) []onnxmerge.Source {
	if w, err := onnxmerge.ReadWeights(m.Model); err == nil && w != nil {
		return []onnxmerge.Source{w.Base}
	}
	p, err := onnxmerge.ReadProvenance(m.Model)
	if err != nil {
		return nil
	}
	var list []onnxmerge.Source
	for i := len(p.Models) - 1; i >= 0; i-- {
		list = append(list, p.Models[i])
	}
	return list
}

// mappedFrom returns the mapping of a model to a checkpoint, nil if it has another hash or is not explained by it.
func (opt ExportOptions) mappedFrom(ctx context.Context, base *Model, like *Checkpoint, hash string) (*mapping.Mapping, error) {
	files, err := base.Files(ctx)
	if err != nil || files[0].Hash != hash {
		return nil, err
	}
	found, err := mapping.Find(ctx, base.Model, like.Checkpoint, opt.limits())
	if err != nil || len(found.Mapped) == 0 || len(found.Refused) > 0 {
		return nil, err
	}
	return found, nil
}
