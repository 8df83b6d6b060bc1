package main

import (
	"cmp"
	"math"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

func outFlag(dst *string, usage string) *option[string] { return define(dst, "out", usage).alias("o") }

func forceFlag(dst *bool, usage string) definition { return define(dst, "force", usage).env() }

func splitFlag(dst *string) definition {
	return define(dst, "split", "part of the data: train, test, …").env()
}

func foldNormsFlag(dst *bool) definition {
	return define(dst, "fold", "fold affine operators that only one model has (BatchNormalization, scales), in memory").
		alias("fold-bn").env()
}

func pairFlag(dst *[]string) definition {
	return define(dst, "pair", "state that `A_NAME=B_NAME` are one weight of the first and the last model; "+
		"may be repeated; proved by running, except with --prove=false")
}

func backboneFlag(dst *string) cli.Flag {
	return define(dst, "backbone-output", "the `TENSOR` that the head consumes: weights behind it are kept").
		shown("found").env().flag("Merging:")
}

func baseWeightsFlag(dst *string) definition {
	return define(dst, "base-weights", "the `CHECKPOINT` that the ONNX model was exported from: it proves which tensor of a "+
		"checkpoint among the models is which weight").shown("names and nearness decide").env()
}

func libraryFlag(dst *string) definition {
	return define(dst, "onnxruntime", "the shared `LIBRARY` to use").
		shown("found, or installed once into the cache folder").env()
}

// selectionOptions are flags that select the weights to merge. They do not depend on the method.
type selectionOptions struct {
	wiseft.MergeOptions
	memory     string
	pairs      []string
	statistics string
}

func (o *selectionOptions) flags() []cli.Flag {
	return section("Merging:",
		define(&o.Include, "include", "merge only tensors that match `PATTERN`; may be repeated"),
		define(&o.Exclude, "exclude", "keep tensors that match `PATTERN` from the fine-tuned model; may be repeated"),
		foldNormsFlag(&o.FoldNorms),
		pairFlag(&o.pairs),
		define(&o.statistics, "norm-statistics", "how running variances of BatchNormalizations are mixed: `RULE` linear, or "+
			"std, which mixes standard deviations; in sweep also linear,std").shown("linear; in sweep and soup std").env(),
		define(&o.AllowNonfinite, "allow-nonfinite", "keep the fine-tuned model's elements where one is NaN or infinite "+
			"and not the same in all models").env(),
		define(&o.RequireComplete, "require-complete",
			"fail if weights before the head are kept without being excluded").env(),
		memoryFlag(&o.memory),
	)
}

// memoryFlag is the flag of what a command's buffers may take.
func memoryFlag(dst *string) definition {
	return define(dst, "memory", "what buffers may take: `SIZE`").or("256MiB").env()
}

func (o *selectionOptions) options() (m wiseft.MergeOptions, err error) {
	m = o.MergeOptions
	m.Statistics = onnxmerge.Statistics(o.statistics)
	if m.Pairs, err = parsePairs(o.pairs); err != nil {
		return m, err
	}
	m.MemoryBytes, err = parseSize("memory", o.memory)
	return m, err
}

// parsePairs reads A_NAME=B_NAME. A name may contain =, if it does so in both models.
func parsePairs(list []string) ([]onnxmerge.GivenPair, error) {
	var pairs []onnxmerge.GivenPair
	for _, text := range list {
		parts := strings.Split(text, "=")
		if len(parts)%2 != 0 {
			return nil, usagef("--pair %s is not A_NAME=B_NAME", text)
		}
		half := len(parts) / 2
		pairs = append(pairs, onnxmerge.GivenPair{A: strings.Join(parts[:half], "="), B: strings.Join(parts[half:], "=")})
	}
	return pairs, nil
}

// mergeOptions are flags of what is merged, and how.
type mergeOptions struct {
	selectionOptions
	recipe      string
	params, set []string
}

func (o *mergeOptions) flags() []cli.Flag {
	return append(section("Merging:",
		define(&o.Method, "method", "merge method; see wiseft list methods").or("linear").env(),
		define(&o.params, "param", "`NAME=VALUE` of the method: 0.5, or 1,0.5 for each model, or [0,0.5,1] over depth; "+
			"may be repeated"),
		define(&o.set, "set", "`MATCH=VALUE` or MATCH:NAME=VALUE for tensors by glob, re:REGEX, op:Conv or depth:0-0.5; "+
			"may be repeated"),
		define(&o.Extrapolate, "extrapolate", "allow alpha outside of 0 to 1").env(),
		baseWeightsFlag(&o.BaseWeights),
	), o.selectionOptions.flags()...)
}

// pairArguments are the models of a merge.
var pairArguments = atLeast("PRETRAINED", "FINETUNED")

// job returns the models and the options of a merge, from the command line, which names what takes says, or from the recipe
// of --recipe. Models on the command line replace the recipe's.
func (o *mergeOptions) job(c *call, takes arguments) (models []string, m wiseft.MergeOptions, err error) {
	if o.recipe != "" {
		return o.recipeJob(c)
	}
	if err := takes.check(c); err != nil {
		return nil, m, err
	}
	if m, err = o.selectionOptions.options(); err != nil {
		return nil, m, err
	}
	m.Params, m.Set, err = o.parameters()
	return c.args, m, err
}

// parameters parses --param and --set.
func (o *mergeOptions) parameters() (method.Params, []onnxmerge.Override, error) {
	how, err := method.Lookup(o.Method)
	if err != nil {
		return nil, nil, err
	}
	params := method.Params{}
	for _, p := range o.params {
		name, text, ok := strings.Cut(p, "=")
		if !ok {
			return nil, nil, usagef("--param %s is not NAME=VALUE", p)
		}
		if params[name], err = parseParam(how, name, text); err != nil {
			return nil, nil, err
		}
	}
	var set []onnxmerge.Override
	for _, s := range o.set {
		override, err := parseSet(how, s)
		if err != nil {
			return nil, nil, err
		}
		set = append(set, override)
	}
	return params, set, nil
}

// recipeFlags are the flags that --recipe excludes, because the recipe has their values.
var recipeFlags = []string{
	"method", "param", "set", "alpha", "include", "exclude", "fold", "pair", "backbone-output", "extrapolate", "fisher",
	"norm-statistics", "allow-nonfinite", "base-weights", "adapter",
}

func (o *mergeOptions) recipeJob(c *call) (models []string, m wiseft.MergeOptions, err error) {
	for _, flag := range recipeFlags {
		if c.IsSet(flag) {
			return nil, m, usagef("--%s and --recipe exclude each other", flag).WithHint("write it into the recipe")
		}
	}
	r, err := wiseft.ReadRecipe(o.recipe)
	if err != nil {
		return nil, m, err
	}
	for _, note := range r.Notes {
		c.note(o.recipe + ": " + note)
	}
	models, m = r.Models, r.Merge
	for _, files := range [][]string{models, m.Fisher} {
		if err := c.fetchAll(c.Context.Context, files); err != nil {
			return nil, m, err
		}
	}
	m.RequireComplete = o.RequireComplete
	if m.Statistics == "" {
		m.Statistics = onnxmerge.Linear // a recipe says all, for every command
	}
	if len(c.args) > 0 && m.Adapters != nil {
		return nil, m, usagef("%s has adapters, and models on the command line would replace those that they belong to", o.recipe).
			WithHint("write the models into the recipe")
	}
	if len(c.args) > 0 {
		models = c.args
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
	wiseft.WriteOptions
	external, shardSize string
}

func (o *storageOptions) flags() []cli.Flag {
	return section("",
		define(&o.external, "external", "payloads in files beside the model: `WHEN` is always, never, auto "+
			"(as the file that is written has it, and beyond 2 GiB), or safetensors (always, as a safetensors file)").or("auto").env(),
		define(&o.shardSize, "shard-size", "with --external always or safetensors: begin a new data file beyond `SIZE`").env(),
		define(&o.NoProvenance, "no-provenance", "do not write into the model how it was made").env(),
		forceFlag(&o.Force, "replace an existing output"),
		noSyncFlag(&o.NoSync),
	)
}

func noSyncFlag(dst *bool) definition {
	return define(dst, "no-sync", "do not wait until the output is on the disk: faster, for an output that can be made "+
		"again after a power failure").env()
}

func (o *storageOptions) options() (w wiseft.WriteOptions, err error) {
	layouts := map[string]onnx.Layout{"auto": onnx.Keep, "always": onnx.Outside, "never": onnx.Inside,
		"safetensors": onnx.Packed}
	w = o.WriteOptions
	var known bool
	if w.DataFiles, known = layouts[o.external]; !known {
		return w, usagef("--external %s is none of always, never, auto, safetensors", o.external)
	}
	if o.shardSize != "" {
		if w.DataFiles != onnx.Outside && w.DataFiles != onnx.Packed {
			return w, usagef("--shard-size needs --external always or safetensors")
		}
		w.ShardBytes, err = parseSize("shard-size", o.shardSize)
	}
	return w, err
}

// runtimeOptions are flags of how models run.
type runtimeOptions struct {
	wiseft.RuntimeOptions
	tensor  string
	memory  string
	threads string // the default of --threads, as help shows it; "" = one per core
}

func (o *runtimeOptions) flags() []cli.Flag {
	return section("Running models:",
		define(&o.tensor, "output", "the `TENSOR` to take as features; any tensor of the model").
			alias("backbone-output").shown("its only output, or the one named features").env(),
		define(&o.Device, "device", "cpu, cuda or cuda:N; a GPU that does not work is an error").or("cpu").env(),
		define(&o.Threads, "threads", "`N` threads of one forward pass").shown(cmp.Or(o.threads, "one per core")).env(),
		define(&o.Batch, "batch", "`N` samples per forward pass").shown("8, or 32 on a GPU").env(),
		define(&o.TrustBatch, "trust-batch", "do not check that features are the same in another batch").env(),
		define(&o.memory, "model-memory", "models beyond this `SIZE` run from files: cut and merged ones from the folder for "+
			"temporary files").or("1GiB").env(),
		libraryFlag(&o.Library),
	)
}

// options returns the library's options. It refuses --batch 0, which in them is the default.
func (o *runtimeOptions) options(c *call) (wiseft.RuntimeOptions, error) {
	if c.IsSet("batch") && o.Batch == 0 {
		return o.RuntimeOptions, usagef("--batch must be at least 1")
	}
	opt := o.RuntimeOptions
	var err error
	opt.ModelMemory, err = parseSize("model-memory", o.memory)
	return opt, err
}

// poolOptions are flags of how a tensor of several positions becomes one row of features.
type poolOptions struct{ pool wiseft.Pooling }

func (o *poolOptions) flags() []cli.Flag {
	return section("Features:",
		define(&o.pool.Mode, "pool", "one row a sample from a tensor with several positions: `MODE` is mean, max, cls (the "+
			"first), last, flatten (side by side) or none (features alone: all axes stay)").
			shown("fixed axes are flattened, others refused").env(),
		define(&o.pool.FeatureAxis, "feature-axis", "the axis `N` that --pool leaves; the batch is axis 0").
			shown("the last of three, 1 of four").env(),
		define(&o.pool.Mask, "pool-mask", "the `INPUT` that is 1 at the positions that --pool takes, !INPUT if it is 0 there, or "+
			"none").shown("attention_mask, if the model has it").env(),
	)
}

// dataOptions are flags of how samples are prepared. They apply to all data of a command.
type dataOptions struct {
	wiseft.Data
	layout    string
	inputs    []string
	constants []string
}

func (o *dataOptions) flags() []cli.Flag {
	return section("Data:",
		define(&o.Points, "points", "`N` points of each cloud").shown("all").env(),
		define(&o.Pad, "pad", "clouds with fewer points: none refuses them, repeat draws points of theirs again; texts and other sequences of different lengths: "+
			"VALUE or VALUE:MASK fills a batch up, and the input MASK (attention_mask, if the model has it) marks what was added").or("none").env(),
		define(&o.DropNaN, "drop-nan", "leave out points that are NaN, such as holes of organised clouds").env(),
		define(&o.Sample, "sample", "which points: first, random, fps (farthest points, from the first on) or fps-random "+
			"(from a random one on)").or("first").env(),
		define(&o.Normalize, "normalize", "none, unit-sphere or unit-box; imagenet for images").or("none").env(),
		define(&o.Resize, "resize", "scale images to `N` pixels on the shorter side").shown("as they are").env(),
		define(&o.Interpolation, "interpolation", "how --resize scales: bilinear or bicubic, with Pillow's levels").or("bilinear").env(),
		define(&o.Crop, "crop", "cut the middle `N` x N pixels out of images").shown("all").env(),
		define(&o.EXIF, "exif", "turn images as their EXIF orientation says").shown("as stored, as PyTorch's loaders do").env(),
		define(&o.Axes, "axes", "which input axis each axis takes: xzy swaps y and z").or("xyz").env(),
		define(&o.layout, "layout", "auto, bnc (batch, points, 3) or bcn; auto reads it from the model").or("auto").env(),
		define(&o.inputs, "input", "the `ARRAY` of the samples, or NAME=ARRAY for the model's input NAME; NAME= leaves out an "+
			"optional one; may be repeated").shown("found by names and shapes"),
		define(&o.constants, "constant", "`NAME=VALUE` gives the model's input NAME the same with every sample: a number, zeros, a "+
			"list as [1,2], or FILE.npy; may be repeated"),
		targetFlag(&o.Target),
		define(&o.Format, "format", "the data's `FORMAT`").shown("recognised from its contents").env(),
		define(&o.Labels, "labels", "label `MAP`: a name of wiseft list labels, or a JSON file").
			shown("labels as they are").env(),
		define(&o.Seed, "seed", "`SEED` of everything random").env(),
	)
}

// at returns the data at a path, with the preparation of the flags; "" is no data.
func (o *dataOptions) at(path string) wiseft.Data {
	if path == "" {
		return wiseft.Data{}
	}
	d := o.Data
	d.Path, d.Inputs, d.Constants = path, parseInputs(o.inputs), parseInputs(o.constants)
	return d
}

func targetFlag(dst *string) definition {
	return define(dst, "target", "the `ARRAY` or column of the labels, or a file with them; a name in the data wins").
		shown("found by names and shapes").env()
}

// partFlags are flags of what is read of a file of features.
func partFlags(o *wiseft.FeatureOptions) []cli.Flag {
	return section("Features of other tools:",
		define(&o.Input, "input", "the `ARRAY`, column or pattern of columns (f_*) with the features").
			shown("found by names and shapes").env(),
		targetFlag(&o.Target),
		define(&o.Split, "split", "of a file with several, such as X_train and X_test").shown("train or test, by its role").
			env(),
	)
}

// parseInputs reads ARRAY or NAME=ARRAY, and NAME=VALUE alike. An input that is named twice stays as a second one, which is
// refused later.
func parseInputs(list []string) map[string]string {
	inputs := map[string]string{}
	for _, text := range list {
		name, array, named := strings.Cut(text, "=")
		if !named {
			name, array = "", text
		}
		if _, twice := inputs[name]; twice {
			name = text
		}
		inputs[name] = array
	}
	return inputs
}

// parseSize reads a flag such as 256MiB.
func parseSize(flag, text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return 0, usagef("--%s %s is not a size", flag, text).WithHint("write it as 256MiB or 2GiB")
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
