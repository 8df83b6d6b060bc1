package wiseft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// MergeOptions says what is merged, and how. The zero value is a linear merge at alpha 0.5 of all weights that have
// a counterpart.
type MergeOptions struct {
	Method string        // "" is "linear"; package method lists them
	Params method.Params // of the method: {"alpha": 0.5}; nil has the method's defaults
	Set    []onnxmerge.Override
	// Extrapolate allows alpha outside of 0 to 1.
	Extrapolate bool

	Include []string // patterns of tensors to merge; nil is all
	Exclude []string // patterns of tensors that stay as in the fine-tuned model
	// FoldNorms folds affine operators, such as BatchNormalization, that only one model has, in memory.
	FoldNorms bool
	Pairs     []onnxmerge.GivenPair // pairs that are stated instead of found, with the first model
	// Statistics says how running variances are mixed: [onnxmerge.Linear] as all weights, [onnxmerge.Deviations] as standard
	// deviations. "" is Linear, as WiSE-FT and other tools merge; in [Sweep] and [Soup] it is Deviations where the method
	// has coefficients of the models.
	Statistics onnxmerge.Statistics
	// AllowNonfinite keeps the fine-tuned model's elements where one is not finite and not the same in all models;
	// otherwise that is an error of kind Mismatch.
	AllowNonfinite bool
	// RequireComplete makes a merge fail (kind Mismatch) that keeps weights before the head without a certain counterpart.
	RequireComplete bool
	BackboneOutput  string // the tensor that the head consumes: weights behind it are kept; "" finds it
	// BaseWeights is the checkpoint that the last ONNX model was exported from, by which other checkpoints among the models are
	// read as models with its graph, proved by values; "" identifies their tensors by names and nearness.
	BaseWeights string
	// Adapters are LoRA adapters that are added to models, by their place among the models; nil for a model without. See
	// [MergeOptions.AddAdapters].
	Adapters [][]Adapter
	Fisher   []string // ONNX files with the diagonal Fisher information of each model, for methods that use it
	DType    string   // that all merged weights must have; "" is any

	// Prove proves the pairing by running both models before anything is written; nil does not. A disproved pairing is an
	// error of kind Mismatch. Pairs that are refused because values or other operators speak against them are merged if
	// running proves each of them.
	Prove *ProveOptions

	// Repair measures the running statistics of BatchNormalizations on the merged model and corrects them; nil does not.
	Repair *RepairOptions

	// Align brings the units of all models into one order, before they are paired; nil does not.
	Align *AlignOptions

	MemoryBytes int64 // what buffers may take; 0 is 256 MiB
	Workers     int   // 0 is one per core; the result does not depend on it

	Monitor Monitor
}

// inputs returns the paths of what the options and models name, without the models' data files.
func (o MergeOptions) inputs(models []string) []string {
	paths := slices.Concat(models, o.Fisher)
	if o.BaseWeights != "" {
		paths = append(paths, o.BaseWeights)
	}
	for _, a := range slices.Concat(o.Adapters...) {
		paths = append(paths, a.Path)
	}
	if o.Prove != nil {
		paths = append(paths, o.Prove.Data.paths()...)
	}
	if o.Repair != nil {
		paths = append(paths, o.Repair.Data.paths()...)
	}
	if o.Align != nil {
		paths = append(paths, o.Align.Data.paths()...)
	}
	return paths
}

// library returns the options of package onnxmerge.
func (o MergeOptions) library() onnxmerge.Options {
	opt := onnxmerge.Options{Method: o.Method, Params: method.Params{}, Set: o.Set, Extrapolate: o.Extrapolate,
		Include: o.Include, Exclude: o.Exclude, FoldNorms: o.FoldNorms, BackboneOutput: o.BackboneOutput,
		Pairs: o.Pairs, Statistics: o.Statistics, AllowNonfinite: o.AllowNonfinite,
		RequireComplete: o.RequireComplete, Memory: o.MemoryBytes, Workers: o.Workers}
	maps.Copy(opt.Params, o.Params)
	if opt.Workers == 0 {
		opt.Workers = runtime.NumCPU()
	}
	return opt
}

