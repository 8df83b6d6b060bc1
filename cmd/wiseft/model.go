package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/probe/ort"
)

// modelFile is an ONNX file opened for reading.
type modelFile struct {
	*graph.Model
	path string
	f    *os.File
}

func openModel(path string) (*modelFile, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	defer dir.Close()
	m, err := graph.OpenWithData(f, size, dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return &modelFile{m, path, f}, nil
}

// Close closes the model's file and those of its external data.
func (m *modelFile) Close() error { return errors.Join(m.Model.Close(), m.f.Close()) }

// paths returns the paths of the model's files.
func (m *modelFile) paths() []string {
	paths := []string{m.path}
	for _, location := range m.DataLocations() {
		paths = append(paths, filepath.Join(filepath.Dir(m.path), filepath.FromSlash(location)))
	}
	return paths
}

// bytes returns the model as one file, external data moved in.
func (m *modelFile) bytes(ctx context.Context) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(m.SizeBytes()))
	if err := m.Rewrite(ctx, &out, nil, runtime.NumCPU()); err != nil {
		return nil, fmt.Errorf("%s: %w", m.path, err)
	}
	return out.Bytes(), nil
}

// readModel reads a model file as bytes.
func readModel(ctx context.Context, path string) ([]byte, error) {
	m, err := openModel(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return m.bytes(ctx)
}

// openFile opens a regular file and returns its size.
func openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, inputError{msg: path + ": no such file"}
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = inputError{msg: path + ": not a regular file"}
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

func sha256Hex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// openPair opens the two models of a merge.
func openPair(pretrained, finetuned string) (a, b *modelFile, err error) {
	if a, err = openModel(pretrained); err != nil {
		return nil, nil, err
	}
	if b, err = openModel(finetuned); err != nil {
		return nil, nil, errors.Join(err, a.Close())
	}
	return a, b, nil
}

// nameModel puts the model's path in front of an error that is about the model.
func nameModel(path string, err error) error {
	if is[*ort.ModelError](err) || is[*graph.UnknownTensorError](err) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}

// featureTensor decides which tensor to extract: the one named by the user; the output
// that the model offers; where a merge found the head to begin; the only output, or what
// its classifier consumes.
func featureTensor(m *graph.Model, named string) (string, error) {
	return featuresBehind(m, named, consumedBy(m))
}

// consumedBy returns the tensor that the head of a merged model consumes, as its provenance
// says; "" if nothing is known.
func consumedBy(m *graph.Model) string {
	p, err := onnxmerge.ReadProvenance(m)
	if err != nil {
		return ""
	}
	return p.Features
}

// scoresOutput decides which output has the class scores of a model's own head: the one
// named by the user, or the only one beside its features.
func scoresOutput(m *graph.Model, named string) (string, error) {
	if named != "" {
		return named, nil
	}
	features, _ := m.DeclaredFeatures()
	var outputs []string
	for _, o := range m.Graph.Outputs {
		if o.Name != features || len(m.Graph.Outputs) == 1 {
			outputs = append(outputs, o.Name)
		}
	}
	if len(outputs) != 1 {
		return "", usageError{msg: fmt.Sprintf("the model has %d outputs that may be its class scores (%s)", len(outputs), strings.Join(outputs, ", ")),
			hint: "choose one with --output TENSOR"}
	}
	return outputs[0], nil
}

// featuresBehind is featureTensor for a model whose head is known to consume a tensor; ""
// if it is not known.
func featuresBehind(m *graph.Model, named, consumed string) (string, error) {
	if named != "" {
		return named, nil
	}
	if tensor, ok := m.DeclaredFeatures(); ok {
		return tensor, nil
	}
	if m.Graph.Computes(consumed) {
		return consumed, nil
	}
	if tensor, ok := m.OnlyFeatures(); ok {
		return tensor, nil
	}
	var outputs []string
	for _, o := range m.Graph.Outputs {
		outputs = append(outputs, o.Name)
	}
	return "", usageError{
		msg:  fmt.Sprintf("the model has %d outputs (%s)", len(outputs), strings.Join(outputs, ", ")),
		hint: "choose one, or any inner tensor, with --output TENSOR",
	}
}

// sayFeatures tells the user which inner tensor was chosen for the features.
func (c *call) sayFeatures(m *graph.Model, tensor string) {
	isOutput := slices.ContainsFunc(m.Graph.Outputs, func(o graph.Value) bool { return o.Name == tensor })
	if c.String("output") == "" && !isOutput {
		c.say(fmt.Sprintf("features are %q, which the head consumes; --output names another tensor", tensor))
	}
}

// expose returns a model with tensor as its only output. An inner tensor becomes one
// in memory; the file stays as it is.
func expose(ctx context.Context, model []byte, tensor string) ([]byte, error) {
	m, err := graph.Open(bytes.NewReader(model), int64(len(model)))
	if err != nil {
		return nil, err
	}
	if len(m.Graph.Outputs) == 1 && m.Graph.Outputs[0].Name == tensor {
		return model, nil
	}
	var out bytes.Buffer
	out.Grow(len(model) + 1<<10)
	if err := m.Expose(ctx, &out, tensor); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
