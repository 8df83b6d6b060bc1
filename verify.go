package wiseft

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
)

// VerifyOptions says where the inputs of a merge are, and how much is compared. Without paths, the inputs are
// searched by name beside the merged model, then in the working folder.
type VerifyOptions struct {
	Pretrained string   // the first model
	Finetuned  string   // the last model
	Further    []string // the models between them, then the Fisher informations, in their order: all or none
	Adapters   []string // of the models, in their order: all or none
	// BaseWeights is the checkpoint that an ONNX model was exported from.
	BaseWeights string
	// All compares every byte, also beyond VerifyWholeBytes; smaller models are always compared whole, larger ones by
	// samples of every tensor.
	All  bool
	Seed uint64 // of the choice of samples
	// Prove proves the pairing of the merge by running; nil does not. A pairing that is disproved is an error.
	Prove *ProveOptions
	// Repaired is the path of the data on which repaired statistics were measured: they are measured again. With "" they
	// are not compared, and without such statistics it is ignored. The draw and the preparation of samples are those of the provenance.
	Repaired string
	Runtime  RuntimeOptions
	Monitor  Monitor
}

// VerifyResult is what a verification compared.
type VerifyResult struct {
	Output      string                `json:"output"`
	Provenance  *onnxmerge.Provenance `json:"provenance,omitempty"` // of a merge
	Weights     *onnxmerge.Weights    `json:"weights,omitempty"`    // of a model with the weights of a checkpoint
	Inputs      []string              `json:"inputs"`
	Tensors     int                   `json:"tensors"`
	Bytes       int64                 `json:"bytes"` // of payload compared
	All         bool                  `json:"all"`
	Notes       []string              `json:"notes,omitempty"` // tensors with elements that are NaN or infinite, or not compared
	Differences []string              `json:"differences"`
	Proof       *Proof                `json:"proof,omitempty"`  // of the pre-trained model's pairs, with VerifyOptions.Prove
	Proofs      []Proof               `json:"proofs,omitempty"` // of more than two models
}

// VerifyWholeBytes is the size up to which [Verify] compares every byte of a merged model without VerifyOptions.All.
const VerifyWholeBytes = 256 << 20

// maxTrackedBytes is how much of a file's pending hash input is held while its parts are read out of order.
const maxTrackedBytes = 64 << 20

// Verify checks that a merged model, or one with the weights of a checkpoint, is what its provenance says: the hashes of its
// inputs, and its weights, which are computed again. Differences are an error of kind Mismatch that lists them.
func Verify(ctx context.Context, path string, opt VerifyOptions) (_ *VerifyResult, err error) {
	merged, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, merged.Close()) }()
	if weights, err := onnxmerge.ReadWeights(merged.Model); err != nil {
		return nil, withPath(path, err)
	} else if weights != nil {
		return verifyWeights(ctx, merged, weights, opt)
	}
	from, err := onnxmerge.ReadProvenance(merged.Model)
	if err != nil {
		return nil, withPath(path, err)
	}
	r := &VerifyResult{Output: path, Provenance: from, All: opt.All, Differences: []string{}}
	size, err := filesBytes(merged.Paths())
	if err != nil {
		return nil, err
	}
	r.All = opt.All || size <= VerifyWholeBytes
	if r.Inputs, err = opt.inputs(path, from); err != nil {
		return nil, err
	}
	for i, name := range r.Inputs {
		if r.Inputs[i], err = Fetch(ctx, name, opt.Monitor); err != nil {
			return nil, err
		}
	}
	inputs, err := openSources(ctx, path, r.Inputs, slices.Concat(from.Models, from.Fisher), opt)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, inputs.Close()) }()
	if err := r.compare(ctx, opt, merged, inputs); err != nil {
		return nil, err
	}
	if len(r.Differences) > 0 {
		return nil, fault.Mismatchf("%s differs from its provenance: %s", path, lines(r.Differences))
	}
	return r, nil
}

