package main

import (
	"slices"
	"strings"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/fit"
)

// setHeads sets which heads are fitted: the first is Probe, and the others are further ones.
func (o *measureOptions) setHeads(c *call, m *wiseft.MeasureOptions) error {
	if o.headInit != "" && o.headInit != "zero" && o.headInit != "finetuned" {
		return usagef("--head-init %s is neither zero nor finetuned", o.headInit)
	}
	if o.score.Command != "" && (len(o.heads) > 0 || o.headInit != "") {
		return usagef("--score measures the model's own outputs, and so has no use for --head and --head-init")
	}
	if slices.Contains(o.heads, "own") {
		if m.OwnHead = true; len(o.heads) > 1 || o.headInit == "finetuned" {
			return usagef("--head own fits no probe; the own head is scored beside probes anyway")
		}
		return nil
	}
	var heads []wiseft.Head
	for _, name := range o.heads {
		h, err := o.head(name, m.Probe)
		if err != nil {
			return err
		}
		heads = append(heads, h)
	}
	if len(heads) == 0 {
		heads = []wiseft.Head{{Probe: m.Probe, FromOwn: o.headInit == "finetuned"}}
	}
	for i := range heads {
		if heads[i].FromOwn && !c.IsSet("hidden") {
			heads[i].Probe.Hidden = nil // the sizes of the own head
		}
	}
	m.Probe, m.FromOwn, m.Heads = heads[0].Probe, heads[0].FromOwn, heads[1:]
	return nil
}

// head reads probe, probe:SOLVER or probe:SOLVER:finetuned. opt are the options of the flags.
func (o *measureOptions) head(name string, opt fit.Options) (wiseft.Head, error) {
	h := wiseft.Head{Name: name, Probe: opt, FromOwn: o.headInit == "finetuned"}
	parts := strings.Split(name, ":")
	if parts[0] != "probe" || len(parts) > 3 || len(parts) == 3 && parts[2] != "finetuned" && parts[2] != "zero" {
		return h, usagef("--head %s is none of probe, probe:SOLVER, probe:SOLVER:finetuned, own", name)
	}
	if len(parts) > 1 {
		if _, err := fit.LookupSolver(parts[1]); err != nil {
			return h, usagef("there is no solver %s", parts[1]).WithHint("see wiseft list solvers")
		}
		h.Probe.Solver = parts[1]
	}
	if len(parts) > 2 {
		h.FromOwn = parts[2] == "finetuned"
	}
	return h, nil
}
