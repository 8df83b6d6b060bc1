package wiseft

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// made is a model that was made from a checkpoint, in a temporary folder.
type made struct {
	folder *output.Scratch
	inputs []string // what it was made from
	notes  []string
}

// openMixed opens models some of which are checkpoints, or have adapters: these become models with the graph of the last ONNX
// model, or of the one that the adapters are of. weights is the checkpoint which that was exported from; "" is not known, and
// tensors are identified by names and nearness.
func openMixed(ctx context.Context, paths []string, opt MergeOptions) (models, error) {
	weights, graph := opt.BaseWeights, ""
	checkpoints := 0
	for _, path := range paths {
		if isCheckpoint(path) {
			checkpoints++
		} else {
			graph = path
		}
	}
	switch {
	case checkpoints == 0 && weights != "" && !hasAdapters(opt.Adapters):
		return nil, fault.Usagef("--base-weights is for checkpoints, and all models are ONNX files").
			WithHint("name a safetensors file or PyTorch checkpoint in place of one of them")
	case checkpoints > 0 && graph == "":
		return nil, fault.Usagef("%s is a checkpoint, and none of the models is an ONNX file: a checkpoint has no graph", paths[0]).
			WithHint("name the export of one of them, and that checkpoint with --base-weights")
	}
	if checkpoints == 0 && !hasAdapters(opt.Adapters) {
		return openModels(paths)
	}
	var list models
	for i, path := range paths {
		from := derivation{graph: graph, weights: weights, adapters: opt.adaptersOf(i), version: Version, memory: opt.MemoryBytes}
		if from.adapters != nil {
			from.graph = path
		}
		m, err := from.open(ctx, path, opt.Monitor)
		if err != nil {
			return nil, errors.Join(err, list.Close())
		}
		list = append(list, m)
	}
	return list, nil
}

// derivation says what a model is made from that is no ONNX file.
type derivation struct {
	graph    string    // the ONNX model whose graph it has
	weights  string    // the checkpoint that this was exported from, or ""
	adapters []Adapter // that are added to its weights; nil for a checkpoint
	version  string    // of the program that made it first
	memory   int64     // ApplyOptions.MemoryBytes
}

// open opens an ONNX model, or makes one of a checkpoint or of adapters.
func (d derivation) open(ctx context.Context, path string, monitor Monitor) (*Model, error) {
	switch isWeights := isCheckpoint(path); {
	case isWeights && d.adapters != nil:
		return nil, fault.Usagef("%s is a checkpoint, and adapters are added to an ONNX model", path)
	case !isWeights && d.adapters == nil:
		return Open(path)
	}
	return d.make(ctx, path, monitor)
}

// make makes a model and opens it. It has the path of the checkpoint, or of the model that adapters are added to.
func (d derivation) make(ctx context.Context, path string, monitor Monitor) (_ *Model, err error) {
	opt := ApplyOptions{From: d.weights, To: path, MemoryBytes: d.memory, Monitor: monitor}
	a, err := openApplication(d.graph, opt, d.adapters...)
	if err != nil {
		return nil, err
	}
	a.version = d.version
	defer func() { err = errors.Join(err, a.Close()) }()
	how := WriteOptions{DataFiles: onnx.Keep, NoSync: true}
	if err := a.bind(ctx, how); err != nil {
		return nil, err
	}
	if err := a.err(); err != nil {
		return nil, err
	}
	folder, err := output.NewScratch()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder.Path, scratchName)
	err = a.write(ctx, file, how)
	var m *Model
	if err == nil {
		m, err = Open(file)
	}
	if err != nil {
		return nil, errors.Join(err, folder.Remove())
	}
	m.path, m.made = path, &made{folder: folder, inputs: a.paths()}
	m.made.notes = append(m.made.notes, d.notes(a, path)...)
	return m, nil
}

// onnxFile returns the path of the ONNX file that has the model.
func (m *Model) onnxFile() string {
	if m.made != nil {
		return filepath.Join(m.made.folder.Path, scratchName)
	}
	return m.path
}

// graphOf returns the ONNX model whose graph checkpoints among the models get; "" if there is none.
func (l models) graphOf() (path string) {
	for _, m := range l {
		if m.made == nil {
			path = m.path
		}
	}
	return path
}

