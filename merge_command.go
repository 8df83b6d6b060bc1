package wiseft

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
)

// Command returns the command line that merges models with these options, as a POSIX shell reads it; "" if a parameter
// has a value that no flag can have, such as a gradient for one of several models, or data is the caller's own. Without
// provenance the output has the bytes that a sweep measures.
func (o MergeOptions) Command(models []string, out string) string {
	c := commandLine{words: slices.Concat([]string{"wiseft", "merge"}, models)}
	c.text("method", o.Method, "linear")
	for _, name := range slices.Sorted(maps.Keys(o.Params)) {
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
	if o.MemoryBytes != 0 && o.MemoryBytes != defaultMemory {
		c.add("--memory", strconv.FormatInt(o.MemoryBytes, 10))
	}
	c.flag("prove", o.Prove != nil)
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

// repair adds the flags of a repair.
func (c *commandLine) repair(o RepairOptions) {
	d := o.Data
	c.add("--repair", d.Path)
	c.text("repair-mode", o.Mode, "auto")
	c.number("repair-samples", o.Samples)
	c.number("points", d.Points)
	c.text("sample", d.Sample, "first")
	c.text("normalize", d.Normalize, "none")
	c.number("resize", d.Resize)
	c.number("crop", d.Crop)
	c.text("axes", d.Axes, "xyz")
	c.flag("drop-nan", d.DropNaN)
	c.text("format", d.Format, "")
	c.text("layout", o.Layout, "auto")
	if o.Seed != 0 {
		c.add("--seed", fmt.Sprint(o.Seed))
	}
	c.impossible = c.impossible || d.Set != nil
}