// filesBytes returns the size of files together.
func filesBytes(paths []string) (size int64, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		size += info.Size()
	}
	return size, nil
}

// inputs returns the paths of a merge's inputs: those of opt, else the references of what was published, else those
// beside the merged model.
func (opt VerifyOptions) inputs(merged string, from *onnxmerge.Provenance) ([]string, error) {
	last := len(from.Models) - 1
	further := opt.Further
	sources := append(slices.Clone(from.Models), from.Fisher...)
	if want := len(sources) - 2; len(further) > 0 && len(further) != want {
		return nil, fault.Usagef("--further names %d files, and %d models were merged beside the first and the last",
			len(further), want)
	}
	var paths, missing []string
	named := map[string]string{} // hashes by name
	for i, s := range sources {
		path := ""
		switch {
		case i == 0:
			path = opt.Pretrained
		case i == last:
			path = opt.Finetuned
		case len(further) > 0:
			path, further = further[0], further[1:]
		}
		if path == "" && i > 0 && isBaseOf(sources[0], s) {
			path = paths[0]
		}
		if path == "" && s.Ref != "" {
			paths = append(paths, s.Ref)
			continue
		}
		if hash, ok := named[s.File]; path == "" && ok && hash != s.SHA256 {
			return nil, fault.Usagef("more than one model was named %s", s.File).WithHint(inputFlags)
		}
		named[s.File] = s.SHA256
		if path == "" {
			found, ok := findBeside(merged, s.File)
			if !ok {
				missing = append(missing, s.File)
			}
			path = found
		}
		paths = append(paths, path)
	}
	if missing != nil {
		return nil, fault.Inputf("%s was made from %s, which is neither beside it nor in the working folder", merged,
			strings.Join(missing, ", ")).WithHint(inputFlags)
	}
	return paths, nil
}

// isBaseOf reports whether adapters were added to one source of a merge to make another.
func isBaseOf(base, s onnxmerge.Source) bool {
	from, err := onnxmerge.ParseWeights(s.From)
	return err == nil && len(from.Adapters) > 0 && from.Base.SHA256 == base.SHA256
}

// inputFlags is a hint.
const inputFlags = "give the paths of its models with --pretrained, --finetuned and, in their order, --further for the rest"

// compare fills in what was compared, and the differences.
func (r *VerifyResult) compare(ctx context.Context, opt VerifyOptions, merged *Model, inputs models) error {
	o := r.Provenance.Options()
	o.Workers = runtime.NumCPU()
	count := len(r.Provenance.Models)
	o.Fisher = inputs.graphs()[count:]
	if err := alignAs(ctx, inputs[:count], r.Provenance.Aligned); err != nil {
		return err
	}
	plan, err := onnxmerge.NewPlan(ctx, inputs.graphs()[:count], o)
	if err == nil {
		err = plan.Err()
	}
	if err != nil {
		return namePair(err, inputs[:count])
	}
	compared := onnxmerge.VerifyOptions{All: r.All, Seed: opt.Seed}
	plan, err = r.repair(ctx, opt, plan, inputs[count-1], &compared)
	if err != nil {
		return err
	}
	for _, m := range append(models{merged}, inputs...) {
		m.TrackHashes(maxTrackedBytes)
	}
	found, err := onnxmerge.Verify(ctx, merged.Model, plan, compared, opt.Monitor.units("verifying", "tensors"))
	if err != nil {
		return err
	}
	r.Tensors, r.Bytes, r.Notes = found.Tensors, found.Bytes, append(r.Notes, found.Notes...)
	opt.Monitor.progress(Progress{What: "hashing", Unit: "models"})
	sources := append(slices.Clone(r.Provenance.Models), r.Provenance.Fisher...)
	for i, m := range inputs {
		if err := r.compareHashes(ctx, m, sources[i]); err != nil {
			return err
		}
	}
	files, err := merged.Files(ctx)
	if err != nil {
		return withPath(merged.path, err)
	}
	if err := append(models{merged}, inputs...).checkUnchanged(); err != nil {
		return err
	}
	for i, f := range files[1:] {
		if i >= len(r.Provenance.Data) || f.Hash != r.Provenance.Data[i].XXH3 {
			r.Differences = append(r.Differences, fmt.Sprintf("the data file %s has changed", f.Name))
		}
	}
	r.Differences = append(r.Differences, found.Differences...)
	if opt.Prove == nil {
		return nil
	}
	how := *opt.Prove
	if from := r.Provenance.Repair; from != nil && how.Data.Path != "" && how.Data.Path == opt.Repaired {
		how.Data = repairOptions(from, opt).Data.asSplit("train")
	}
	proofs, err := provePlan(ctx, plan, inputs[:count], how)
	if err != nil {
		return err
	}
	r.Proof, r.Proofs = oneProof(proofs)
	return checkProofs(proofs)
}

