package wiseft_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/fit"
)

// inputs is a folder with a model, its data file, a classifier, features, a label map, and data in folders.
type inputs struct {
	model, weights, other, classifier, features, labels, data, sample string
	table                                                             string // a sample with the name of a run's file
	drawn, picture                                                    string // a model, and its data file with the name of a picture
	array, beside                                                     string // NPY files: samples, and labels beside them
}

func newInputs(t *testing.T) inputs {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(os.Getenv("WISEFT_REPOSITORY"),
		"onnxmerge/onnx/testdata/external"))); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	f := inputs{in("pretrained.onnx"), in("pretrained.bin"), in("finetuned.onnx"), in("classifier.npz"), in("features.npz"),
		in("labels.json"), in("data"), in("data/a/train/x.xyz"), in("data/a/train/table.txt"), in("drawn.onnx"), in("pretrained.svg"),
		in("X_train.npy"), in("y_train.npy")}
	if err := os.MkdirAll(filepath.Dir(f.sample), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{f.classifier, f.features, f.labels, f.sample, f.table} {
		if err := os.WriteFile(path, []byte("0 0 0\n1 1 1\n"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	model, err1 := os.ReadFile(f.model)
	weights, err2 := os.ReadFile(f.weights)
	scans, err3 := os.ReadFile("test.npz")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	members, err := zip.NewReader(bytes.NewReader(scans), int64(len(scans)))
	if err != nil {
		t.Fatal(err)
	}
	x, err1 := fs.ReadFile(members, "x.npy")
	y, err2 := fs.ReadFile(members, "y.npy")
	for path, data := range map[string][]byte{f.drawn: bytes.ReplaceAll(model, []byte("pretrained.bin"), []byte("pretrained.svg")),
		f.picture: weights, f.array: x, f.beside: y} {
		if err := errors.Join(err1, err2, os.WriteFile(path, data, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// No output replaces a file that an input consists of, whatever --force says.
func TestOutputsReplaceNoInput(t *testing.T) {
	t.Parallel()
	f := newInputs(t)
	merge := func(out string, opt wiseft.MergeOptions, write wiseft.WriteOptions) error {
		write.Force = true
		_, err := wiseft.Merge(t.Context(), out, []string{f.other, f.model}, opt, write)
		return err
	}
	features := func(out string) error {
		_, err := wiseft.WriteFeatures(t.Context(), out, f.model, wiseft.FeaturesOptions{Force: true,
			Data: wiseft.Data{Path: f.data, Labels: f.labels}})
		return err
	}
	fitted := func(out string) error {
		_, err := wiseft.Fit(t.Context(), out, f.features, wiseft.FitOptions{Force: true, Probe: fit.Options{C: 1},
			Val: f.classifier, Start: f.labels, HeadOf: f.model})
		return err
	}
	attach := func(out string) error {
		if err := os.WriteFile(f.classifier, smallProbe(t), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := wiseft.Attach(t.Context(), out, f.model, f.classifier, wiseft.AttachOptions{Force: true})
		return err
	}
	measure := func(out string) error {
		_, err := wiseft.Bench(t.Context(), []string{"finetuned.onnx"}, wiseft.MeasureOptions{
			Train: wiseft.Data{Path: "train.npz"}, Tests: []wiseft.Data{{Path: out}}, Suite: "none",
			Run: wiseft.RunOptions{Folder: filepath.Dir(out), Replace: true}})
		return err
	}
	over := func(out string) error {
		_, err := wiseft.Bench(t.Context(), []string{"finetuned.onnx"}, wiseft.MeasureOptions{OwnHead: true,
			Tests: []wiseft.Data{{Path: f.data, Split: "train"}}, Suite: "none",
			Run: wiseft.RunOptions{Folder: filepath.Dir(out), Replace: true}})
		return err
	}
	plot := func(out string) error {
		_, err := wiseft.DiffPlot(t.Context(), f.other, f.drawn, wiseft.MergeOptions{},
			wiseft.WeightsOptions{Output: out, Force: true})
		return err
	}
	beside := func(out string) error {
		_, err := wiseft.WriteFeatures(t.Context(), out, "finetuned.onnx", wiseft.FeaturesOptions{Force: true,
			Data: wiseft.Data{Path: f.array}})
		return err
	}
	experiment := func(out string) error {
		sweep := wiseft.ExperimentSweep{Options: wiseft.SweepOptions{}}
		sweep.Options.Train = wiseft.Data{Path: out}
		_, err := wiseft.RunExperiment(t.Context(), &wiseft.ExperimentFile{}, []wiseft.ExperimentSweep{sweep}, filepath.Dir(out),
			true, wiseft.Monitor{})
		return err
	}
	resultFile, table := filepath.Join(t.TempDir(), wiseft.ResultFile), filepath.Join(t.TempDir(), "table.txt")
	scans, err := os.ReadFile("test.npz")
	for _, path := range []string{resultFile, table} {
		err = errors.Join(err, os.WriteFile(path, scans, 0o666))
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		out   string
		write func(out string) error
	}{
		"merge over a data file": {f.weights, func(out string) error {
			return merge(out, wiseft.MergeOptions{}, wiseft.WriteOptions{})
		}},
		"merge over the Fisher information": {f.features, func(out string) error {
			return merge(out, wiseft.MergeOptions{Fisher: []string{f.features}}, wiseft.WriteOptions{})
		}},
		"merge over the recipe": {f.labels, func(out string) error {
			return merge(out, wiseft.MergeOptions{}, wiseft.WriteOptions{Inputs: []string{f.labels}})
		}},
		"merge over the data of a proof": {f.sample, func(out string) error {
			return merge(out, wiseft.MergeOptions{Prove: &wiseft.ProveOptions{Data: wiseft.Data{Path: f.data}}},
				wiseft.WriteOptions{})
		}},
		"features over a data file":    {f.weights, features},
		"features over a sample":       {f.sample, features},
		"features over the label map":  {f.labels, features},
		"fit over validation features": {f.classifier, fitted},
		"fit over the start":           {f.labels, fitted},
		"fit over the head's model":    {f.model, fitted},
		"attach over a data file":      {f.weights, attach},
		"a run over its test data":     {resultFile, measure},
		"a run over a sample":          {f.table, over},
		"an experiment over its data":  {table, experiment},
		"a plot over a data file":      {f.picture, plot},
		"features over the labels":     {f.beside, beside},
	} {
		before, err := os.ReadFile(c.out)
		if err != nil {
			t.Fatal(err)
		}
		err = c.write(c.out)
		after, readErr := os.ReadFile(c.out)
		if wiseft.KindOf(err) != wiseft.Usage || !strings.Contains(err.Error(), "input") {
			t.Errorf("%s: got %v, want that the output is an input", name, err)
		}
		if readErr != nil || !bytes.Equal(before, after) {
			t.Errorf("%s: the input changed (%v)", name, readErr)
		}
	}
}

// smallProbe returns the file of a classifier.
func smallProbe(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	cl := &fit.Classifier{Dim: 2, Classes: []string{"a", "b"},
		Layers: []fit.Layer{{W: []float32{1, 0, 0, 1}, B: []float64{0, 0}}}}
	if err := cl.Write(&file); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// A data file that is replaced in place, or by another file, while a merge reads it is not mixed from both versions.
func TestTornReadsAreRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"in place": func(path string) error {
			data, err := os.ReadFile(path)
			if err == nil {
				data[0] ^= 1
				err = os.WriteFile(path, data, 0o666)
			}
			return errors.Join(err, os.Chtimes(path, time.Time{}, time.Now().Add(time.Second)))
		},
		"by another file": func(path string) error {
			data, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path+".new", data, 0o666), os.Rename(path+".new", path))
		},
	} {
		f := newInputs(t)
		plan, err := wiseft.PlanMerge(t.Context(), []string{f.other, f.model}, wiseft.MergeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := change(f.weights); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "m.onnx")
		_, err = plan.WriteFile(t.Context(), out, wiseft.WriteOptions{})
		if err == nil || !strings.Contains(err.Error(), "changed while it was read") {
			t.Errorf("%s: got %v", name, err)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(left) > 0 {
			t.Errorf("%s: left %v", name, left)
		}
		if err := plan.Close(); err != nil {
			t.Error(err)
		}
	}
}
