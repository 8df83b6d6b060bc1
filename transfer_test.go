package wiseft_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// What follows the last colon are protocols only if all are, so that drive letters and addresses stay whole.
func TestParseTransfer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]wiseft.Transfer{
		"folder":                   {Data: wiseft.Data{Path: "folder"}},
		"folder:svm":               {Data: wiseft.Data{Path: "folder"}, Protocols: []string{"svm"}},
		"folder:few-shot,knn":      {Data: wiseft.Data{Path: "folder"}, Protocols: []string{"few-shot", "knn"}},
		"folder:svm,other":         {Data: wiseft.Data{Path: "folder:svm,other"}},
		`C:\data`:                  {Data: wiseft.Data{Path: `C:\data`}},
		`C:\data:probe`:            {Data: wiseft.Data{Path: `C:\data`}, Protocols: []string{"probe"}},
		"hf://owner/name@v1/x:knn": {Data: wiseft.Data{Path: "hf://owner/name@v1/x"}, Protocols: []string{"knn"}},
		"hf://owner/name":          {Data: wiseft.Data{Path: "hf://owner/name"}},
		"mn40=folder:svm":          {Name: "mn40", Data: wiseft.Data{Path: "folder"}, Protocols: []string{"svm"}},
		"a=x.npz,y.npz:knn": {Name: "a", Data: wiseft.Data{Path: "x.npz"}, Test: wiseft.Data{Path: "y.npz"},
			Protocols: []string{"knn"}},
	} {
		if text == "folder:svm,other" {
			want = wiseft.Transfer{Data: wiseft.Data{Path: "folder:svm"}, Test: wiseft.Data{Path: "other"}}
		}
		if got := wiseft.ParseTransfer(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v, want %+v", text, got, want)
		}
	}
}

// The figures of a sweep on a transfer set are, bit for bit, those of the single commands on the features of the same
// merged model.
func TestTransferEqualsSingleCommands(t *testing.T) {
	library := wiseft.RuntimeOptions{Library: orttest.Load(t).Path}
	train, test := shapesOf(t, 42, 1), shapesOf(t, 25, 2)
	run, err := wiseft.Sweep(t.Context(), []string{"pretrained.onnx", "finetuned.onnx"}, wiseft.SweepOptions{
		Alphas: []float64{0, 0.5, 1}, NoProof: true,
		MeasureOptions: wiseft.MeasureOptions{
			Train: wiseft.Data{Path: "train.npz"}, Tests: []wiseft.Data{{Path: "test.npz"}}, Suite: "none", Runtime: library,
			Transfers: []wiseft.Transfer{{Name: "shapes", Data: wiseft.Data{Path: train}, Test: wiseft.Data{Path: test}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, alpha := range []float64{0, 0.5, 1} {
		m := run.Models[i]
		merged := filepath.Join(t.TempDir(), "merged.onnx")
		_, err := wiseft.Merge(t.Context(), merged, []string{"pretrained.onnx", "finetuned.onnx"}, wiseft.MergeOptions{
			Params: map[string]any{"alpha": alpha}, Statistics: "std"}, wiseft.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var files []string
		for _, data := range []string{train, test} {
			file := filepath.Join(t.TempDir(), "features.npz")
			if _, err := wiseft.WriteFeatures(t.Context(), file, merged, wiseft.FeaturesOptions{
				Data: wiseft.Data{Path: data}, Runtime: library}); err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		got := m.Transfer["shapes"]
		for _, convention := range []string{"point-m2ae", "recon", "point-mae"} {
			want, err := wiseft.SVM(t.Context(), files[0], files[1], wiseft.SVMOptions{Convention: convention})
			if err != nil {
				t.Fatal(err)
			}
			f := got["svm"][convention]
			if f.Accuracy != want.Accuracy || f.MeanClass != want.MeanClass || f.N != want.N {
				t.Errorf("%s, SVM %s: %v, and %v by the command", m.ID, convention, f.Accuracy, want.Accuracy)
			}
		}
		for name, task := range map[string]wiseft.FewShotTask{"5way_10shot": {Way: 5, Shot: 10, Query: 20, Folds: 10},
			"10way_20shot": {Way: 10, Shot: 20, Query: 20, Folds: 10}} {
			want, err := wiseft.FewShot(t.Context(), files[:1], task, wiseft.FoldsOptions{})
			if err != nil {
				t.Fatal(err)
			}
			f := got["few_shot"][name]
			if !reflect.DeepEqual(f.Folds, want.Models[0].Accuracy) || float64(f.Accuracy) != want.Models[0].Mean ||
				f.Std != want.Models[0].Std {
				t.Errorf("%s, %s: %v, and %v by the command", m.ID, name, f.Folds, want.Models[0].Accuracy)
			}
		}
		for key, opt := range map[[2]string]fit.Options{{"knn", "5"}: {Solver: "knn"}, {"probe", "logistic"}: {}} {
			probe := filepath.Join(t.TempDir(), "probe.npz")
			if _, err := wiseft.Fit(t.Context(), probe, files[0], wiseft.FitOptions{Probe: opt}); err != nil {
				t.Fatal(err)
			}
			want, err := wiseft.Score(probe, files[1], wiseft.ScoreOptions{})
			if f := got[key[0]][key[1]]; err != nil || f.Accuracy != want.Accuracy || f.MeanClass != want.MeanClass {
				t.Errorf("%s, %s: %v, and %v by the command (%v)", m.ID, key, f.Accuracy, want.Accuracy, err)
			}
		}
	}
}

// shapesOf writes scans of all classes and returns the file.
func shapesOf(t *testing.T, perClass int, seed uint64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shapes.npz")
	ds, err := shapes.New(shapes.Options{Domain: shapes.Scan, PerClass: perClass, Points: 128, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	var npz bytes.Buffer
	if err := datasets.WriteNPZ(t.Context(), &npz, ds); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, npz.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// Transfer data that cannot be measured is refused with what to do.
func TestTransferRefusals(t *testing.T) {
	library := wiseft.RuntimeOptions{Library: orttest.Load(t).Path}
	for text, want := range map[string]string{
		"train.npz":               "has no splits",
		"train.npz:svn":           "no such file",
		"train.npz,train.npz:svm": "test samples would be fitted on",
	} {
		_, err := wiseft.Sweep(t.Context(), []string{"pretrained.onnx", "finetuned.onnx"}, wiseft.SweepOptions{
			Alphas: []float64{0}, NoProof: true,
			MeasureOptions: wiseft.MeasureOptions{
				Train: wiseft.Data{Path: "train.npz"}, Tests: []wiseft.Data{{Path: "test.npz"}}, Suite: "none", Runtime: library,
				Transfers: []wiseft.Transfer{wiseft.ParseTransfer(text)},
			},
		})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