// repair returns the plan with its statistics measured again, as the provenance says. Without data it is the plan
// itself, and the statistics are not compared.
func (r *VerifyResult) repair(ctx context.Context, opt VerifyOptions, plan *onnxmerge.Plan, last *Model,
	how *onnxmerge.VerifyOptions) (*onnxmerge.Plan, error) {
	from := r.Provenance.Repair
	if from == nil {
		return plan, nil
	}
	ids := map[string]bool{}
	for _, id := range from.Tensors() {
		ids[id] = true
	}
	if opt.Repaired == "" {
		if how.Skip = ids; len(ids) > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%d tensors are statistics that were measured on %d samples of %s, and are not "+
				"compared: name the data with --data", len(ids), from.Samples, from.Data.File))
		}
		return plan, nil
	}
	how.Near = ids
	c, err := newCalibration(ctx, plan, last, repairOptions(from, opt), 0)
	if err != nil {
		return nil, err
	}
	if c.record.Hash != from.Hash {
		return nil, fault.Mismatchf("the %d samples of %s have sha256 %s, and statistics were measured on samples with %s",
			c.record.Samples, opt.Repaired, c.record.Hash, from.Hash)
	}
	repaired, _, err := c.repair(ctx, plan)
	return repaired, err
}

// repairOptions returns the options by which statistics were measured, with the path of their data.
func repairOptions(from *onnxmerge.Repair, opt VerifyOptions) RepairOptions {
	d := from.Data
	runtime := opt.Runtime
	runtime.Batch = d.Batch
	return RepairOptions{Mode: from.Mode, Samples: d.Count, Seed: d.Seed, Layout: d.Layout, Runtime: runtime,
		Monitor: opt.Monitor, Data: preparedAs(d, opt.Repaired)}
}

// compareHashes adds a difference where an input is not the file that was merged.
func (r *VerifyResult) compareHashes(ctx context.Context, m *Model, want onnxmerge.Source) error {
	files, err := m.inFiles().Files(ctx)
	if err != nil {
		return withPath(m.path, err)
	}
	if files[0].Hash != want.SHA256 {
		r.Differences = append(r.Differences,
			fmt.Sprintf("%s has sha256 %s, merged was one with %s", m.path, files[0].Hash, want.SHA256))
	}
	for i, f := range files[1:] {
		if i >= len(want.Data) || f.Hash != want.Data[i].XXH3 {
			r.Differences = append(r.Differences,
				fmt.Sprintf("the data file %s of %s is not the one that was merged", f.Name, m.path))
		}
	}
	return nil
}

// lines writes the first lines of a list one below the other.
func lines(list []string) string {
	const most = 10
	text := ""
	for i, line := range list {
		if i == most {
			return text + fmt.Sprintf("\n  and %d more", len(list)-most)
		}
		text += "\n  " + line
	}
	return text
}
