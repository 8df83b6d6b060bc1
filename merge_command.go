package wiseft

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

// Command returns the command line that merges models with these options, as a POSIX shell reads it; "" if a parameter
// has a value that no flag can have, such as a gradient for one of several models, or data is the caller's own. Without
// provenance the output has the bytes that a sweep measures.
func (o MergeOptions) Command(models []string, out string) string {
	adapters, asFlags := o.adapterFlags(models)
	named := models
	if len(adapters) > 0 {
		named = models[:1]
	}
	c := commandLine{words: slices.Concat([]string{"wiseft", "merge"}, named), impossible: !asFlags}
	c.text("method", o.Method, "linear")
	for _, a := range adapters {
		c.add("--adapter", a.String())
	}
	for _, name := range slices.Sorted(maps.Keys(o.Params)) {
		if name == "alpha" && len(adapters) > 0 && isLinear(o.Method) {
			continue // 1, as adapters have it
		}
		if name == "alpha" {
			c.add("--alpha", c.value(o.Params[name]))
			continue
		}
		c.add("--param", name+"="+c.value(o.Params[name]))
	}
	for _, set := range o.Set {
		for _, name := range slices.Sorted(maps.Keys(set.Params)) {
			c.add("--set", set.Match+":"+name+"="+c.value(set.Params[name]))
		}
	}
	c.flag("extrapolate", o.Extrapolate)
	c.list("include", o.Include)
	c.list("exclude", o.Exclude)
	c.flag("fold", o.FoldNorms)
	for _, p := range o.Pairs {
		c.add("--pair", p.A+"="+p.B)
		c.impossible = c.impossible || p.Transposed
	}
	c.text("norm-statistics", string(o.Statistics), string(onnxmerge.Linear))
	c.flag("allow-nonfinite", o.AllowNonfinite)
	c.text("backbone-output", o.BackboneOutput, "")
	c.list("fisher", o.Fisher)
	c.text("base-weights", o.BaseWeights, "")
	if o.MemoryBytes != 0 && o.MemoryBytes != defaultMemory {
		c.add("--memory", strconv.FormatInt(o.MemoryBytes, 10))
	}
	c.flag("prove", o.Prove != nil)
	if o.Align != nil {
		c.align(*o.Align, o.Repair)
	}
	if o.Repair != nil {
		c.repair(*o.Repair)
	}
	c.add("--no-provenance", "-o", out)
	if c.impossible {
		return ""
	}
	return text.ShellWords(c.words)
}

// commandLine is a command line in the making.
type commandLine struct {
	words      []string
	impossible bool // a value cannot be written
}

func (c *commandLine) add(words ...string) { c.words = append(c.words, words...) }

// text adds a flag, unless it has its default.
func (c *commandLine) text(name, value, missing string) {
	if value != "" && value != missing {
		c.add("--"+name, value)
	}
}

func (c *commandLine) number(name string, value int) {
	if value != 0 {
		c.add("--"+name, strconv.Itoa(value))
	}
}

func (c *commandLine) flag(name string, set bool) {
	if set {
		c.add("--" + name)
	}
}

func (c *commandLine) list(name string, values []string) {
	for _, v := range values {
		c.add("--"+name, v)
	}
}

// value writes the value of a parameter.
func (c *commandLine) value(v any) string {
	written, err := method.Format(v)
	c.impossible = c.impossible || err != nil
	return written
}

// align adds the flags of an alignment. The preparation of samples is that of the repair's, if there is one.
func (c *commandLine) align(o AlignOptions, repair *RepairOptions) {
	c.add("--align", o.By)
	if o.By == "weights" {
		return
	}
	if repair == nil || repair.Data.Path != o.Data.Path {
		c.add("--align-data", o.Data.Path)
	}
	c.number("align-samples", o.Samples)
	c.number("align-draws", o.Draws)
	if repair == nil {
		c.prepared(o.Data, o.Layout, o.Seed)
	}
}

// repair adds the flags of a repair.
func (c *commandLine) repair(o RepairOptions) {
	c.add("--repair", o.Data.Path)
	c.text("repair-mode", o.Mode, "auto")
	c.number("repair-samples", o.Samples)
	if size := o.Runtime.ModelMemory; size > DefaultModelMemory {
		c.add("--model-memory", fmt.Sprint(size))
	}
	c.prepared(o.Data, o.Layout, o.Seed)
}

// prepared adds the flags that prepare samples.
func (c *commandLine) prepared(d Data, layout string, seed uint64) {
	c.number("points", d.Points)
	c.text("sample", d.Sample, "first")
	c.text("normalize", d.Normalize, "none")
	c.number("resize", d.Resize)
	c.number("crop", d.Crop)
	c.text("interpolation", d.Interpolation, datasets.DefaultInterpolation)
	c.text("axes", d.Axes, "xyz")
	c.flag("drop-nan", d.DropNaN)
	c.text("pad", d.Pad, "none")
	c.flag("exif", d.EXIF)
	c.list("input", assigned(d.Inputs))
	c.list("constant", assigned(d.Constants))
	c.text("format", d.Format, "")
	c.text("layout", layout, "auto")
	if seed != 0 {
		c.add("--seed", fmt.Sprint(seed))
	}
	c.impossible = c.impossible || d.Set != nil
}
