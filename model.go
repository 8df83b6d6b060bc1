package wiseft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/input"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
)

// Model is an ONNX file that is open for reading, with the folder of its data files. Close it.
type Model struct {
	*onnx.Model
	path   string
	file   *os.File
	opened map[string]os.FileInfo // the state of the model's files when they were opened, by path
	stored *onnx.Model            // the model as it is in its files, if Model is one in memory with permuted units
	made   *made                  // how the file was made from a checkpoint, which path then is; nil for an ONNX file
}

// inFiles returns the model as it is in its files.
func (m *Model) inFiles() *onnx.Model {
	if m.stored != nil {
		return m.stored
	}
	return m.Model
}

// Open opens an ONNX file. Its data files are opened below its folder when they are read. The error names the
// path.
func Open(path string) (*Model, error) {
	if err := output.Recover(path); err != nil {
		return nil, err
	}
	return openRecovered(path)
}

// openRecovered is [Open] for a file that no interrupted command has left half replaced.
func openRecovered(path string) (*Model, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	defer dir.Close()
	m, err := openWithData(f, size, path, dir)
	if err != nil && isCheckpoint(path) {
		err = errNoGraph(path)
	}
	if err != nil {
		return nil, errors.Join(withPath(path, err), f.Close())
	}
	opened := &Model{Model: m, path: path, file: f, opened: map[string]os.FileInfo{}}
	for _, path := range opened.Paths() {
		info, err := os.Stat(path)
		if err != nil {
			return nil, errors.Join(err, opened.Close())
		}
		opened.opened[path] = info
	}
	return opened, nil
}

// checkUnchanged returns an error if a file of the model is not what it was when the model was opened: what was read
// may then be parts of two versions.
func (m *Model) checkUnchanged() error {
	for path, before := range m.opened {
		now, err := os.Stat(path)
		if err != nil {
			return err
		}
		if !os.SameFile(before, now) || before.Size() != now.Size() || !before.ModTime().Equal(now.ModTime()) {
			return fault.New(fault.Failed, "%s: the file changed while it was read", path).
				WithHint("run the command again when it is complete")
		}
	}
	return nil
}

// Path returns the path that the model was opened by.
func (m *Model) Path() string { return m.path }

// Close closes the model's file and its data files.
func (m *Model) Close() error {
	err := errors.Join(m.Model.Close(), m.inFiles().Close(), m.file.Close())
	if m.made != nil {
		err = errors.Join(err, m.made.folder.Remove())
	}
	return err
}

// Paths returns the paths of all files that the model consists of, its own first.
func (m *Model) Paths() []string {
	if m.made != nil {
		return m.made.inputs
	}
	paths := []string{m.path}
	for _, location := range m.inFiles().DataLocations() {
		paths = append(paths, filepath.Join(filepath.Dir(m.path), filepath.FromSlash(location)))
	}
	return paths
}

// modelPaths returns the paths of all files that a model consists of.
func modelPaths(path string) ([]string, error) {
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	return m.Paths(), m.Close()
}

// Bytes returns the model as one file of at most 2 GiB, payloads of data files moved in.
func (m *Model) Bytes(ctx context.Context) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(int(m.SizeBytes()))
	if err := m.Rewrite(ctx, &out, nil, runtime.NumCPU()); err != nil {
		return nil, withPath(m.path, err)
	}
	return out.Bytes(), m.checkUnchanged()
}

// Features returns the tensor that is taken as the model's features: named, if that is not ""; else what package
// surgery finds, with the tensor that an attached head or the head of a merged model consumes according to metadata.
func (m *Model) Features(named string) (string, error) {
	return m.featuresBefore(named, m.headInput(), 0)
}

// headInput returns the tensor that the head consumes, as an attached head or the provenance of a merged model names it;
// "" without one.
func (m *Model) headInput() string {
	if attached := m.Property(surgery.HeadKey); attached != "" {
		return attached
	}
	p, err := onnxmerge.ReadProvenance(m.Model)
	if err != nil {
		return ""
	}
	return p.Features
}

// featuresBefore is Features for a model whose head is known to consume a tensor, "" if it is not known, and for data
// with a number of classes, 0 if that is not known.
func (m *Model) featuresBefore(named, headInput string, classes int) (string, error) {
	if named != "" {
		return named, m.checkTensor(named)
	}
	tensor, err := surgery.Features(m.Model, headInput, classes)
	return tensor, withPath(m.path, err)
}

// Scores returns the output that has the class scores of the model's own head: named, if that is not "", else the only
// output besides the features.
func (m *Model) Scores(named string) (string, error) {
	if named != "" {
		return named, m.checkTensor(named)
	}
	tensor, err := surgery.Scores(m.Model)
	return tensor, withPath(m.path, err)
}

// checkTensor refuses an output of ZipMap, which is no tensor, and names the tensor before it.
func (m *Model) checkTensor(name string) error {
	for _, n := range m.Graph.Nodes {
		if n.OpType == "ZipMap" && slices.Contains(n.Outputs, name) && len(n.Inputs) > 0 {
			return fault.Inputf("%s: output %q is a sequence of maps, made by ZipMap, and no tensor", m.path, name).
				WithHint("take the tensor before it: --output %s", n.Inputs[0])
		}
	}
	return nil
}

