package main

import (
	"math"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Every command has one struct of options, which its flags fill through their destinations. Flags whose text must be
// parsed have a field of the same name for the text; a method of the struct returns the library's options.

func outFlag(dst *string, usage string) cli.Flag {
	return &cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: usage, Destination: dst}
}

func forceFlag(dst *bool, usage string) cli.Flag {
	return &cli.BoolFlag{Name: "force", Usage: usage, EnvVars: []string{"WISEFT_FORCE"}, Destination: dst}
}

func splitFlag(dst *string) cli.Flag {
	return &cli.StringFlag{Name: "split", Usage: "part of the data: train, test, …", EnvVars: []string{"WISEFT_SPLIT"}, Destination: dst}
}

// selectionOptions are flags of which weights are merged, whatever the method is.
type selectionOptions struct {
	include, exclude cli.StringSlice
	memory           string
	foldNorms        bool
}

func (o *selectionOptions) flags() []cli.Flag {
	const category = "Merging:"
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "include", Usage: "merge only tensors that match `PATTERN`; may be repeated", Category: category, Destination: &o.include},
		&cli.StringSliceFlag{Name: "exclude", Usage: "keep tensors that match `PATTERN` from the fine-tuned model; may be repeated", Category: category, Destination: &o.exclude},
		&cli.BoolFlag{Name: "fold-bn", Usage: "fold BatchNormalizations that only one model has, in memory", EnvVars: []string{"WISEFT_FOLD_BN"}, Category: category, Destination: &o.foldNorms},
		&cli.StringFlag{Name: "memory", Value: "256MiB", Usage: "what buffers may take: `SIZE`", EnvVars: []string{"WISEFT_MEMORY"}, Category: category, Destination: &o.memory},
	}
}

func (o *selectionOptions) options() (m wiseft.MergeOptions, err error) {
	m = wiseft.MergeOptions{Include: o.include.Value(), Exclude: o.exclude.Value(), FoldNorms: o.foldNorms}
	m.MemoryBytes, err = parseSize("memory", o.memory)
	return m, err
}

// mergeOptions are flags of what is merged, and how.
type mergeOptions struct {
	selectionOptions
	method, recipe, backbone string
	params, set, fisher      cli.StringSlice
	extrapolate              bool
}

func (o *mergeOptions) flags() []cli.Flag {
	const category = "Merging:"
	return append([]cli.Flag{
		&cli.StringFlag{Name: "method", Value: "linear", Usage: "merge method; see wiseft list methods", EnvVars: []string{"WISEFT_METHOD"}, Category: category, Destination: &o.method},
		&cli.StringSliceFlag{Name: "param", Usage: "`NAME=VALUE` of the method: 0.5, or 1,0.5 for each model, or [0,0.5,1] over depth; may be repeated", Category: category, Destination: &o.params},
		&cli.StringSliceFlag{Name: "set", Usage: "`MATCH=VALUE` or MATCH:NAME=VALUE for tensors by glob, re:REGEX, op:Conv or depth:0-0.5; may be repeated", Category: category, Destination: &o.set},
		&cli.BoolFlag{Name: "extrapolate", Usage: "allow alpha outside of 0 to 1", EnvVars: []string{"WISEFT_EXTRAPOLATE"}, Category: category, Destination: &o.extrapolate},
	}, o.selectionOptions.flags()...)
}

func backboneFlag(dst *string) cli.Flag {
	return &cli.StringFlag{Name: "backbone-output", Usage: "the `TENSOR` that the head consumes: weights behind it are kept", DefaultText: "found",
		EnvVars: []string{"WISEFT_BACKBONE_OUTPUT"}, Category: "Merging:", Destination: dst}
}

// job returns the models of a merge and its options: those of the flags, or those of the recipe that they name, whose
// models those on the command line replace.
func (o *mergeOptions) job(c *call) (models []string, m wiseft.MergeOptions, err error) {
	if o.recipe != "" {
		return o.recipeJob(c)
	}
	if models = c.Args().Slice(); len(models) < 2 {
		_, err := c.args("PRETRAINED", "FINETUNED")
		return nil, m, err
	}
	if m, err = o.selectionOptions.options(); err != nil {
		return nil, m, err
	}
	m.Method, m.Extrapolate, m.BackboneOutput, m.Fisher = o.method, o.extrapolate, o.backbone, o.fisher.Value()
	m.Params, m.Set, err = o.parameters()
	return models, m, err
}