// WriteOptions says how a model is written. The zero value keeps the layout of the fine-tuned model, uses data files
// beyond 2 GiB, and writes provenance.
type WriteOptions struct {
	// DataFiles stores payloads in the model's file or beside it; with onnx.Packed the data file is a safetensors file, OUT.safetensors
	// for OUT.onnx.
	DataFiles    onnx.Layout
	ShardBytes   int64 // with onnx.Outside and onnx.Packed: begin another data file beyond this size; 0 is one file
	NoProvenance bool  // do not write into the model how it was made
	Force        bool  // replace an existing output
	// NoSync leaves it to the system when the output reaches the disk, for outputs that can be made again: after a power
	// failure it may be damaged.
	NoSync bool
	Inputs []string // further files that the output may not replace, such as a recipe; the models are known
}

// layout returns where the payloads of the output are stored.
func (o WriteOptions) layout(out string) (onnx.WriteOptions, error) {
	w := onnx.WriteOptions{Layout: o.DataFiles, ShardBytes: o.ShardBytes, DataName: filepath.Base(out) + ".data"}
	switch o.DataFiles {
	case onnx.Packed:
		w.Container = checkpoint.Container()
		w.DataName = strings.TrimSuffix(filepath.Base(out), ".onnx") + ".safetensors"
	case onnx.Outside:
	default:
		if o.ShardBytes != 0 {
			return w, fault.Usagef("--shard-size needs --external always or safetensors")
		}
	}
	return w, nil
}

// replacing returns what an output made from inputs may replace.
func (o WriteOptions) replacing(inputs []string) output.Options {
	return output.Options{Force: o.Force, Inputs: slices.Concat(inputs, o.Inputs), NoSync: o.NoSync}
}

// MergePlan is what a merge does to every tensor, with the files that it reads. Close it.
type MergePlan struct {
	*onnxmerge.Plan
	inputs  models // the models that are merged, then the Fisher informations
	count   int    // of the models that are merged
	prove   *ProveOptions
	repair  *RepairOptions
	aligned []onnxmerge.Aligned
	memory  int64
	monitor Monitor

	adapters []AddedAdapter
}

// Close closes the models.
func (p *MergePlan) Close() error { return p.inputs.Close() }

// Err returns an error of kind Mismatch if the plan cannot be executed: tensors are refused, or none is merged.
func (p *MergePlan) Err() error { return namePair(p.Plan.Err(), p.inputs[:p.count]) }

// PlanMerge opens models and decides for every tensor whether it is merged, copied or refused. The pre-trained model
// comes first; the last model's file is the one that is written, with other weights. Refused tensors are part of the
// plan: see [MergePlan.Err].
func PlanMerge(ctx context.Context, paths []string, opt MergeOptions) (*MergePlan, error) {
	if len(paths) < 2 {
		return nil, fault.Usagef("a merge takes two models or more, and %d are named", len(paths))
	}
	inputs, err := openMixed(ctx, paths, opt)
	if err != nil {
		return nil, err
	}
	further, err := openModels(opt.Fisher)
	if err != nil {
		return nil, errors.Join(err, inputs.Close())
	}
	inputs = append(inputs, further...)
	list, fisher := inputs[:len(paths)], inputs[len(paths):]
	var aligned []onnxmerge.Aligned
	if opt.Align != nil {
		aligned, err = opt.align(ctx, list)
	}
	var plan *onnxmerge.Plan
	if err == nil {
		plan, err = planModels(ctx, list, fisher, opt)
	}
	if err == nil {
		plan, err = settleDoubts(ctx, plan, list, fisher, opt)
	}
	if err != nil {
		return nil, errors.Join(err, inputs.Close())
	}
	plan.Warnings = append(plan.Warnings, inputs.notes()...)
	return &MergePlan{Plan: plan, inputs: inputs, count: len(paths), prove: opt.Prove, repair: opt.Repair, aligned: aligned,
		memory: opt.MemoryBytes, monitor: opt.Monitor, adapters: opt.added(paths)}, nil
}

// align brings the models into one order.
func (o MergeOptions) align(ctx context.Context, list models) ([]onnxmerge.Aligned, error) {
	m, err := method.Lookup(cmp.Or(o.Method, "linear"))
	if err != nil {
		return nil, err
	}
	return alignModels(ctx, list, m.Base, *o.Align)
}

// planModels plans a merge of opened models.
func planModels(ctx context.Context, list, fisher models, opt MergeOptions) (*onnxmerge.Plan, error) {
	o := opt.library()
	o.Fisher = fisher.graphs()
	plan, err := onnxmerge.NewPlan(ctx, list.graphs(), o)
	if err != nil {
		return nil, namePair(err, list)
	}
	if opt.DType == "" {
		return plan, nil
	}
	for _, d := range plan.Decisions {
		if d.Action == onnxmerge.Merge && d.DType.String() != opt.DType {
			return nil, fault.Mismatchf("the recipe requires %s, and tensor %q is %s: "+
				"a merge keeps the dtypes of its models; remove dtype and out_dtype", opt.DType, d.Tensor, d.DType)
		}
	}
	return plan, nil
}

