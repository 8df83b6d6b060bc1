package wiseft

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// hubLayout lays out a model and its data file as the cache of Hugging Face does, and returns the model's path.
func hubLayout(t *testing.T, model, data []byte, name string) string {
	t.Helper()
	dir := t.TempDir()
	blobs, snapshot := filepath.Join(dir, "blobs"), filepath.Join(dir, "snapshots", "1")
	for _, folder := range []string{blobs, snapshot} {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(blobs, "11"), model)
	write(t, filepath.Join(blobs, "22"), data)
	link(t, filepath.Join("..", "..", "blobs", "11"), filepath.Join(snapshot, "model.onnx"))
	link(t, filepath.Join("..", "..", "blobs", "22"), filepath.Join(snapshot, name))
	return filepath.Join(snapshot, "model.onnx")
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// externalModel returns a model and its data file m.onnx.data.
func externalModel(t *testing.T) (model, data []byte) {
	t.Helper()
	demo, err := Open(filepath.Join(os.Getenv("WISEFT_REPOSITORY"), "cmd", "wiseft", "demo", "pretrained.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer demo.Close()
	dir := t.TempDir()
	plan, err := PlanMerge(t.Context(), []string{demo.Path(), demo.Path()}, MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	if _, err := plan.WriteFile(t.Context(), filepath.Join(dir, "m.onnx"), WriteOptions{DataFiles: onnx.Outside}); err != nil {
		t.Fatal(err)
	}
	model, err1 := os.ReadFile(filepath.Join(dir, "m.onnx"))
	data, err2 := os.ReadFile(filepath.Join(dir, "m.onnx.data"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return model, data
}

// A model and a data file that are links into one folder are read. Links that end elsewhere are refused.
func TestLinkedModel(t *testing.T) {
	t.Parallel()
	model, data := externalModel(t)
	dir := t.TempDir()
	path := hubLayout(t, model, data, "m.onnx.data")
	checkOpens(t, path, true)

	inside := filepath.Join(filepath.Dir(path), "m.onnx.data")
	outside := filepath.Join(t.TempDir(), "secret")
	write(t, outside, data)
	for name, target := range map[string]string{"another folder": outside, "a folder": "../../blobs", "nothing": "../../blobs/33"} {
		if err := os.Remove(inside); err != nil {
			t.Fatal(err)
		}
		link(t, target, inside)
		t.Log(name)
		checkOpens(t, path, false)
	}

	// A data file that is a link out of the folder of a model that is none.
	write(t, filepath.Join(dir, "m.onnx"), model)
	plain := filepath.Join(dir, "m.onnx.data")
	link(t, outside, plain)
	checkOpens(t, filepath.Join(dir, "m.onnx"), false)
}

func checkOpens(t *testing.T, path string, want bool) {
	t.Helper()
	m, err := Open(path)
	if (err == nil) != want {
		t.Errorf("%s: opened %v (%v), want %v", path, err == nil, err, want)
	}
	if err == nil {
		if _, err := m.Bytes(t.Context()); err != nil {
			t.Error(err)
		}
		m.Close()
	}
}

// In a cache of Hugging Face links may lead on to a second level, but not out of it.
func TestHubCache(t *testing.T) {
	t.Parallel()
	model, data := externalModel(t)
	cache := filepath.Join(t.TempDir(), "hub")
	snapshot := filepath.Join(cache, "models--org--name", "snapshots", "1", "onnx")
	blobs := filepath.Join(cache, "models--org--name", "blobs")
	for _, folder := range []string{snapshot, blobs, filepath.Join(cache, "store"), filepath.Join(cache, "other")} {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(cache, "store", "11"), model)
	write(t, filepath.Join(cache, "other", "22"), data)
	link(t, filepath.Join("..", "..", "store", "11"), filepath.Join(blobs, "11"))
	link(t, filepath.Join("..", "..", "other", "22"), filepath.Join(blobs, "22"))
	link(t, filepath.Join("..", "..", "..", "blobs", "11"), filepath.Join(snapshot, "model.onnx"))
	link(t, filepath.Join("..", "..", "..", "blobs", "22"), filepath.Join(snapshot, "m.onnx.data"))
	checkOpens(t, filepath.Join(snapshot, "model.onnx"), true)

	outside := filepath.Join(t.TempDir(), "22")
	write(t, outside, data)
	if err := os.Remove(filepath.Join(blobs, "22")); err != nil {
		t.Fatal(err)
	}
	link(t, outside, filepath.Join(blobs, "22"))
	checkOpens(t, filepath.Join(snapshot, "model.onnx"), false)
}

// The shared models in the layout of the cache.
func TestSharedLinkedModels(t *testing.T) {
	t.Parallel()
	var paths []string
	for _, name := range []string{"a", "b"} {
		var files [][]byte
		for _, extension := range []string{".onnx", ".data"} {
			file, err := os.ReadFile(sharedtest.Path(t, "cases", "files", "huggingface_cache_symlink", name+extension))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		paths = append(paths, hubLayout(t, files[0], files[1], "m.onnx.data"))
		checkOpens(t, paths[len(paths)-1], true)
	}
	plan, err := PlanMerge(t.Context(), paths, MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	if err := plan.Err(); err != nil {
		t.Error(err)
	}
}