// parameters parses --param and --set.
func (o *mergeOptions) parameters() (method.Params, []onnxmerge.Override, error) {
	how, err := method.Lookup(o.method)
	if err != nil {
		return nil, nil, err
	}
	params := method.Params{}
	for _, p := range o.params.Value() {
		name, text, ok := strings.Cut(p, "=")
		if !ok {
			return nil, nil, usagef("--param %s is not NAME=VALUE", p)
		}
		if params[name], err = parseParam(how, name, text); err != nil {
			return nil, nil, err
		}
	}
	var set []onnxmerge.Override
	for _, s := range o.set.Value() {
		override, err := parseSet(how, s)
		if err != nil {
			return nil, nil, err
		}
		set = append(set, override)
	}
	return params, set, nil
}

func (o *mergeOptions) recipeJob(c *call) ([]string, wiseft.MergeOptions, error) {
	for _, flag := range []string{"method", "param", "set", "alpha", "include", "exclude", "fold-bn", "backbone-output", "extrapolate", "fisher"} {
		if c.IsSet(flag) {
			return nil, wiseft.MergeOptions{}, usagef("--%s and --recipe exclude each other", flag).WithHint("write it into the recipe")
		}
	}
	r, err := wiseft.ReadRecipe(o.recipe)
	if err != nil {
		return nil, wiseft.MergeOptions{}, err
	}
	for _, note := range r.Notes {
		c.say(o.recipe + ": " + note)
	}
	models, m := r.Models, r.Merge
	if c.Args().Present() {
		models = c.Args().Slice()
	}
	if len(models) < 2 {
		return nil, m, usagef("%s names %d models, and a merge takes two or more", o.recipe, len(models)).
			WithHint("name them in the recipe (models:) or on the command line")
	}
	m.MemoryBytes, err = parseSize("memory", o.memory)
	return models, m, err
}

// storageOptions are flags of how a model is written.
type storageOptions struct {
	external, shardSize string
	noProvenance, force bool
}

func (o *storageOptions) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "external", Value: "auto", Usage: "payloads in files beside the model: `WHEN` is always, never, or auto (as the file that is written has it, and beyond 2 GiB)",
			EnvVars: []string{"WISEFT_EXTERNAL"}, Destination: &o.external},
		&cli.StringFlag{Name: "shard-size", Usage: "with --external always: begin a new data file beyond `SIZE`", EnvVars: []string{"WISEFT_SHARD_SIZE"}, Destination: &o.shardSize},
		&cli.BoolFlag{Name: "no-provenance", Usage: "do not write into the model how it was made", EnvVars: []string{"WISEFT_NO_PROVENANCE"}, Destination: &o.noProvenance},
		forceFlag(&o.force, "replace an existing output"),
	}
}

func (o *storageOptions) options() (w wiseft.WriteOptions, err error) {
	layouts := map[string]onnx.Layout{"auto": onnx.Keep, "always": onnx.Outside, "never": onnx.Inside}
	layout, ok := layouts[o.external]
	if !ok {
		return w, usagef("--external %s is none of always, never, auto", o.external)
	}
	w = wiseft.WriteOptions{Layout: layout, NoProvenance: o.noProvenance, Force: o.force}
	if o.shardSize != "" {
		if layout != onnx.Outside {
			return w, usagef("--shard-size needs --external always")
		}
		w.ShardBytes, err = parseSize("shard-size", o.shardSize)
	}
	return w, err
}

// runtimeOptions are flags of how models run.
type runtimeOptions struct {
	wiseft.RuntimeOptions
	tensor string
}

func (o *runtimeOptions) flags() []cli.Flag {
	const category = "Running models:"
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"backbone-output"}, Usage: "the `TENSOR` to take as features; any tensor of the model", DefaultText: "its only output, or the one named features", EnvVars: []string{"WISEFT_OUTPUT"}, Category: category, Destination: &o.tensor},
		&cli.StringFlag{Name: "device", Value: "cpu", Usage: "cpu, cuda or cuda:N; a GPU that does not work is an error", EnvVars: []string{"WISEFT_DEVICE"}, Category: category, Destination: &o.Device},
		&cli.IntFlag{Name: "threads", Usage: "`N` threads of one forward pass", DefaultText: "one per core", EnvVars: []string{"WISEFT_THREADS"}, Category: category, Destination: &o.Threads},
		&cli.IntFlag{Name: "batch", Usage: "`N` samples per forward pass", DefaultText: "8, or 32 on a GPU", EnvVars: []string{"WISEFT_BATCH"}, Category: category, Destination: &o.Batch},
		libraryFlag(&o.Library, category),
	}
}