// namePair puts the models' paths in front of an error about them together.
func namePair(err error, list models) error {
	if _, ok := errors.AsType[*onnxmerge.MismatchError](err); !ok {
		return err
	}
	var paths []string
	for _, m := range list {
		paths = append(paths, m.path)
	}
	last := len(paths) - 1
	return fmt.Errorf("%s and %s: %w", strings.Join(paths[:last], ", "), paths[last], err)
}

// MergeResult describes a merge that was written, or planned.
type MergeResult struct {
	Output     string               `json:"output,omitempty"`
	Data       []onnxmerge.DataFile `json:"data,omitempty"` // files beside the output
	Method     string               `json:"method"`
	Alpha      *float64             `json:"alpha,omitempty"`
	Params     method.Params        `json:"params"`
	Adapters   []AddedAdapter       `json:"adapters,omitempty"` // that were added to models, the deltas of all
	Tensors    TensorCounts         `json:"tensors"`
	Parameters int64                `json:"parameters"` // elements merged
	Bytes      int64                `json:"bytes"`
	Seconds    float64              `json:"seconds"`
	Waited     *WriteTimes          `json:"waited,omitempty"` // parts of Seconds
	Limit      Limit                `json:"limit,omitempty"`  // what Seconds would be shorter without
	SHA256     string               `json:"sha256,omitempty"`
	Clamped    []onnxmerge.Clamped  `json:"clamped,omitempty"`
	Features   string               `json:"features,omitempty"` // the tensor that the head consumes
	Head       []string             `json:"head,omitempty"`     // weights kept from the last model, behind the backbone
	Kept       onnxmerge.Kept       `json:"kept"`               // weights that are not merged, by reason
	Norms      *onnxmerge.Shrink    `json:"norms,omitempty"`    // if running variances are mixed linearly
	Warnings   []string             `json:"warnings"`
	Proof      *Proof               `json:"proof,omitempty"`  // of the pre-trained model's pairs, where it was run
	Proofs     []Proof              `json:"proofs,omitempty"` // of more than two models
	Repair     *onnxmerge.Repair    `json:"repair,omitempty"` // of activations, with MergeOptions.Repair
	Aligned    []onnxmerge.Aligned  `json:"align,omitempty"`  // models whose units were brought into the last one's order
}

// TensorCounts is how many tensors a plan merges, copies and refuses.
type TensorCounts struct {
	Merged  int `json:"merged"`
	Copied  int `json:"copied"`
	Refused int `json:"refused"`
}

