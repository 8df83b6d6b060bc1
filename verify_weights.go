package wiseft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
)

// verifyWeights checks that a model is its base with the weights of a checkpoint: it is made again and compared, every byte of
// every tensor. Of opt it uses Pretrained for the base model, Finetuned for the checkpoint of the weights, and BaseWeights or Further for
// the one that the base was exported from.
func verifyWeights(
	ctx context.Context, model *Model, from *onnxmerge.Weights, opt VerifyOptions,
) (_ *VerifyResult, err error) {
	r := &VerifyResult{Output: model.path, Weights: from, All: true, Differences: []string{}}
	apply := ApplyOptions{KeepUnmapped: from.KeepUnmapped, Monitor: opt.Monitor}
	if len(opt.Adapters) > 0 {
		return nil, fault.Usagef("%s was made without adapters", model.path)
	}
	base, err := weightsInput(model, opt.Pretrained, from.Base.File)
	if err != nil {
		return nil, err
	}
	if apply.To, err = weightsInput(model, opt.Finetuned, from.To[0].File); err != nil {
		return nil, err
	}
	if !from.Unproven {
		if apply.From, err = weightsInput(model, cmp.Or(slices.Concat([]string{opt.BaseWeights}, opt.Further)...), from.From[0].File); err != nil {
			return nil, err
		}
	}
	a, err := openApplication(base, apply)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	r.Inputs = a.paths()
	if err := r.compareApplied(ctx, a, model); err != nil {
		return nil, err
	}
	if len(r.Differences) > 0 {
		return nil, fault.Mismatchf("%s differs from its provenance: %s", model.path, lines(r.Differences))
	}
	return r, nil
}

// weightsInput returns a path that is named, else that of a file beside a model.
func weightsInput(model *Model, named, file string) (string, error) {
	if named != "" {
		return named, nil
	}
	if path, ok := findBeside(model.path, file); ok {
		return path, nil
	}
	return "", fault.Inputf("%s was made from %s, which is neither beside it nor in the working folder", model.path, file).
		WithHint("name the base model with --pretrained, the checkpoint of its weights with --finetuned, and the one that the base " +
			"was exported from with --further")
}

// compareApplied compares the hashes of the inputs, and the model with one that is made again.
func (r *VerifyResult) compareApplied(ctx context.Context, a *application, model *Model) error {
	if err := a.bind(ctx, WriteOptions{}); err != nil {
		return err
	}
	if err := a.err(); err != nil {
		return err
	}
	if err := r.compareHashes(ctx, a.model, r.Weights.Base); err != nil {
		return err
	}
	for i, want := range [][]onnxmerge.CheckpointFile{r.Weights.To, r.Weights.From} {
		c := []*Checkpoint{a.to, a.from}[i]
		if c == nil {
			continue
		}
		got, err := c.record(ctx)
		if err != nil {
			return err
		}
		if !onnxmerge.SameCheckpoint(got, want) {
			r.Differences = append(r.Differences, fmt.Sprintf("%s is not the checkpoint that was read: its xxh3_128 is %s", c.path, got[0].XXH3))
		}
	}
	folder, err := output.NewScratch()
	if err != nil {
		return err
	}
	again := filepath.Join(folder.Path, scratchName)
	if err = a.write(ctx, again, WriteOptions{NoProvenance: true, NoSync: true}); err == nil {
		err = r.compareModels(ctx, again, model)
	}
	return errors.Join(err, folder.Remove())
}

// compareModels adds a difference for every tensor that is not that of the model at a path.
func (r *VerifyResult) compareModels(ctx context.Context, path string, model *Model) (err error) {
	want, err := Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, want.Close()) }()
	a, err1 := want.StructureHash(ctx)
	b, err2 := model.StructureHash(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if a != b || len(want.Tensors) != len(model.Tensors) {
		r.Differences = append(r.Differences, "its operators or declarations are not those of the base model")
	}
	for _, t := range want.Tensors {
		x := model.Lookup(t.ID())
		if x == nil || x.DType != t.DType || !slices.Equal(x.Dims, t.Dims) {
			r.Differences = append(r.Differences, fmt.Sprintf("tensor %q is missing or has another shape", t.ID()))
			continue
		}
		same, err := t.Equal(x)
		if err != nil {
			return err
		}
		if !same {
			r.Differences = append(r.Differences, fmt.Sprintf("tensor %q differs", t.ID()))
		}
		r.Tensors, r.Bytes = r.Tensors+1, r.Bytes+t.SizeBytes()
	}
	return nil
}
