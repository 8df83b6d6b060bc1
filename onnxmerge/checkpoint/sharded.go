package checkpoint

import (
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// maxIndex is the largest index of a sharded checkpoint in bytes.
const maxIndex = maxHeader

// OpenIndex reads a checkpoint of several files by its index, the JSON document in r. open is called once for every
// file that the index names; names are plain, without folders. The readers must remain usable while the checkpoint is
// in use.
func OpenIndex(r io.ReaderAt, size int64, open func(name string) (io.ReaderAt, int64, error)) (*Checkpoint, error) {
	files, err := readIndex(r, size)
	if err != nil {
		return nil, err
	}
	var tensors []*Tensor
	format := ""
	for _, name := range sortedKeys(files) {
		shard, err := openShard(name, files[name], open)
		if err != nil {
			return nil, err
		}
		if format != "" && shard.Format != format {
			return nil, malformedf("%s: is a %s file, and another file of the index is not", name, shard.Format)
		}
		format = shard.Format
		tensors = append(tensors, shard.Tensors...)
	}
	for _, t := range tensors {
		t.Name = t.Key
	}
	c, err := newCheckpoint(format, tensors)
	if err != nil {
		return nil, err
	}
	c.unwrap()
	return c, nil
}

// IndexFiles returns the files that an index names, sorted; they lie beside it.
func IndexFiles(r io.ReaderAt, size int64) ([]string, error) {
	files, err := readIndex(r, size)
	return sortedKeys(files), err
}

// readIndex returns the names of the tensors by the file that has them.
func readIndex(r io.ReaderAt, size int64) (map[string][]string, error) {
	if size > maxIndex {
		return nil, malformedf("the index has %d bytes; at most %d are allowed", size, int64(maxIndex))
	}
	document := make([]byte, size)
	if n, err := r.ReadAt(document, 0); n < len(document) {
		return nil, err
	}
	files := map[string][]string{}
	err := eachMember("the index", document, func(d *json.Decoder, name string) error {
		if name != "weight_map" {
			return d.Decode(&json.RawMessage{})
		}
		return members(d, func(d *json.Decoder, tensor string) error {
			var file string
			if err := d.Decode(&file); err != nil {
				return err
			}
			files[file] = append(files[file], tensor)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, malformedf("a JSON document without \"weight_map\", not the index of a checkpoint")
	}
	for _, file := range sortedKeys(files) {
		if file == "." || file != filepath.Base(file) || strings.ContainsAny(file, `/\:`) || !filepath.IsLocal(file) {
			return nil, malformedf("the index has tensor %q in %q; a plain name of a file beside it is allowed", files[file][0], file)
		}
	}
	return files, nil
}

// openShard opens one file of an index and compares its tensors with those that the index names.
func openShard(
	name string, tensors []string, open func(name string) (io.ReaderAt, int64, error),
) (*Checkpoint, error) {
	r, size, err := open(name)
	if err != nil {
		return nil, err
	}
	c, err := Open(r, size)
	if err != nil {
		return nil, malformedf("%s: %w", name, err)
	}
	missing := map[string]bool{}
	for _, tensor := range tensors {
		missing[tensor] = true
	}
	for _, t := range c.Tensors {
		if !missing[t.Key] {
			return nil, malformedf("%s: has tensor %q, which the index does not name", name, t.Key)
		}
		delete(missing, t.Key)
	}
	for _, tensor := range tensors {
		if missing[tensor] {
			return nil, malformedf("%s: has no tensor %q, which the index names", name, tensor)
		}
	}
	return c, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
