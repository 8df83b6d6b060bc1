package align

import (
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
)

// Enter implements [flow.Visitor]: the entry holds the operands. States of a loop have one shape in all iterations as
// far as axes are permuted; scanned values are divided and joined, which is not followed.
func (w *walker) Enter(n *onnx.Node, operands []*value) *value {
	if n.Op() != "If" && n.Op() != "Loop" {
		for _, v := range operands {
			w.freezeAll(v, label(n)+", whose body is not followed")
		}
	}
	return &value{items: operands}
}

// BodyInput implements [flow.Visitor].
func (w *walker) BodyInput(at flow.Body[*value], i int, constant *value) *value {
	if constant != nil {
		return constant
	}
	if at.Node.Op() != "Loop" || i < 2 || i >= len(at.Entry.items) {
		return w.declared(at.Node.Subgraphs[at.Index].Inputs[i], label(at.Node))
	}
	state := at.Entry.items[i]
	if state == nil || !state.ranked {
		return &value{lost: label(at.Node) + ", whose state has an unknown shape"}
	}
	return same(state)
}

// Capture implements [flow.Visitor]. A branch that is never taken gets values of its own, so that it unites nothing.
func (w *walker) Capture(at flow.Body[*value], outer *value) *value {
	if outer == nil || !w.isDead(at.Node, at.Entry, at.Index) {
		return outer
	}
	apart := &value{ranked: outer.ranked, numbers: outer.numbers, lost: outer.lost}
	for _, x := range outer.axes {
		apart.axes = append(apart.axes, w.add(w.size(x)))
	}
	return apart
}

// isDead reports whether a branch of an If is never taken, because the condition is known: exporters ask for the number
// of axes.
func (w *walker) isDead(n *onnx.Node, entry *value, branch int) bool {
	if n.Op() != "If" || len(entry.items) == 0 || entry.items[0] == nil {
		return false
	}
	condition, ok := known(entry.items[0].numbers)
	return ok && len(condition) == 1 && (condition[0] != 0) != strings.HasSuffix(n.Subgraphs[branch].Scope, "then_branch")
}

// Leave implements [flow.Visitor]: branches of an If have the same axes, and so have the states of a Loop before and
// after.
func (w *walker) Leave(n *onnx.Node, entry *value, results [][]*value) []*value {
	switch n.Op() {
	case "If":
		return w.leaveIf(n, entry, results)
	case "Loop":
		return w.leaveLoop(n, entry, results[0])
	}
	return w.opaqueResults(n, results)
}

// opaqueResults freezes what bodies return.
func (w *walker) opaqueResults(n *onnx.Node, results [][]*value) []*value {
	for _, list := range results {
		for _, v := range list {
			w.freezeAll(v, label(n)+", whose body is not followed")
		}
	}
	out := make([]*value, len(n.Outputs))
	for i := range out {
		out[i] = &value{lost: label(n) + ", whose body is not followed"}
	}
	return out
}

func (w *walker) leaveIf(n *onnx.Node, entry *value, results [][]*value) []*value {
	out := make([]*value, len(n.Outputs))
	for b, list := range results {
		if w.isDead(n, entry, b) {
			continue
		}
		for k := range min(len(out), len(list)) {
			if out[k] == nil {
				out[k] = list[k]
				continue
			}
			out[k] = w.same(out[k], list[k], label(n))
		}
	}
	for k := range out {
		if out[k] == nil {
			out[k] = &value{lost: label(n)}
		}
	}
	return out
}

// same unites the axes of two values, which one of two operators computes; if they differ in rank both are frozen.
func (w *walker) same(a, b *value, reason string) *value {
	if !a.ranked || !b.ranked || len(a.axes) != len(b.axes) {
		reason += ", whose branches differ in shape"
		if lost := a.lost + b.lost; a.lost == "" || b.lost == "" {
			reason = max(lost, reason)
		}
		w.freezeAll(a, reason)
		w.freezeAll(b, reason)
		return &value{lost: reason}
	}
	for i := range a.axes {
		w.unite(a.axes[i], b.axes[i], reason)
	}
	return same(a)
}

// leaveLoop unites states; the lists that a Loop collects have a further axis.
func (w *walker) leaveLoop(n *onnx.Node, entry *value, results []*value) []*value {
	states := len(entry.items) - 2
	out := make([]*value, len(n.Outputs))
	for k := range out {
		out[k] = &value{lost: label(n)}
		if k+1 >= len(results) || results[k+1] == nil {
			continue
		}
		v := results[k+1]
		switch {
		case k < states && entry.items[k+2] != nil:
			out[k] = w.same(entry.items[k+2], v, label(n))
		case v.ranked:
			out[k] = of(append([]int{w.addFrozen(unknown, positional+label(n))}, v.axes...)...)
		}
	}
	return out
}
