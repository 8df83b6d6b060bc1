package wiseft_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wiseft/wiseft"
)

func TestExtractRecipe(t *testing.T) {
	t.Parallel()
	merged := filepath.Join(t.TempDir(), "merged.onnx")
	opt := wiseft.MergeOptions{Params: map[string]any{"alpha": 0.25}, Exclude: []string{"head*"}}
	models := []string{"pretrained.onnx", "finetuned.onnx"}
	if _, err := wiseft.Merge(t.Context(), merged, models, opt, wiseft.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := wiseft.ExtractRecipe(merged)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Models, models) || len(r.Notes) > 0 { // they are in the working folder
		t.Errorf("got the models %q and the notes %q, want %q", r.Models, r.Notes, models)
	}
	if r.Merge.Method != "linear" || r.Merge.Params["alpha"] != 0.25 || !slices.Equal(r.Merge.Exclude, opt.Exclude) {
		t.Errorf("got the options %+v, want those of %+v", r.Merge, opt)
	}
	if _, err := wiseft.ExtractRecipe("pretrained.onnx"); wiseft.KindOf(err) != wiseft.Input {
		t.Errorf("a model that was not merged: got %v, want an error of kind input", err)
	}
}

// The models of an extracted recipe are those that were found, and not files that their paths name from another folder.
func TestExtractRecipeSearchesOnce(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(filepath.Join("out", "out"), 0o777); err != nil {
		t.Fatal(err)
	}
	var models []string
	for _, name := range []string{"pretrained.onnx", "finetuned.onnx"} {
		data, err := os.ReadFile(filepath.Join(here, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range []string{"out", filepath.Join("out", "out")} {
			if err := os.WriteFile(filepath.Join(folder, name), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		models = append(models, filepath.Join("out", name))
	}
	merged := filepath.Join("out", "merged.onnx")
	if _, err := wiseft.Merge(t.Context(), merged, models, wiseft.MergeOptions{}, wiseft.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := wiseft.ExtractRecipe(merged)
	if err != nil || !slices.Equal(r.Models, models) {
		t.Errorf("got %v (%v), want the models %q", r, err, models)
	}
}
