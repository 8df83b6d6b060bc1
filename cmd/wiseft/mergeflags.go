package main

import (
	"fmt"
	"math"
	"runtime"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/graph"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

// mergeFlags choose what is merged, and how.
func mergeFlags() []cli.Flag {
	const category = "Merging:"
	return append([]cli.Flag{
		&cli.StringFlag{Name: "method", Value: "linear", Usage: "merge method; see wiseft list methods", EnvVars: []string{"WISEFT_METHOD"}, Category: category},
		&cli.StringSliceFlag{Name: "param", Usage: "`NAME=VALUE` of the method: 0.5, or 1,0.5 for each model, or [0,0.5,1] over depth; may be repeated", Category: category},
		&cli.StringSliceFlag{Name: "set", Usage: "`MATCH=VALUE` or MATCH:NAME=VALUE for tensors by glob, re:REGEX, op:Conv or depth:0-0.5; may be repeated", Category: category},
		&cli.BoolFlag{Name: "extrapolate", Usage: "allow alpha outside of 0 to 1", EnvVars: []string{"WISEFT_EXTRAPOLATE"}, Category: category},
	}, selectionFlags()...)
}

// selectionFlags choose what is merged, whatever the method is.
func selectionFlags() []cli.Flag {
	const category = "Merging:"
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "include", Usage: "merge only tensors that match `PATTERN`; may be repeated", Category: category},
		&cli.StringSliceFlag{Name: "exclude", Usage: "keep tensors that match `PATTERN` from the fine-tuned model; may be repeated", Category: category},
		&cli.BoolFlag{Name: "fold-bn", Usage: "fold BatchNormalizations that only one model has, in memory", EnvVars: []string{"WISEFT_FOLD_BN"}, Category: category},
		&cli.StringFlag{Name: "memory", Value: "256MiB", Usage: "what buffers may take: `SIZE`", EnvVars: []string{"WISEFT_MEMORY"}, Category: category},
	}
}

// storageFlags choose where payloads go; see [call.storage].
func storageFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "external", Value: "auto", Usage: "payloads in files beside the model: `WHEN` is always, never, or auto (as the file that is written has it, and beyond 2 GiB)",
			EnvVars: []string{"WISEFT_EXTERNAL"}},
		&cli.StringFlag{Name: "shard-size", Usage: "with --external always: begin a new data file beyond `SIZE`", EnvVars: []string{"WISEFT_SHARD_SIZE"}},
		&cli.BoolFlag{Name: "no-provenance", Usage: "do not write into the model how it was made", EnvVars: []string{"WISEFT_NO_PROVENANCE"}},
		&cli.BoolFlag{Name: "force", Usage: "replace an existing output", EnvVars: []string{"WISEFT_FORCE"}},
	}
}

func backboneFlag() cli.Flag {
	return &cli.StringFlag{Name: "backbone-output", Usage: "the `TENSOR` that the head consumes: weights behind it are kept", DefaultText: "found", EnvVars: []string{"WISEFT_BACKBONE_OUTPUT"}, Category: "Merging:"}
}

// storage reads the flags of where payloads go.
func (c *call) storage() (graph.WriteOptions, error) {
	layouts := map[string]graph.Layout{"auto": graph.Keep, "always": graph.Outside, "never": graph.Inside}
	layout, ok := layouts[c.String("external")]
	if !ok {
		return graph.WriteOptions{}, usageError{msg: fmt.Sprintf("--external %s is none of always, never, auto", c.String("external"))}
	}
	opt := graph.WriteOptions{Layout: layout}
	if c.String("shard-size") != "" {
		if layout != graph.Outside {
			return opt, usageError{msg: "--shard-size needs --external always"}
		}
		var err error
		if opt.ShardBytes, err = c.size("shard-size"); err != nil {
			return opt, err
		}
	}
	return opt, nil
}

// size reads a flag such as 256MiB.
func (c *call) size(flag string) (int64, error) {
	n, err := humanize.ParseBytes(c.String(flag))
	if err != nil || n == 0 || n > math.MaxInt64 {
		return 0, usageError{msg: fmt.Sprintf("--%s %s is no size", flag, c.String(flag)), hint: "write it as 256MiB or 2GiB"}
	}
	return int64(n), nil
}

// mergeOptions reads the flags of merging. Params has what --param says.
func (c *call) mergeOptions() (onnxmerge.Options, error) {
	opt, err := c.selection()
	if err != nil {
		return opt, err
	}
	opt.Method, opt.Params, opt.Extrapolate = c.String("method"), method.Params{}, c.Bool("extrapolate")
	m, err := method.Lookup(opt.Method)
	if err != nil {
		return opt, err
	}
	for _, p := range c.StringSlice("param") {
		name, text, ok := strings.Cut(p, "=")
		if !ok {
			return opt, usageError{msg: fmt.Sprintf("--param %s is not NAME=VALUE", p)}
		}
		if opt.Params[name], err = parseParam(m, name, text); err != nil {
			return opt, err
		}
	}
	for _, s := range c.StringSlice("set") {
		o, err := parseSet(m, s)
		if err != nil {
			return opt, err
		}
		opt.Set = append(opt.Set, o)
	}
	return opt, nil
}

// selection reads the flags of what is merged.
func (c *call) selection() (opt onnxmerge.Options, err error) {
	opt = onnxmerge.Options{Workers: runtime.NumCPU(), Include: c.StringSlice("include"), Exclude: c.StringSlice("exclude"),
		FoldNorms: c.Bool("fold-bn")}
	opt.Memory, err = c.size("memory")
	return opt, err
}

func parseParam(m method.Method, name, text string) (any, error) {
	param, err := m.Param(name)
	if err != nil {
		return nil, err
	}
	return param.Parse(text)
}

// parseSet reads MATCH=VALUE or MATCH:NAME=VALUE. Tensor names may hold colons, so what
// follows one is a name only if the method has such a parameter.
func parseSet(m method.Method, text string) (onnxmerge.Override, error) {
	at := strings.LastIndex(text, "=")
	if at < 1 || len(m.Params) == 0 {
		return onnxmerge.Override{}, usageError{msg: fmt.Sprintf("--set %s is not MATCH=VALUE with a parameter of method %s", text, m.Name)}
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
