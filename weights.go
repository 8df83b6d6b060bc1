package wiseft

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/mapping"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// ApplyOptions says which checkpoints [ApplyWeights] reads.
type ApplyOptions struct {
	From string // the checkpoint that the model was exported from
	To   string // the checkpoint whose weights the model gets
	// KeepUnmapped keeps tensors that From does not explain; otherwise they are an error of kind Mismatch.
	KeepUnmapped bool
	MemoryBytes  int64 // what tensors that are computed may take, however large they are; 0 is 256 MiB
	Workers      int   // 0 is one per core; the result does not depend on it
	Monitor      Monitor
}

func (o ApplyOptions) limits() mapping.Limits {
	return mapping.Limits{MemoryBytes: o.MemoryBytes, Workers: cmp.Or(o.Workers, runtime.NumCPU())}
}

// WeightsResult says what every floating-point tensor of a model is made from.
type WeightsResult struct {
	Output  string               `json:"output,omitempty"`
	Data    []onnxmerge.DataFile `json:"data,omitempty"` // files beside the output
	Mapped  []MappedTensor       `json:"mapped"`
	Kept    []KeptTensor         `json:"kept"`
	Refused []RefusedTensor      `json:"refused"`
	Unused  []string             `json:"unused"` // floating-point tensors of the checkpoint that the model does not have
	Notes   []string             `json:"notes"`
	Bytes   int64                `json:"bytes,omitempty"`
	Seconds float64              `json:"seconds,omitempty"`
	SHA256  string               `json:"sha256,omitempty"`
}

// MappedTensor is a tensor of the model and the expression over tensors of the checkpoint that gives it.
type MappedTensor struct {
	Initializer string `json:"initializer"`
	Use         string `json:"use,omitempty"` // the name by which operators read it, if other uses have another source
	Expression  string `json:"expression"`
	Proof       string `json:"proof"`
	// Shape is that of a head with another number of classes, which takes the place of the model's.
	Shape []int64 `json:"shape,omitempty"`
}

// KeptTensor is a tensor of the model that does not depend on the checkpoint.
type KeptTensor struct {
	Initializer string `json:"initializer"`
	Reason      string `json:"reason"`
}

// RefusedTensor is a tensor of the model of which it is not known how it depends on the checkpoint.
type RefusedTensor struct {
	Initializer string   `json:"initializer"`
	Reason      string   `json:"reason"`
	Candidates  []string `json:"candidates"`
}

// newWeightsResult describes a bound mapping.
func newWeightsResult(b *mapping.Bound) *WeightsResult {
	r := &WeightsResult{Mapped: []MappedTensor{}, Kept: []KeptTensor{}, Refused: []RefusedTensor{},
		Unused: append([]string{}, b.Unused...), Notes: []string{}}
	for _, e := range b.Mapped {
		r.Mapped = append(r.Mapped, MappedTensor{Initializer: e.Tensor.ID(), Use: e.Use, Expression: e.Expression.String(), Proof: e.Proof})
	}
	for _, e := range b.Resized {
		r.Mapped = append(r.Mapped, MappedTensor{Initializer: e.Tensor.ID(), Expression: e.Expression.String(), Proof: e.Proof,
			Shape: e.Dims})
		r.Notes = append(r.Notes, fmt.Sprintf("the head has another number of classes: %s of shape %v is replaced by one of %v",
			e.Tensor.ID(), e.Tensor.Dims, e.Dims))
	}
	for _, k := range b.Kept {
		r.Kept = append(r.Kept, KeptTensor{k.Tensor.ID(), k.Reason})
	}
	for _, x := range b.Refused {
		refused := RefusedTensor{Initializer: x.Tensor.ID(), Reason: x.Reason, Candidates: []string{}}
		for _, c := range x.Candidates {
			refused.Candidates = append(refused.Candidates, c.String())
		}
		r.Refused = append(r.Refused, refused)
	}
	if b.Renamed != "" {
		r.Notes = append(r.Notes, b.Renamed)
	}
	for _, name := range b.Changed {
		r.Notes = append(r.Notes, fmt.Sprintf("%q is no floating-point tensor and differs between the checkpoints; the model keeps "+
			"what it has", name))
	}
	return r
}

