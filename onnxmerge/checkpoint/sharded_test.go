package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shards are files that indexes name.
type shards map[string][]byte

func (s shards) open(name string) (io.ReaderAt, int64, error) {
	data, ok := s[name]
	if !ok {
		return nil, 0, fmt.Errorf("%s is not there", name)
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

var (
	shardOfA = file(`{"module.a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1)
	shardOfB = file(`{"module.b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2)
)

// indexes are documents and what is wrong with them, "" if they are good.
var indexes = map[string]string{
	`{"weight_map":{"module.a":"m-1.safetensors","module.b":"m-2.safetensors"}}`: "",
	`{"metadata":{"total_size":1},"weight_map":{"module.a":"m-1.safetensors"}}
`: "",
	`{"weight_map":{"module.a":"m-1.safetensors","module.b":"m-1.safetensors"}}`: `no tensor "module.b"`,
	`{"weight_map":{"module.a":"m-1.safetensors","c":"m-2.safetensors"}}`:        `the index does not name`,
	`{"weight_map":{"module.a":"m-2.safetensors","module.a":"m-1.safetensors"}}`: `"module.a" twice`,
	`{"weight_map":{"module.a":"../m-1.safetensors"}}`:                           "a plain name",
	`{"weight_map":{"module.a":"/etc/passwd"}}`:                                  "a plain name",
	`{"weight_map":{"module.a":".."}}`:                                           "a plain name",
	`{"weight_map":{"module.a":"."}}`:                                            "a plain name",
	`{"weight_map":{"module.a":""}}`:                                             "a plain name",
	`{"weight_map":{"module.a":"C:m"}}`:                                          "a plain name",
	`{"weight_map":{"module.a":"a\\b"}}`:                                         "a plain name",
	`{"weight_map":{"module.a":"m-3.safetensors"}}`:                              "is not there",
	`{"weight_map":{"module.a":1}}`:                                              `"module.a"`,
	`{"weight_map":{}}`:                                                          "weight_map",
	`{"Weight_Map":{"module.a":"m-1.safetensors"}}`:                              "weight_map",
	`{"weight_map":{"module.a":"m-1.safetensors"},"weight_map":{}}`:              `"weight_map" twice`,
	`{"weight_map":{"module.a":"m-1.safetensors"}} x`:                            "after its end",
	"{\"weight_map\":{\"module.a\":\"m-1.safetensors\"}}\v\x00":                  "2 bytes after its end",
	`{"weight_map":{"module.a":"m-1.safetensors"}`:                               "the index",
	`[1]`: "the index",
	``:    "the index",
}

// TestOpenIndex reads a checkpoint of two files, and documents that are wrong in one way each.
func TestOpenIndex(t *testing.T) {
	t.Parallel()
	files := shards{"m-1.safetensors": shardOfA, "m-2.safetensors": shardOfB}
	for index, want := range indexes {
		c, err := OpenIndex(strings.NewReader(index), int64(len(index)), files.open)
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", index, err, want)
			}
			continue
		}
		if err != nil || c.Lookup("a") == nil || c.Lookup("a").Key != "module.a" {
			t.Errorf("%s: %v", index, err)
		}
	}
}

// FuzzOpenIndex opens an index of two files. Only plain names are opened, each once, and a checkpoint has the tensors that the index
// names, all of which can be read.
func FuzzOpenIndex(f *testing.F) {
	for index := range indexes {
		f.Add([]byte(index), shardOfA, shardOfB)
	}
	f.Add([]byte(`{"weight_map":{"module.a":"m-1.safetensors","fc.weight":"m-2.safetensors"}}`), shardOfA, readFile(f, "testdata/plain.pth"))
	f.Fuzz(func(t *testing.T, index, first, second []byte) {
		files := shards{"m-1.safetensors": first, "m-2.safetensors": second}
		var opened []string
		c, err := OpenIndex(bytes.NewReader(index), int64(len(index)), func(name string) (io.ReaderAt, int64, error) {
			if slices.Contains(opened, name) || name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\:`) ||
				!filepath.IsLocal(name) {
				t.Fatalf("opens %q after %q", name, opened)
			}
			opened = append(opened, name)
			return files.open(name)
		})
		if err != nil {
			return
		}
		if names, err := IndexFiles(bytes.NewReader(index), int64(len(index))); err != nil || !slices.Equal(names, opened) {
			t.Errorf("the index names %q (%v), and opened are %q", names, err, opened)
		}
		var want struct {
			Files map[string]string `json:"weight_map"`
		}
		if err := json.Unmarshal(index, &want); err != nil {
			t.Fatalf("opens a document that is not JSON: %v", err)
		}
		if len(c.Tensors) != len(want.Files) {
			t.Errorf("%d tensors of %d", len(c.Tensors), len(want.Files))
		}
		for _, tensor := range c.Tensors {
			file, ok := want.Files[tensor.Key]
			if !ok {
				t.Errorf("has %q, which the index does not name", tensor.Key)
			}
			readTensor(t, tensor, len(files[file]))
		}
	})
}
