package wiseft_test

import (
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