// notes returns what is to be said about the model.
func (d derivation) notes(a *application, path string) (notes []string) {
	if d.adapters != nil {
		notes = append(notes, a.notes...)
		path = d.adapters[0].Path
	}
	switch {
	case d.weights != "":
	case d.adapters != nil:
		notes = append(notes, fmt.Sprintf("which weight of %s is which layer of %s is not proved: their names say so; --base-weights with "+
			"the checkpoint that %s was exported from proves it", d.graph, path, d.graph))
	default:
		notes = append(notes, fmt.Sprintf("which tensor of %s is which weight is not proved: names, shapes and nearness "+
			"say so; --base-weights with the checkpoint that %s was exported from proves it", path, d.graph))
	}
	return notes
}

func hasAdapters(list [][]Adapter) bool {
	return slices.ContainsFunc(list, func(l []Adapter) bool { return l != nil })
}

// notes returns what is to be said about models that were made from checkpoints.
func (l models) notes() (notes []string) {
	for _, m := range l {
		if m.made != nil {
			notes = append(notes, m.made.notes...)
		}
	}
	return notes
}

// openSources opens the inputs of a merge again. A checkpoint, and a model with adapters, becomes the model that was merged, by
// what its source says: the other files that this was made from are those of the options, or are searched beside the merged
// model.
func openSources(
	ctx context.Context, merged string, paths []string, sources []onnxmerge.Source, opt VerifyOptions,
) (models, error) {
	var list models
	for i, path := range paths {
		m, err := openSource(ctx, merged, path, sources[i], &opt)
		if err != nil {
			return nil, errors.Join(err, list.Close())
		}
		list = append(list, m)
	}
	if n := len(opt.Adapters); n > 0 {
		return nil, errors.Join(fault.Usagef("%s was made with fewer adapters than are named: %s is one too many", merged,
			opt.Adapters[0]), list.Close())
	}
	return list, nil
}

// openSource opens one input. It takes the paths of its adapters from the options.
func openSource(
	ctx context.Context, merged, path string, source onnxmerge.Source, opt *VerifyOptions,
) (*Model, error) {
	from, err := onnxmerge.ParseWeights(source.From)
	hasAdapters := err == nil && len(from.Adapters) > 0
	if !isCheckpoint(path) && !hasAdapters {
		return Open(path)
	}
	if err != nil {
		return nil, fault.Inputf("%s is a checkpoint, and the merge was of an ONNX model", path)
	}
	d := derivation{version: from.Version}
	var missing []string
	find := func(name, named string) string {
		if named != "" {
			return named
		}
		found, ok := findBeside(merged, name)
		if !ok {
			missing = append(missing, name)
		}
		return found
	}
	if d.graph = path; !hasAdapters {
		d.graph = find(from.Base.File, "")
	}
	if !from.Unproven {
		d.weights = find(from.From[0].File, opt.BaseWeights)
	}
	for _, a := range from.Adapters {
		named := ""
		if len(opt.Adapters) > 0 {
			named, opt.Adapters = opt.Adapters[0], opt.Adapters[1:]
		}
		d.adapters = append(d.adapters, Adapter{Path: find(a.Path, named), Scale: a.Scale})
	}
	if missing != nil {
		return nil, fault.Inputf("%s was made from %s, which is neither beside it nor in the working folder", merged,
			strings.Join(missing, ", ")).
			WithHint("name adapters, in their order, with --adapter, and the checkpoint that the model was exported from with --base-weights")
	}
	if err := d.compareAdapters(ctx, from); err != nil {
		return nil, err
	}
	return d.open(ctx, path, opt.Monitor)
}

// compareAdapters refuses adapters that are not those of a provenance.
func (d derivation) compareAdapters(ctx context.Context, from *onnxmerge.Weights) error {
	for i, a := range d.adapters {
		l, err := openAdapter(a)
		if err != nil {
			return err
		}
		got, err := l.record(ctx)
		if err = errors.Join(err, l.Close()); err != nil {
			return err
		}
		if !onnxmerge.SameCheckpoint(got, from.Adapters[i].Files) {
			return fault.Mismatchf("%s is not the adapter that was merged: its xxh3_128 is %s", a.Path, got[0].XXH3)
		}
	}
	return nil
}