// Merge writes the merge of models as an ONNX file. PRETRAINED comes first and FINETUNED last:
// theta = (1 - alpha) * PRETRAINED + alpha * FINETUNED for the default method. Everything that is not merged is
// copied from the last model, byte for byte. The output appears when it is whole. See [MergePlan.WriteFile] for a pairing
// that is disproved.
func Merge(
	ctx context.Context, out string, paths []string, opt MergeOptions, write WriteOptions,
) (_ *MergeResult, err error) {
	if err := output.Check(out, write.replacing(opt.inputs(paths))); err != nil {
		return nil, err
	}
	plan, err := PlanMerge(ctx, paths, opt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	return plan.WriteFile(ctx, out, write)
}

// Describe returns what the plan would do, as the result of a merge that was not written.
func (p *MergePlan) Describe() *MergeResult {
	r := describePlan(p.Plan)
	r.Adapters = p.adapters
	return r
}

func describePlan(p *onnxmerge.Plan) *MergeResult {
	r := &MergeResult{Method: p.Method.Name, Params: p.Params, Features: p.Backbone.Output,
		Head: p.Backbone.Head, Kept: p.Kept, Warnings: append([]string{}, p.Warnings...)}
	if alpha, ok := p.Params["alpha"].(float64); ok {
		r.Alpha = &alpha
	}
	if p.Norms.Norms > 0 {
		r.Norms = &p.Norms
	}
	r.Tensors.Merged, r.Parameters = p.Count(onnxmerge.Merge)
	r.Tensors.Copied, _ = p.Count(onnxmerge.Copy)
	r.Tensors.Refused, _ = p.Count(onnxmerge.Refuse)
	return r
}

// WriteFile executes the plan: it writes the merged model, with its data files beside it. If the pairing is disproved,
// nothing is written, and the result describes the plan with its proofs beside the error.
func (p *MergePlan) WriteFile(ctx context.Context, out string, opt WriteOptions) (*MergeResult, error) {
	if err := p.Err(); err != nil {
		return nil, err
	}
	var origin *onnxmerge.Origin
	if !opt.NoProvenance {
		origin = &onnxmerge.Origin{Version: Version, Files: p.inputs.baseNames(), References: p.inputs.references(),
			Aligned: p.aligned}
		for _, m := range p.inputs {
			origin.Stored = append(origin.Stored, m.stored)
		}
	}
	proofs, err := p.proofs(ctx)
	if err != nil && proofs != nil {
		r := p.Describe()
		r.Proof, r.Proofs = oneProof(proofs)
		return r, err
	}
	if err != nil {
		return nil, err
	}
	plan, repaired, err := repairPlan(ctx, p.Plan, p.inputs[p.count-1], p.repair, p.memory)
	if err != nil {
		return nil, err
	}
	if origin != nil {
		origin.Proofs, origin.Repair = proofs, repaired
	}
	r, err := writePlan(ctx, out, plan, p.inputs, origin, opt, p.monitor)
	if err != nil {
		return nil, err
	}
	r.Proof, r.Proofs = oneProof(proofs)
	r.Aligned, r.Adapters = p.aligned, p.adapters
	if r.Repair = repaired; repaired != nil {
		r.Norms = nil // they are measured
	}
	return r, nil
}

// proofs runs the proofs that the options demand; nil if they demand none. A disproved pairing is an error.
func (p *MergePlan) proofs(ctx context.Context) ([]Proof, error) {
	if p.prove == nil {
		return nil, nil
	}
	proofs, err := p.Prove(ctx, *p.prove)
	if err != nil {
		return nil, err
	}
	return proofs, checkProofs(proofs)
}

// oneProof returns a single proof, or all of more models.
func oneProof(proofs []Proof) (*Proof, []Proof) {
	if len(proofs) == 1 {
		return &proofs[0], nil
	}
	return nil, proofs
}

// writePlan executes a plan over opened models. Without an origin the merged model gets no provenance.
func writePlan(
	ctx context.Context, out string, p *onnxmerge.Plan, inputs models, origin *onnxmerge.Origin,
	opt WriteOptions, monitor Monitor,
) (*MergeResult, error) {
	layout, err := opt.layout(out)
	if err != nil {
		return nil, err
	}
	r := describePlan(p)
	clock := startWriteClock(inputs.graphs())
	files := &output.Group{Path: out, Options: opt.replacing(inputs.paths())}
	if err := output.Check(out, files.Options); err != nil {
		return nil, err
	}
	defer files.Abort()
	made, err := onnxmerge.Write(ctx, files, p, onnxmerge.WriteOptions{Origin: origin, WriteOptions: layout},
		monitor.mebibytes("merging"))
	if err != nil {
		return nil, err
	}
	if err := inputs.checkUnchanged(); err != nil {
		return nil, err
	}
	if err := files.Commit(); err != nil {
		return nil, err
	}
	r.Output, r.SHA256, r.Bytes = out, files.Main().SHA256(), files.Main().SizeBytes()
	for _, f := range made.Data {
		r.Data = append(r.Data, onnxmerge.DataFile{File: f.Name, Bytes: f.SizeBytes, XXH3: f.Hash})
	}
	switch {
	case opt.DataFiles == onnx.Outside && len(made.Data) == 0:
		r.Warnings = append(r.Warnings,
			"no payload moved out: data files hold initializers of 1 KiB and more, and the model has none")
	case opt.DataFiles == onnx.Packed && len(made.Data) == 0:
		r.Warnings = append(r.Warnings, "no payload moved out: a safetensors file holds initializers, and the model has none")
	}
	r.Clamped = made.Clamped
	for _, clamped := range made.Clamped {
		r.Warnings = append(r.Warnings, describeClamped(clamped))
	}
	r.Warnings = append(r.Warnings, made.Notes...)
	writing, syncing := files.Took()
	r.Waited, r.Limit, r.Seconds = clock.stop(made.Times, writing, syncing)
	return r, nil
}

func describeClamped(c onnxmerge.Clamped) string {
	return fmt.Sprintf("%d values of the running variance %q would be negative and are 0, which "+
		"scales their channels up by hundreds; --exclude '%s' keeps the fine-tuned one",
		c.Values, c.Tensor, c.Tensor)
}
