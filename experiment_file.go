package wiseft

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
	"go.yaml.in/yaml/v3"
)

// maxExperimentBytes is the size limit of an experiment's document.
const maxExperimentBytes = 1 << 20

// ExperimentFile is an experiment as a document says it: sweeps over pairs of models and seeds. Its keys are the flags
// of wiseft sweep, and
//
//	pairs:      models: a list of {name, group, pretrained, finetuned} and keys of their own, which replace those of all
//	            pairs; rows are joined over the pairs of one group, such as those that are measured on the same data
//	seeds:      a list of values of seed; none is one sweep with that of the key seed
//	transfer:   texts as of the flag, or {name, data, test, protocols} and how samples are prepared
//
// Paths are relative to the document's folder.
type ExperimentFile struct {
	Path, Text, SHA256 string
	Runs               []ExperimentRun
}

// ExperimentRun is one sweep of an experiment.
type ExperimentRun struct {
	Name      string // "demo seed 1"
	Pair      string
	Group     string // "" if the pair has none: the table that its rows are joined in
	Seed      string // "" if the document has no seeds
	Models    []string
	Flags     []ExperimentFlag
	Transfers []ExperimentTransfer
}

// ExperimentFlag is a flag of sweep with the line that it is from.
type ExperimentFlag struct {
	Name, Value string
	Line        int
}

// ExperimentTransfer is a transfer set: as the text of the flag, with flags of data of its own.
type ExperimentTransfer struct {
	Transfer
	Flags []ExperimentFlag // of how samples are prepared
}

// experimentReader reads a document. flags are the names that sweep has, dataFlags those of how samples are prepared.
type experimentReader struct {
	path             string
	flags, dataFlags []string
}

// pathFlags are flags whose values name files or folders.
var pathFlags = []string{"train", "val", "test", "repair", "align-data", "recipe", "landscape", "fisher", "labels", "reference", "onnxruntime", "constant"}

// ReadExperiment reads an experiment's document. flags are the names of the flags of sweep, and dataFlags those of them
// that say how samples are prepared. Errors name the line.
func ReadExperiment(path string, flags, dataFlags []string) (*ExperimentFile, error) {
	f, _, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxExperimentBytes+1))
	if err != nil {
		return nil, err
	}
	r := &experimentReader{path: path, flags: flags, dataFlags: dataFlags}
	if len(data) > maxExperimentBytes {
		return nil, fault.Inputf("%s: an experiment of more than %d bytes", path, maxExperimentBytes)
	}
	var doc, more yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, fault.Inputf("%s: the document is empty", path)
	case err != nil:
		return nil, fault.Inputf("%s: %s", path, strings.TrimPrefix(err.Error(), "yaml: "))
	case decoder.Decode(&more) == nil:
		return nil, r.errAt(&more, "a second document")
	}
	sum := sha256.Sum256(data)
	e := &ExperimentFile{Path: path, Text: string(data), SHA256: hex.EncodeToString(sum[:])}
	e.Runs, err = r.runs(doc.Content[0])
	return e, err
}

func (r *experimentReader) errAt(n *yaml.Node, format string, args ...any) error {
	return fault.Inputf("%s: line %d: %s", r.path, n.Line, fmt.Sprintf(format, args...))
}

// entry is a key with its value.
type entry struct {
	name       string // with dashes
	key, value *yaml.Node
}

// entries reads a mapping whose keys are known.
func (r *experimentReader) entries(n *yaml.Node, what string, known []string) (list []entry, err error) {
	if n.Kind != yaml.MappingNode {
		return nil, r.errAt(n, "%s is no mapping of names to values", what)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		e := entry{strings.ReplaceAll(n.Content[i].Value, "_", "-"), n.Content[i], n.Content[i+1]}
		if slices.ContainsFunc(list, func(x entry) bool { return x.name == e.name }) {
			return nil, r.errAt(e.key, "%s is there twice", e.name)
		}
		if !slices.Contains(known, e.name) {
			err := fault.Inputf("%s: line %d: %s has no %q", r.path, e.key.Line, what, e.name)
			if near := registry.Nearest(e.name, known); near != "" {
				return nil, err.WithHint("did you mean %s?", near)
			}
			return nil, err.WithHint("the keys are the flags of wiseft sweep, pairs, seeds and transfer")
		}
		list = append(list, e)
	}
	return list, nil
}

// runs reads the document: every pair with every seed.
func (r *experimentReader) runs(top *yaml.Node) (list []ExperimentRun, err error) {
	entries, err := r.entries(top, "an experiment", append([]string{"pairs", "seeds"}, r.flags...))
	if err != nil {
		return nil, err
	}
	var common ExperimentRun
	var pairs *yaml.Node
	seeds := []ExperimentFlag{{}}
	for _, e := range entries {
		switch e.name {
		case "pairs":
			pairs = e.value
		case "seeds":
			if seeds, err = r.values("seed", e.value); err != nil {
				return nil, err
			}
		default:
			if err := r.set(&common, e); err != nil {
				return nil, err
			}
		}
	}
	if pairs == nil || pairs.Kind != yaml.SequenceNode || len(pairs.Content) == 0 {
		return nil, r.errAt(top, "an experiment needs pairs: a list of {pretrained: FILE, finetuned: FILE}")
	}
	names := map[string]bool{}
	for i, n := range pairs.Content {
		pair, err := r.pair(n, common, i)
		if err != nil {
			return nil, err
		}
		if names[pair.Pair] {
			return nil, r.errAt(n, "two pairs are called %q", pair.Pair)
		}
		names[pair.Pair] = true
		for _, seed := range seeds {
			run := pair
			run.Name = pair.Pair
			if seed.Name != "" {
				run.Seed, run.Name = seed.Value, pair.Pair+" seed "+seed.Value
				run.Flags = append(slices.Clone(pair.Flags), seed)
			}
			list = append(list, run)
		}
	}
	return list, nil
}

