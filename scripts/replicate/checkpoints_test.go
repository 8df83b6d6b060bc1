// Package replicate tests that the documents of this folder agree with each other. check_checkpoints.py, which needs
// PyTorch, checks that their commands run.
package replicate

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
)

var (
	exportLine = regexp.MustCompile(
		`(?m)^python .*/export\.py (\S+) --config scanobjectnn --checkpoint ckpts/(\S+)/(\S+) -o (\S+)$`)
	keyLine = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// The models of the experiment are what the page's commands export, each architecture's own, and its data files are in
// the page's list.
func TestCheckpoints(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("CHECKPOINTS.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	var exported []string
	for _, m := range exportLine.FindAllStringSubmatch(page, -1) {
		architecture, folder, checkpoint, model := m[1], m[2], m[3], m[4]
		if folder != architecture || !strings.HasPrefix(model, architecture+"/") {
			t.Errorf("%s exports a checkpoint of %s to %s", architecture, folder, model)
		}
		if strings.Count(page, checkpoint) < 2 {
			t.Errorf("%s is not among the page's files", checkpoint)
		}
		exported = append(exported, model)
	}
	runs := readExperiment(t, "scanobjectnn.yaml").Runs
	if len(exported) != 8 || len(runs) != 6 {
		t.Fatalf("%d exports and %d pairs, want 8 and 6", len(exported), len(runs))
	}
	used := map[string]bool{}
	for _, run := range runs {
		if run.Group != run.Pair || len(run.Transfers) != 1 {
			t.Errorf("%s: group %q, %d transfer sets", run.Pair, run.Group, len(run.Transfers))
		}
		if filepath.Dir(run.Models[0]) != filepath.Dir(run.Models[1]) {
			t.Errorf("%s: models of two architectures: %q", run.Pair, run.Models)
		}
		for _, model := range run.Models {
			used[model] = true
			if !slices.Contains(exported, model) {
				t.Errorf("%s: the page has no export of %s", run.Pair, model)
			}
		}
		checkData(t, run)
	}
	if len(used) != len(exported) {
		t.Errorf("%d of %d exports are used", len(used), len(exported))
	}
}

// checkData checks that a pair's data are those of the variant in its name.
func checkData(t *testing.T, run wiseft.ExperimentRun) {
	t.Helper()
	folder, name := "main_split", "objectdataset.h5"
	if strings.HasSuffix(run.Pair, "OBJ_ONLY") {
		folder = "main_split_nobg"
	}
	if strings.HasSuffix(run.Pair, "PB_T50_RS") {
		name = "objectdataset_augmentedrot_scale75.h5"
	}
	want := map[string]string{"train": "ScanObjectNN/" + folder + "/training_" + name,
		"test": "ScanObjectNN/" + folder + "/test_" + name, "normalize": "none"}
	for _, f := range run.Flags {
		if w, ok := want[f.Name]; ok && f.Value != w {
			t.Errorf("%s: %s is %s, want %s", run.Pair, f.Name, f.Value, w)
		}
		delete(want, f.Name)
	}
	if len(want) > 0 {
		t.Errorf("%s: nothing says %v", run.Pair, want)
	}
}

// readExperiment reads a document; which keys there are is the command's to know.
func readExperiment(t *testing.T, path string) *wiseft.ExperimentFile {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{"train", "test"}
	for _, m := range keyLine.FindAllStringSubmatch(string(data), -1) {
		keys = append(keys, m[1])
	}
	file, err := wiseft.ReadExperiment(path, keys, []string{"points", "sample", "normalize"})
	if err != nil {
		t.Fatal(err)
	}
	return file
}
