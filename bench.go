package wiseft

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench"
)

// Bench fits a probe on each model's features and scores it on test data, clean and corrupted.
func Bench(ctx context.Context, paths []string, opt MeasureOptions) (*Measured, error) {
	opt, err := opt.withScore()
	if err != nil {
		return nil, err
	}
	plan, err := opt.plan("wiseft.bench/1")
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fault.Usagef("missing MODEL")
	}
	if opt.startsFromOwn() {
		return nil, fault.Usagef("--head-init is for a sweep, whose models have the fine-tuned model's head")
	}
	var files []string
	for i, path := range paths {
		tensor, pooled, of, err := opt.storedTensor(ctx, path)
		if err != nil {
			return nil, err
		}
		files = append(files, of...)
		if i > 0 && plan.Tensor != tensor {
			return nil, fault.Usagef("%s has the tensor %q, %s has %q", paths[0], plan.Tensor, path, tensor).
				WithHint("benchmark them one by one")
		}
		plan.Tensor = tensor
		if i == 0 {
			plan.Pooled = pooled
		}
		if plan.Pooled != pooled {
			plan.Pooled = "" // each model in a way of its own
		}
		plan.Variants = append(plan.Variants, storedVariant{path, path, opt.Runtime.maxModel()})
	}
	return opt.measure(ctx, plan, files, false)
}

// storedTensor returns the measured tensor of a model file, how it is pooled, and the paths of all the model's files. The
// options' data are then for that model.
func (o *MeasureOptions) storedTensor(ctx context.Context, path string) (tensor, pooled string, files []string, err error) {
	m, err := Open(path)
	if err != nil {
		return "", "", nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	o.forModel(m.Model, named(o.Tensor)...)
	if tensor, err = o.measuredTensor(ctx, m, m.headInput()); err == nil {
		o.forModel(m.Model, tensor)
	}
	return tensor, o.pooled(m.Model, tensor), m.Paths(), err
}

// storedVariant is a model file as it is.
type storedVariant struct {
	path string // as the user named it
	file string // that has the model; another one if path is a checkpoint
	most int64  // size in bytes up to which the model is run from memory
}

// ID implements bench.Variant.
func (v storedVariant) ID() string { return v.path }

// About implements bench.Variant: a finished file is measured as it is.
func (storedVariant) About() bench.About { return bench.About{} }

// Key implements bench.Variant.
func (v storedVariant) Key(ctx context.Context) (string, error) {
	m, err := Open(v.file)
	if err != nil {
		return "", err
	}
	defer m.Close()
	files, err := m.Files(ctx)
	if err != nil {
		return "", withPath(v.path, err)
	}
	var all []string
	for _, f := range files {
		all = append(all, f.Name, f.Hash)
	}
	sum := sha256.Sum256([]byte(strings.Join(all, "\n")))
	return hex.EncodeToString(sum[:]), nil
}

// Model implements bench.Variant.
func (v storedVariant) Model(ctx context.Context, _ string) (bench.Model, error) {
	m, err := Open(v.file)
	if err != nil {
		return bench.Model{}, err
	}
	defer m.Close()
	source, sum, err := m.source(ctx, v.most)
	return bench.Model{ONNX: source, SHA256: sum, SizeBytes: weightBytes(m.Model)}, err
}
