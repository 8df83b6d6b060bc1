package wiseft

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/adapter"
	"github.com/wiseft/wiseft/onnxmerge/mapping"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/recipe"
)

// Adapter names a LoRA adapter and the factor of its delta.
type Adapter = recipe.Adapter

// ParseAdapter reads PATH:SCALE, or PATH with the scale 1.
func ParseAdapter(text string) (Adapter, error) { return recipe.ParseAdapter(text) }

// AddAdapters sets the options so that adapters are merged into a model, and returns the models of the merge. With the default
// method the sum of all deltas is added to the model; with another each adapter is a fine-tuned model of its own. Options that
// do not apply to adapters are an error of kind Usage.
func (o *MergeOptions) AddAdapters(base string, list []Adapter) (models []string, err error) {
	if _, given := o.Params["alpha"]; given && isLinear(o.Method) {
		return nil, fault.Usagef("alpha does not apply to adapters: the number behind an adapter scales its delta").
			WithHint("--adapter %s:0.5", list[0].Path)
	}
	if !isLinear(o.Method) {
		models, o.Adapters = []string{base}, [][]Adapter{nil}
		for _, a := range list {
			models, o.Adapters = append(models, base), append(o.Adapters, []Adapter{a})
		}
		return models, nil
	}
	if len(o.Include) > 0 || len(o.Exclude) > 0 {
		return nil, fault.Usagef("include and exclude do not apply to adapters: what is not merged is as in the fine-tuned model, which " +
			"has the adapters").
			WithHint("--set 'PATTERN=0' keeps the model's own weights there")
	}
	params := method.Params{"alpha": 1.0}
	for name, v := range o.Params {
		params[name] = v
	}
	o.Params, o.Adapters = params, [][]Adapter{nil, list}
	return []string{base, base}, nil
}

func isLinear(method string) bool { return cmp.Or(method, "linear") == "linear" }

// adapterFlags returns the adapters whose flags, with the first of the models, make the same merge; false if no flags do.
func (o MergeOptions) adapterFlags(models []string) ([]Adapter, bool) {
	list := slices.Concat(o.Adapters...)
	if len(list) == 0 {
		return nil, true
	}
	again := MergeOptions{Method: o.Method}
	same, err := again.AddAdapters(models[0], list)
	return list, err == nil && slices.Equal(same, models) && (!isLinear(o.Method) || o.Params["alpha"] == 1.0) &&
		slices.EqualFunc(again.Adapters, o.Adapters, slices.Equal[[]Adapter])
}

// AddedAdapter is an adapter that was added to a model of a merge.
type AddedAdapter struct {
	Model string  `json:"model"`
	Path  string  `json:"path"`
	Scale float64 `json:"scale"`
}

// added returns the adapters with their models.
func (o MergeOptions) added(models []string) (list []AddedAdapter) {
	for i, model := range models {
		for _, a := range o.adaptersOf(i) {
			list = append(list, AddedAdapter{model, a.Path, a.Scale})
		}
	}
	return list
}

// adaptersOf returns the adapters of a model of the merge.
func (o MergeOptions) adaptersOf(i int) []Adapter {
	if i < len(o.Adapters) {
		return o.Adapters[i]
	}
	return nil
}

// configFile is the configuration in a folder of PEFT.
const configFile = "adapter_config.json"

// weightsFiles are the names of the tensors in such a folder; older versions of PEFT save a PyTorch checkpoint.
var weightsFiles = []string{"adapter_model.safetensors", "adapter_model.bin"}

// loadedAdapter is an adapter that is open for reading.
type loadedAdapter struct {
	*Checkpoint // with the file of the configuration among its files
	scaled      adapter.Scaled
}

