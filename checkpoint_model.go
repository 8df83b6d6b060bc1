package wiseft

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// made is a model that was made from a checkpoint, in a temporary folder.
type made struct {
	folder string
	inputs []string // what it was made from
	notes  []string
}

// openMixed opens models some of which are checkpoints: these become models with the graph of the last ONNX model.
// weights is the checkpoint which that was exported from; "" is not known, and tensors are identified by names and
// nearness.
func openMixed(ctx context.Context, paths []string, weights string, monitor Monitor) (models, error) {
	graph := ""
	checkpoints := 0
	for _, path := range paths {
		if isCheckpoint(path) {
			checkpoints++
		} else {
			graph = path
		}
	}
	switch {
	case checkpoints == 0 && weights != "":
		return nil, fault.Usagef("--base-weights is for checkpoints, and all models are ONNX files").
			WithHint("name a safetensors file or PyTorch checkpoint in place of one of them")
	case checkpoints > 0 && graph == "":
		return nil, fault.Usagef("%s is a checkpoint, and none of the models is an ONNX file: a checkpoint has no graph", paths[0]).
			WithHint("name the export of one of them, and that checkpoint with --base-weights")
	}
	var list models
	for _, path := range paths {
		m, err := openEither(ctx, path, graph, weights, monitor)
		if err != nil {
			return nil, errors.Join(err, list.Close())
		}
		list = append(list, m)
	}
	return list, nil
}

func openEither(ctx context.Context, path, graph, weights string, monitor Monitor) (*Model, error) {
	if !isCheckpoint(path) {
		return Open(path)
	}
	return openCheckpointAs(ctx, path, graph, weights, monitor)
}

// openCheckpointAs makes a model of a checkpoint and opens it. It has the checkpoint's path.
func openCheckpointAs(ctx context.Context, path, graph, weights string, monitor Monitor) (_ *Model, err error) {
	a, err := openApplication(graph, ApplyOptions{From: weights, To: path, Monitor: monitor})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := a.bind(ctx); err != nil {
		return nil, err
	}
	if err := a.err(); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "wiseft-weights-")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "model.onnx")
	err = a.write(ctx, file, WriteOptions{DataFiles: onnx.Keep, NoSync: true})
	var m *Model
	if err == nil {
		m, err = Open(file)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	m.path, m.made = path, &made{folder: folder, inputs: a.paths()}
	if weights == "" {
		m.made.notes = append(m.made.notes, fmt.Sprintf("which tensor of %s is which weight is not proved: names, shapes and nearness "+
			"say so; --base-weights with the checkpoint that %s was exported from proves it", path, graph))
	}
	return m, nil
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

// openSources opens the inputs of a merge again. A checkpoint becomes the model that was merged, by what its source
// says: the graph and the checkpoint that this was exported from are searched beside the merged model.
func openSources(
	ctx context.Context, merged string, paths []string, sources []onnxmerge.Source, monitor Monitor,
) (models, error) {
	var list models
	for i, path := range paths {
		m, err := openSource(ctx, merged, path, sources[i], monitor)
		if err != nil {
			return nil, errors.Join(err, list.Close())
		}
		list = append(list, m)
	}
	return list, nil
}

func openSource(
	ctx context.Context, merged, path string, source onnxmerge.Source, monitor Monitor,
) (*Model, error) {
	if !isCheckpoint(path) {
		return Open(path)
	}
	from, err := onnxmerge.ParseWeights(source.From)
	if err != nil {
		return nil, fault.Inputf("%s is a checkpoint, and the merge was of an ONNX model", path)
	}
	graph, ok := findBeside(merged, from.Base.File)
	weights := ""
	if ok && !from.Unproven {
		weights, ok = findBeside(merged, from.From[0].File)
	}
	if !ok {
		return nil, fault.Inputf("%s was made with the graph of %s and the checkpoint that it was exported from, and one of them is "+
			"neither beside it nor in the working folder", merged, from.Base.File)
	}
	return openCheckpointAs(ctx, path, graph, weights, monitor)
}