// pair reads a pair of models, whose keys replace the common ones.
func (r *experimentReader) pair(n *yaml.Node, common ExperimentRun, i int) (run ExperimentRun, err error) {
	entries, err := r.entries(n, "a pair", append([]string{"name", "group", "pretrained", "finetuned"}, r.flags...))
	if err != nil {
		return run, err
	}
	run = ExperimentRun{Pair: fmt.Sprintf("pair %d", i+1), Transfers: common.Transfers}
	for _, f := range common.Flags {
		if !slices.ContainsFunc(entries, func(e entry) bool { return e.name == f.Name }) {
			run.Flags = append(run.Flags, f)
		}
	}
	run.Models = make([]string, 2)
	for _, e := range entries {
		at := slices.Index([]string{"pretrained", "finetuned"}, e.name)
		switch {
		case at >= 0:
			run.Models[at] = r.beside(e.value.Value)
		case e.name == "name":
			run.Pair = e.value.Value
		case e.name == "group":
			run.Group = e.value.Value
		default:
			if e.name == "transfer" {
				run.Transfers = nil
			}
			if err := r.set(&run, e); err != nil {
				return run, err
			}
		}
	}
	if slices.Contains(run.Models, "") {
		return run, r.errAt(n, "a pair needs pretrained and finetuned")
	}
	return run, nil
}

// set adds what a key says to a run.
func (r *experimentReader) set(run *ExperimentRun, e entry) error {
	if e.name != "transfer" {
		flags, err := r.values(e.name, e.value)
		run.Flags = append(run.Flags, flags...)
		return err
	}
	list := []*yaml.Node{e.value}
	if e.value.Kind == yaml.SequenceNode {
		list = e.value.Content
	}
	for _, n := range list {
		t, err := r.transfer(n)
		if err != nil {
			return err
		}
		run.Transfers = append(run.Transfers, t)
	}
	return nil
}

// transfer reads a transfer set.
func (r *experimentReader) transfer(n *yaml.Node) (t ExperimentTransfer, err error) {
	if n.Kind == yaml.ScalarNode {
		t.Transfer = ParseTransfer(n.Value)
		t.Data.Path, t.Test.Path = r.beside(t.Data.Path), r.beside(t.Test.Path)
		return t, nil
	}
	entries, err := r.entries(n, "transfer data", append([]string{"name", "data", "test", "protocols"}, r.dataFlags...))
	if err != nil {
		return t, err
	}
	for _, e := range entries {
		switch e.name {
		case "name":
			t.Name = e.value.Value
		case "data":
			t.Data.Path = r.beside(e.value.Value)
		case "test":
			t.Test.Path = r.beside(e.value.Value)
		case "protocols":
			list, err := r.values("protocols", e.value)
			if err != nil {
				return t, err
			}
			for _, p := range list {
				t.Protocols = append(t.Protocols, p.Value)
			}
		default:
			flags, err := r.values(e.name, e.value)
			if err != nil {
				return t, err
			}
			t.Flags = append(t.Flags, flags...)
		}
	}
	if t.Data.Path == "" {
		return t, r.errAt(n, "transfer data needs data")
	}
	return t, nil
}

// values reads the value of a flag, or a list of them: numbers are joined as the flag takes them, texts repeat it.
func (r *experimentReader) values(name string, n *yaml.Node) (list []ExperimentFlag, err error) {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	joined := ""
	for _, item := range items {
		if item.Kind != yaml.ScalarNode || item.Tag == "!!null" {
			return nil, r.errAt(item, "%s is no text, number or list of them", name)
		}
		value := item.Value
		if slices.Contains(pathFlags, name) {
			value = r.besideNamed(name, value)
		}
		if len(items) > 1 && name != "seed" && (item.Tag == "!!float" || item.Tag == "!!int") {
			joined += "," + value
			continue
		}
		list = append(list, ExperimentFlag{name, value, item.Line})
	}
	if joined != "" {
		list = append(list, ExperimentFlag{name, joined[1:], n.Line})
	}
	return list, nil
}

// besideNamed is beside for a value that may be NAME=PATH.
func (r *experimentReader) besideNamed(flag, value string) string {
	isNamed := flag == "val" || flag == "constant"
	if name, path, named := strings.Cut(value, "="); named && isNamed && r.beside(value) == value {
		return name + "=" + r.beside(path)
	}
	return r.beside(value)
}

// beside returns a path that is relative to the document's folder. What does not exist there stays as it is, such as a
// name of a label map.
func (r *experimentReader) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	joined := filepath.Join(filepath.Dir(r.path), path)
	if _, err := os.Stat(joined); err != nil {
		return path
	}
	return joined
}

// Explain adds the line of the flag that an error names.
func (e *ExperimentFile) Explain(run ExperimentRun, err error) error {
	flags := slices.Clone(run.Flags)
	for _, t := range run.Transfers {
		flags = append(flags, t.Flags...)
	}
	line := 0
	for _, f := range flags {
		if err != nil && regexp.MustCompile("-"+regexp.QuoteMeta(f.Name)+"[ :]").MatchString(err.Error()+" ") {
			line = f.Line
		}
	}
	where := e.Path
	if line > 0 {
		where = fmt.Sprintf("%s: line %d", e.Path, line)
	}
	if fault.KindOf(err) == fault.Usage && line > 0 {
		return fault.Inputf("%s: %w", where, err)
	}
	return withPath(where+": "+run.Name, err)
}