func libraryFlag(dst *string, category string) cli.Flag {
	return &cli.StringFlag{Name: "onnxruntime", Usage: "the shared `LIBRARY` to use", DefaultText: "found, or installed once into the cache folder",
		EnvVars: []string{"WISEFT_ONNXRUNTIME"}, Category: category, Destination: dst}
}

// options refuses --batch 0, which the library takes for the default.
func (o *runtimeOptions) options(c *call) (wiseft.RuntimeOptions, error) {
	if c.IsSet("batch") && o.Batch == 0 {
		return o.RuntimeOptions, usagef("--threads must not be negative, and --batch must be at least 1")
	}
	return o.RuntimeOptions, nil
}

// dataOptions are flags of how samples are prepared. They apply to all data of a command.
type dataOptions struct {
	wiseft.Data
	layout string
}

func (o *dataOptions) flags() []cli.Flag {
	const category = "Data:"
	return []cli.Flag{
		&cli.IntFlag{Name: "points", Usage: "`N` points of each cloud", DefaultText: "all", EnvVars: []string{"WISEFT_POINTS"}, Category: category, Destination: &o.Points},
		&cli.StringFlag{Name: "sample", Value: "first", Usage: "which points: first, random, fps (farthest points, from the first on) or fps-random (from a random one on)", EnvVars: []string{"WISEFT_SAMPLE"}, Category: category, Destination: &o.Sample},
		&cli.StringFlag{Name: "normalize", Value: "none", Usage: "none, unit-sphere or unit-box; imagenet for images", EnvVars: []string{"WISEFT_NORMALIZE"}, Category: category, Destination: &o.Normalize},
		&cli.IntFlag{Name: "resize", Usage: "scale images to `N` pixels on the shorter side", DefaultText: "as they are", EnvVars: []string{"WISEFT_RESIZE"}, Category: category, Destination: &o.Resize},
		&cli.IntFlag{Name: "crop", Usage: "cut the middle `N` x N pixels out of images", DefaultText: "all", EnvVars: []string{"WISEFT_CROP"}, Category: category, Destination: &o.Crop},
		&cli.StringFlag{Name: "axes", Value: "xyz", Usage: "which input axis each axis takes: xzy swaps y and z", EnvVars: []string{"WISEFT_AXES"}, Category: category, Destination: &o.Axes},
		&cli.StringFlag{Name: "layout", Value: "auto", Usage: "auto, bnc (batch, points, 3) or bcn; auto reads it from the model", EnvVars: []string{"WISEFT_LAYOUT"}, Category: category, Destination: &o.layout},
		&cli.StringFlag{Name: "format", Usage: "the data's `FORMAT`", DefaultText: "recognised from its contents", EnvVars: []string{"WISEFT_FORMAT"}, Category: category, Destination: &o.Format},
		&cli.StringFlag{Name: "labels", Usage: "label `MAP`: a name of wiseft list labels, or a JSON file", DefaultText: "labels as they are", EnvVars: []string{"WISEFT_LABELS"}, Category: category, Destination: &o.Labels},
		&cli.Uint64Flag{Name: "seed", Usage: "`SEED` of everything random", EnvVars: []string{"WISEFT_SEED"}, Category: category, Destination: &o.Seed},
	}
}

// at returns the data at a path, prepared as the flags say; "" is no data.
func (o *dataOptions) at(path string) wiseft.Data {
	if path == "" {
		return wiseft.Data{}
	}
	d := o.Data
	d.Path = path
	return d
}

// parseSize reads a flag such as 256MiB.
func parseSize(flag, text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return 0, usagef("--%s %s is no size", flag, text).WithHint("write it as 256MiB or 2GiB")
	}
	return int64(n), nil
}

func parseParam(m method.Method, name, text string) (any, error) {
	param, err := m.Param(name)
	if err != nil {
		return nil, err
	}
	return param.Parse(text)
}

// parseSet reads MATCH=VALUE or MATCH:NAME=VALUE. Names of tensors may have colons, so the text after the last one is
// a parameter's name only if the method has such a parameter.
func parseSet(m method.Method, text string) (onnxmerge.Override, error) {
	at := strings.LastIndex(text, "=")
	if at < 1 || len(m.Params) == 0 {
		return onnxmerge.Override{}, usagef("--set %s is not MATCH=VALUE with a parameter of method %s", text, m.Name)
	}
	match, name := text[:at], m.Params[0].Name
	if colon := strings.LastIndex(match, ":"); colon > 0 {
		if _, err := m.Param(match[colon+1:]); err == nil {
			match, name = match[:colon], match[colon+1:]
		}
	}
	v, err := parseParam(m, name, text[at+1:])
	return onnxmerge.Override{Match: match, Params: method.Params{name: v}}, err
}