// ApplyWeights writes an ONNX model with the weights of another checkpoint of its network: what an export of that
// checkpoint would be. The checkpoint that the model was exported from shows what each tensor is made from; see package
// mapping. If a tensor is not explained, nothing is written, and the result lists all of them beside an error of kind
// Mismatch.
func ApplyWeights(
	ctx context.Context, out, base string, opt ApplyOptions, write WriteOptions,
) (_ *WeightsResult, err error) {
	if err := output.Check(out, write.replacing([]string{base, opt.From, opt.To})); err != nil {
		return nil, err
	}
	a, err := openApplication(base, opt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.bind(ctx, write); err != nil {
		return nil, err
	}
	if err := a.err(); err != nil {
		return a.result, err
	}
	return a.result, a.write(ctx, out, write)
}

// application is a model that gets the weights of a checkpoint.
type application struct {
	model    *Model
	from, to *Checkpoint      // from is nil if it is not known, to is nil with adapters
	adapters []*loadedAdapter // that are added to from, or to the model's own tensors
	opt      ApplyOptions
	version  string // of the program, for the provenance
	notes    []string
	bound    *mapping.Bound
	result   *WeightsResult
}

// openApplication opens a model, and a checkpoint or adapters whose weights it gets.
func openApplication(base string, opt ApplyOptions, adapters ...Adapter) (*application, error) {
	a := &application{opt: opt, version: Version}
	var err error
	if a.model, err = Open(base); err != nil {
		return nil, err
	}
	if opt.From != "" {
		a.from, err = OpenCheckpoint(opt.From)
	}
	if err == nil && len(adapters) == 0 {
		a.to, err = OpenCheckpoint(opt.To)
	}
	for _, x := range adapters {
		if err == nil {
			var l *loadedAdapter
			if l, err = openAdapter(x); err == nil {
				a.adapters = append(a.adapters, l)
			}
		}
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	for _, c := range a.checkpoints() {
		if text := c.describe(); text != "" {
			opt.Monitor.note(text)
			a.notes = append(a.notes, text)
		}
	}
	return a, nil
}

// checkpoints returns those that are open.
func (a *application) checkpoints() []*Checkpoint {
	var list []*Checkpoint
	for _, c := range []*Checkpoint{a.from, a.to} {
		if c != nil {
			list = append(list, c)
		}
	}
	for _, l := range a.adapters {
		list = append(list, l.Checkpoint)
	}
	return list
}

// Close closes all files.
func (a *application) Close() error {
	err := a.model.Close()
	for _, c := range a.checkpoints() {
		err = errors.Join(err, c.Close())
	}
	return err
}

// paths returns the paths of all files that are read.
func (a *application) paths() []string {
	paths := a.model.Paths()
	for _, c := range a.checkpoints() {
		paths = append(paths, c.Paths()...)
	}
	return paths
}

// trackBytes is what the pieces of a model or a checkpoint may take that are read ahead of its hash.
const trackBytes = 16 << 20

// bind finds what the tensors are made from. Unless hashes are not wanted, it hashes what it reads.
func (a *application) bind(ctx context.Context, opt WriteOptions) error {
	if !opt.NoProvenance {
		a.model.TrackHashes(trackBytes)
		for _, c := range a.checkpoints() {
			c.trackHashes()
		}
	}
	a.opt.Monitor.progress(Progress{What: "comparing weights", Unit: "tensors"})
	bind := a.bindCheckpoint
	if len(a.adapters) > 0 {
		bind = a.bindAdapters
	}
	if err := bind(ctx); err != nil {
		return err
	}
	a.result = newWeightsResult(a.bound)
	a.result.Notes = append(a.result.Notes, a.notes...)
	return nil
}

func (a *application) bindCheckpoint(ctx context.Context) error {
	find, source := mapping.Find, a.from
	if source == nil {
		find, source = mapping.Guess, a.to
	}
	found, err := find(ctx, a.model.Model, source.Checkpoint, a.opt.limits())
	if err != nil {
		return withPathOf(a.model.path, err, source)
	}
	a.bound, err = found.Bind(ctx, source.Checkpoint, a.to.Checkpoint)
	return withPathOf(a.to.path, err, source)
}

// withPathOf returns an error with the path of a checkpoint if a tensor of that cannot be read, otherwise with another path. What
// was looked for in the tensor is left out.
func withPathOf(path string, err error, c *Checkpoint) error {
	var failed *checkpoint.ReadError
	for rest := err; errors.As(rest, &failed); rest = failed.Err {
		if c.Lookup(failed.Tensor.Name) == failed.Tensor {
			return withPath(c.path, failed)
		}
	}
	return withPath(path, err)
}

// err returns an error of kind Mismatch if tensors are not explained.
func (a *application) err() error {
	explained := func(r mapping.Refused) bool { return len(r.Candidates) > 0 } // and refused for the other checkpoint
	if len(a.bound.Mapped)+len(a.bound.Resized) == 0 && a.from != nil && !slices.ContainsFunc(a.bound.Refused, explained) {
		return fault.Mismatchf("%s: none of its %d floating-point tensors is made from %s", a.model.path,
			len(a.bound.Refused)+len(a.bound.Kept), a.source().path).
			WithHint("the checkpoint must be the one that the model was exported from")
	}
	if len(a.bound.Refused) == 0 || a.opt.KeepUnmapped {
		return nil
	}
	hint := "export the model again, or keep these as they are in it with --keep-unmapped"
	if a.from == nil {
		hint = "name the checkpoint that the ONNX model was exported from, which proves what its weights are: --base-weights"
	}
	var list []string
	for _, r := range a.result.Refused {
		list = append(list, fmt.Sprintf("\n  %s: %s", r.Initializer, r.Reason))
	}
	return fault.Mismatchf("%s: %d of its tensors are not explained by %s: %s", a.model.path, len(list), a.source().path,
		strings.Join(list, "")).WithHint("%s", hint)
}

// source returns the checkpoint that explains the model.
func (a *application) source() *Checkpoint {
	if a.from != nil {
		return a.from
	}
	return a.tuned()
}

// tuned returns the checkpoint that the model's weights are taken from, or the first adapter.
func (a *application) tuned() *Checkpoint {
	if a.to != nil {
		return a.to
	}
	return a.adapters[0].Checkpoint
}

// write writes the model with the weights of the checkpoint.
func (a *application) write(ctx context.Context, out string, opt WriteOptions) error {
	start := time.Now()
	how, err := opt.layout(out)
	if err != nil {
		return err
	}
	files := &output.Group{Path: out, Options: opt.replacing(a.paths())}
	if err := output.Check(out, files.Options); err != nil {
		return err
	}
	defer files.Abort()
	if err := a.model.CheckData(ctx); err != nil {
		return withPath(a.model.path, err)
	}
	list, change, err := a.bound.Weights()
	if err != nil {
		return withPath(a.tuned().path, err)
	}
	how.Workers, how.Change = a.opt.limits().Workers, change
	apart, err := a.unshared()
	if err != nil {
		return err
	}
	if apart != nil && how.Layout == onnx.Keep {
		how.Layout = onnx.Outside
		a.result.Notes = append(a.result.Notes, onnxmerge.ApartNote(apart))
	}
	how.Provenance = func([]onnx.File) (string, error) { return "", nil }
	if !opt.NoProvenance {
		how.Provenance = func([]onnx.File) (string, error) { return a.provenance(ctx) }
	}
	data, err := a.model.Write(ctx, files, list, how)
	if err != nil {
		return withPath(a.tuned().path, err)
	}
	if err := a.checkUnchanged(); err != nil {
		return err
	}
	if err := files.Commit(); err != nil {
		return err
	}
	r := a.result
	r.Output, r.SHA256, r.Bytes = out, files.Main().SHA256(), files.Main().SizeBytes()
	for _, f := range data {
		r.Data = append(r.Data, onnxmerge.DataFile{File: f.Name, Bytes: f.SizeBytes, XXH3: f.Hash})
	}
	r.Seconds = time.Since(start).Seconds()
	return nil
}

// unshared returns a tensor whose bytes in a data file are also those of another one, which is made from something else; nil if there
// is none.
func (a *application) unshared() (*onnx.Tensor, error) {
	made := map[*onnx.Tensor]string{} // "" for what is kept
	for _, e := range a.bound.Mapped {
		if made[e.Tensor] == "" {
			made[e.Tensor] = e.Expression.String()
		}
	}
	return a.model.Apart(func(first, t *onnx.Tensor) (bool, error) { return made[first] == made[t], nil })
}

func (a *application) checkUnchanged() error {
	err := a.model.checkUnchanged()
	for _, c := range a.checkpoints() {
		err = errors.Join(err, c.checkUnchanged())
	}
	return err
}

// provenance records the files by their hashes.
func (a *application) provenance(ctx context.Context) (string, error) {
	w := onnxmerge.Weights{Schema: onnxmerge.WeightsSchema, Version: a.version, KeepUnmapped: a.opt.KeepUnmapped,
		Unproven: a.from == nil, Mapped: len(a.bound.Mapped) + len(a.bound.Resized), Kept: len(a.bound.Kept) + len(a.bound.Refused)}
	var err error
	if w.Base, err = onnxmerge.NewSource(ctx, a.model.Model, filepath.Base(a.model.path)); err != nil {
		return "", withPath(a.model.path, err)
	}
	if a.from != nil {
		if w.From, err = a.from.record(ctx); err != nil {
			return "", err
		}
	}
	if a.to != nil {
		w.To, err = a.to.record(ctx)
	}
	for _, l := range a.adapters {
		if err == nil {
			var files []onnxmerge.CheckpointFile
			files, err = l.record(ctx)
			w.Adapters = append(w.Adapters, onnxmerge.WeightsAdapter{Path: baseName(l.path), Scale: l.scaled.Scale, Files: files})
		}
	}
	if err != nil {
		return "", err
	}
	document, err := json.Marshal(w)
	return string(document), err
}
