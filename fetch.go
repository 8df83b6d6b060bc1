package wiseft

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/hub"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// IsReference reports whether a path is a reference to the Hugging Face Hub, which [Fetch] reads: hf://owner/name/path.
func IsReference(path string) bool { return hub.IsRef(path) }

// Fetch returns the local path of a file or folder that a reference to the Hugging Face Hub names,
// hf://owner/name[@revision]/path or hf://datasets/owner/name[@revision]/path; other paths are returned as they are.
// What is missing is downloaded into the cache of huggingface_hub, verified by its hash; a model comes with its data
// files, and the index of a checkpoint with its parts. The path has the commit in it, and the provenance of a merge
// names the reference by that commit.
//
// The settings are those of huggingface_hub: HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_ENDPOINT.
func Fetch(ctx context.Context, name string, monitor Monitor) (string, error) {
	if !hub.IsRef(name) {
		return name, nil
	}
	ref, err := hub.Parse(name)
	if err != nil {
		return "", err
	}
	client, err := hub.FromEnv(os.Getenv)
	if err != nil {
		return "", err
	}
	client.Note = monitor.note
	client.Progress = func(file string, done, total int64) {
		const unit = 1 << 20
		monitor.progress(Progress{"loading " + path.Base(file), "MiB", int(done / unit), int((total + unit - 1) / unit)})
	}
	file, err := client.Fetch(ctx, ref)
	if err != nil {
		return "", err
	}
	switch {
	case path.Ext(ref.Path) == ".onnx":
		err = fetchBeside(ctx, client, file, func(f *os.File, size int64) ([]string, error) {
			m, err := onnx.Open(f, size)
			if err != nil {
				return nil, err
			}
			return m.DataLocations(), m.Close()
		})
	case strings.HasSuffix(ref.Path, ".index.json"):
		err = fetchBeside(ctx, client, file, func(f *os.File, size int64) ([]string, error) {
			return checkpoint.IndexFiles(f, size)
		})
	}
	return file, err
}

// fetchBeside fetches the files that a file in the cache names: data files of a model, parts of a checkpoint.
func fetchBeside(
	ctx context.Context, client *hub.Client, file string, names func(f *os.File, size int64) ([]string, error),
) (err error) {
	f, size, err := openFile(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	locations, err := names(f, size)
	if err != nil {
		return withPath(file, err)
	}
	ref, _ := hub.Of(file)
	folder := path.Dir(ref.Path)
	for _, location := range locations {
		if !filepath.IsLocal(filepath.FromSlash(location)) {
			return fault.Inputf("%s: it names the file %q, which lies outside of its folder", file, location)
		}
		ref.Path = path.Join(folder, location)
		if _, err := client.Fetch(ctx, ref); err != nil {
			return err
		}
	}
	return nil
}

// pinned returns the references, with their commits, of files that lie in a cache of the Hub, and "" for others.
func pinned(paths []string) []string {
	refs := make([]string, len(paths))
	for i, file := range paths {
		if absolute, err := filepath.Abs(file); err == nil {
			file = absolute
		}
		if ref, ok := hub.Of(file); ok {
			refs[i] = ref.String()
		}
	}
	return refs
}
