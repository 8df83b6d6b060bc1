package wiseft

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// DefaultModelMemory is RuntimeOptions.ModelMemory where that is 0.
const DefaultModelMemory = 1 << 30

// maxModel returns the size from which on models are run from files.
func (o RuntimeOptions) maxModel() int64 { return cmp.Or(o.ModelMemory, DefaultModelMemory) }

// weightBytes returns the size of a model's file and of all payloads, wherever they are.
func weightBytes(m *onnx.Model) int64 {
	total := m.SizeBytes()
	for _, t := range m.Tensors {
		if t.Location() != "" {
			total += t.SizeBytes()
		}
	}
	return total
}

// modelFiles are the files of a model that is written to be run.
type modelFiles struct {
	source  probe.Source
	sha256  string // of the model's file, and the names and hashes of its data files
	size    int64
	scratch *output.Scratch
}

// scratchName is the name of a model in a folder of its own.
const scratchName = "model.onnx"

// writeScratch has a model written into a folder of its own, which the caller removes.
func writeScratch(write func(out onnx.Output, opt onnx.WriteOptions) ([]onnx.File, error)) (_ *modelFiles, err error) {
	folder, err := output.NewScratch()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, folder.Remove())
		}
	}()
	f := &modelFiles{scratch: folder, source: probe.Source{Path: filepath.Join(folder.Path, scratchName)}}
	out := &scratchOutput{dir: folder.Path}
	data, err := write(out, onnx.WriteOptions{Layout: onnx.Outside, DataName: scratchName + ".data"})
	if err = errors.Join(err, out.close()); err != nil {
		return nil, err
	}
	model, err := os.ReadFile(f.source.Path)
	if err != nil {
		return nil, err
	}
	f.sha256, f.size = hashOfFiles(model, data), int64(len(model))
	for _, d := range data {
		f.size += d.SizeBytes
	}
	return f, nil
}

// hashOfFiles returns the SHA-256 of a model's file and of the names and hashes of its data files.
func hashOfFiles(model []byte, data []onnx.File) string {
	sum := sha256.New()
	sum.Write(model) // a hash never fails
	for _, d := range data {
		_, _ = io.WriteString(sum, d.Name+"\n"+d.Hash+"\n")
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// scratchOutput writes the files of a model into a folder.
type scratchOutput struct {
	dir  string
	file *os.File // that is written; nil before the first
}

// Create implements onnx.Output.
func (o *scratchOutput) Create(name string) (io.Writer, error) {
	if err := o.close(); err != nil {
		return nil, err
	}
	var err error
	o.file, err = os.OpenFile(filepath.Join(o.dir, cmp.Or(name, scratchName)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	return o.file, err
}

func (o *scratchOutput) close() error {
	if o.file == nil {
		return nil
	}
	err := o.file.Close()
	o.file = nil
	return err
}

// source returns a model as the runtime opens it, and a hash of it: its bytes, or its path if it is larger than most.
func (m *Model) source(ctx context.Context, most int64) (probe.Source, string, error) {
	if m.stored == nil && weightBytes(m.Model) > most {
		files, err := m.Files(ctx)
		if err != nil {
			return probe.Source{}, "", withPath(m.path, err)
		}
		sum := sha256.New()
		for _, f := range files {
			_, _ = io.WriteString(sum, f.Name+"\n"+f.Hash+"\n") // a hash never fails
		}
		return probe.Source{Path: m.path}, hex.EncodeToString(sum.Sum(nil)), m.checkUnchanged()
	}
	data, err := m.Bytes(ctx)
	sum := sha256.Sum256(data)
	return probe.Source{Bytes: data}, hex.EncodeToString(sum[:]), err
}

// openStructure opens a model to read its structure.
func openStructure(source probe.Source) (m *onnx.Model, close func() error, err error) {
	if source.Bytes != nil {
		m, err := onnx.Open(bytes.NewReader(source.Bytes), int64(len(source.Bytes)))
		return m, func() error { return nil }, err
	}
	opened, err := Open(source.Path)
	if err != nil {
		return nil, nil, err
	}
	return opened.Model, opened.Close, nil
}

// openProgram opens a model that write writes: into memory, or if it is large into a folder of its own, which is removed.
func openProgram(ctx context.Context, engine ort.Engine, large bool,
	write func(out onnx.Output, opt onnx.WriteOptions) ([]onnx.File, error), inputs, outputs []string,
) (*ort.Program, error) {
	if !large {
		var b bytes.Buffer
		if _, err := write(onnx.Single(&b), onnx.WriteOptions{Layout: onnx.Inside}); err != nil {
			return nil, err
		}
		return engine.OpenProgram(ctx, probe.Source{Bytes: b.Bytes()}, inputs, outputs)
	}
	files, err := writeScratch(write)
	if err != nil {
		return nil, err
	}
	program, err := engine.OpenProgram(ctx, files.source, inputs, outputs)
	if err != nil {
		return nil, errors.Join(err, files.scratch.Remove())
	}
	program.RemoveFiles(files.scratch.Remove)
	return program, nil
}

// openChanged opens a model with a change and replaced payloads, from files if it is larger than [DefaultModelMemory].
func openChanged(ctx context.Context, engine ort.Engine, m *onnx.Model, change onnx.Change, replaced []onnx.Replacement,
	inputs, outputs []string) (*ort.Program, error) {
	large := weightBytes(m) > DefaultModelMemory
	return openProgram(ctx, engine, large, func(out onnx.Output, opt onnx.WriteOptions) ([]onnx.File, error) {
		opt.Change = change
		return m.Write(ctx, out, replaced, opt)
	}, inputs, outputs)
}