// featuresFor is Features for labelled data, of which source is a part: an output that is as wide as the data has
// classes is no feature. It opens the data only if that decides, and reports what it has chosen.
func (m *Model) featuresFor(ctx context.Context, named, headInput string, source Data, monitor Monitor) (string, error) {
	classes := 0
	unsure := ""
	if named == "" && surgery.Unsure(m.Model, 0) != "" && !m.Graph.Computes(headInput) {
		var err error
		if classes, err = source.classes(ctx); err != nil {
			return "", err
		}
		unsure = surgery.Unsure(m.Model, classes)
	}
	tensor, err := m.featuresBefore(named, headInput, classes)
	if err != nil {
		return "", err
	}
	if unsure != "" {
		monitor.note(fmt.Sprintf("features are the only output, %q, which a linear layer computes: if these are class scores, "+
			"name what it consumes with --output %s", tensor, unsure))
	}
	m.noteFeatures(monitor, named, tensor)
	return tensor, nil
}

// noteFeatures reports which inner tensor was chosen for the features, where the user has named none.
func (m *Model) noteFeatures(monitor Monitor, named, tensor string) {
	isOutput := slices.ContainsFunc(m.Graph.Outputs, func(o onnx.Value) bool { return o.Name == tensor })
	if named == "" && !isOutput {
		monitor.note(fmt.Sprintf("features are %q, which the head consumes; --output names another tensor", tensor))
	}
}

// batchDependent names the operators that depend on the batch or on chance.
func (m *Model) batchDependent() []string {
	names := []string{}
	for _, d := range flow.BatchDependent(m.Model) {
		names = append(names, d.String())
	}
	return names
}

// checkBatch refuses a tensor that an operator in training mode or a random generator is part of, unless the options
// trust it, and reports an operator that quantises it by the range of the whole batch.
func (m *Model) checkBatch(tensor string, opt RuntimeOptions, monitor Monitor) error {
	list := flow.BatchDependent(m.Model)
	if opt.TrustBatch || len(list) == 0 {
		return nil
	}
	g, err := flow.New(m.Model)
	if err != nil {
		return withPath(m.path, err)
	}
	before := g.Upstream(tensor)
	for _, d := range list {
		if d.Chance && before[d.Output] {
			return fault.Inputf("%s: %q depends on the batch or on chance: %s", m.path, tensor, d).
				WithHint("export the model in evaluation mode, or accept such features with --trust-batch")
		}
	}
	for _, d := range list {
		if before[d.Output] && opt.BatchSize() > 1 {
			monitor.note(fmt.Sprintf("%q depends a little on the samples beside: %s; --batch 1 avoids that", tensor, d))
			break
		}
	}
	return nil
}

// models are opened models.
type models []*Model

// checkUnchanged is that of all models.
func (l models) checkUnchanged() error {
	for _, m := range l {
		if err := m.checkUnchanged(); err != nil {
			return err
		}
	}
	return nil
}

// openModels opens all files, or none.
func openModels(paths []string) (models, error) {
	for _, path := range paths {
		if err := output.Recover(path); err != nil { // one after the other, as they may be in one folder
			return nil, err
		}
	}
	list, errs := make(models, len(paths)), make([]error, len(paths))
	var all sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, path := range paths {
		free <- struct{}{}
		all.Go(func() {
			list[i], errs[i] = openRecovered(path)
			<-free
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil { // of the first file, as if they were opened in order
			list = slices.DeleteFunc(list, func(m *Model) bool { return m == nil })
			return nil, errors.Join(err, list.Close())
		}
	}
	return list, nil
}

// Close closes all of them.
func (l models) Close() error {
	var err error
	for _, m := range l {
		err = errors.Join(err, m.Close())
	}
	return err
}

// paths returns the paths of all their files.
func (l models) paths() (paths []string) {
	for _, m := range l {
		paths = append(paths, m.Paths()...)
	}
	return paths
}

// references returns the pinned references of models of the Hub, and "" for others.
func (l models) references() []string {
	var paths []string
	for _, m := range l {
		paths = append(paths, m.path)
	}
	return pinned(paths)
}

// baseNames returns the models' paths without folders, as provenance names sources.
func (l models) baseNames() (names []string) {
	for _, m := range l {
		names = append(names, filepath.Base(m.path))
	}
	return names
}

// graphs returns the models as weight graphs.
func (l models) graphs() (list []*onnx.Model) {
	for _, m := range l {
		list = append(list, m.Model)
	}
	return list
}

// openFile opens a regular file and returns its size in bytes.
func openFile(path string) (*os.File, int64, error) {
	if path == Stdio {
		return nil, 0, fault.Usagef("this file is not read from standard input").
			WithHint("name a file; one called - is ./-")
	}
	f, err := input.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fault.Inputf("%s: no such file", path)
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// withPath puts a path in front of an error; nil stays nil.
func withPath(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", path, err)
}