// openAdapter opens an adapter. Errors name the path.
func openAdapter(a Adapter) (_ *loadedAdapter, err error) {
	path := a.Path
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		i := slices.IndexFunc(weightsFiles, func(name string) bool { return fileExists(filepath.Join(path, name)) })
		if i < 0 {
			return nil, fault.Inputf("%s: the folder has no %s", path, strings.Join(weightsFiles, " or ")).
				WithHint("name the folder that PEFT's save_pretrained wrote, or a file with kohya's names")
		}
		path = filepath.Join(path, weightsFiles[i])
	}
	c, err := OpenCheckpoint(path)
	if err != nil {
		return nil, err
	}
	c.path = a.Path
	l := &loadedAdapter{c, adapter.Scaled{Scale: a.Scale}}
	var config []byte
	if beside := filepath.Join(filepath.Dir(path), configFile); !adapter.IsKohya(c.Checkpoint) && fileExists(beside) {
		config, err = c.readConfig(beside)
	}
	if err == nil {
		l.scaled.Adapter, err = adapter.Open(c.Checkpoint, config)
	}
	if err != nil {
		return nil, errors.Join(withPath(a.Path, err), c.Close())
	}
	return l, nil
}

// readConfig reads a file beside a checkpoint and adds it to the checkpoint's files.
func (c *Checkpoint) readConfig(path string) ([]byte, error) {
	f, size, err := c.add(path, path)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, min(size, adapter.MaxConfig+1)))
}

// bindAdapters finds what the model's tensors are made from, and adds the adapters to that: to the checkpoint that the model was
// exported from, or without one to the tensors that have the names of the adapters' layers.
func (a *application) bindAdapters(ctx context.Context) error {
	var list []adapter.Scaled
	var names []string
	for _, l := range a.adapters {
		list, names = append(list, l.scaled), append(names, l.path)
	}
	all := strings.Join(names, ", ")
	if a.from == nil {
		own, err := mapping.Own(a.model.Model)
		if err != nil {
			return withPath(a.model.path, err)
		}
		applied, err := adapter.Apply(own, list, adapter.Options{Orientation: func(name string) (bool, bool) {
			return mapping.StoredTransposed(a.model.Model, name)
		}})
		if err != nil {
			return withPath(a.model.path+" and "+all, err)
		}
		a.notes = append(a.notes, applied.Notes...)
		named := mapping.Named(a.model.Model, applied.Changed)
		named.Limits = a.opt.limits()
		a.bound, err = named.Bind(ctx, own, applied.Checkpoint)
		return withPath(all, err)
	}
	applied, err := adapter.Apply(a.from.Checkpoint, list, adapter.Options{})
	if err != nil {
		return withPath(a.from.path+" and "+all, err)
	}
	found, err := mapping.Find(ctx, a.model.Model, a.from.Checkpoint, a.opt.limits())
	if err != nil {
		return withPathOf(a.model.path, err, a.from)
	}
	if a.bound, err = found.Bind(ctx, a.from.Checkpoint, applied.Checkpoint); err != nil {
		return withPathOf(all, err, a.from)
	}
	a.notes = append(a.notes, applied.Notes...)
	return a.noteAbsent(applied.Changed, all)
}

// noteAbsent says which tensors that the adapters change the model does not have, as an encoder does not have the decoder's. An
// adapter all of whose tensors are absent is an error.
func (a *application) noteAbsent(changed []string, adapters string) error {
	var absent []string
	for _, name := range changed {
		if slices.Contains(a.bound.Unused, name) {
			absent = append(absent, name)
		}
	}
	switch {
	case len(absent) == len(changed) && len(a.bound.Mapped) > 0:
		return fault.Mismatchf("%s: has none of the %d tensors that %s changes: %s", a.model.path, len(changed), adapters,
			strings.Join(absent, ", "))
	case len(absent) > 0:
		a.notes = append(a.notes, fmt.Sprintf("%s does not have %d of the %d tensors that %s changes, which are left out: %s", a.model.path,
			len(absent), len(changed), adapters, strings.Join(absent, ", ")))
	}
	return nil
}

// baseName returns the last part of a path, of "." too.
func baseName(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		path = full
	}
	return filepath.Base(path)
}
