package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
)

// hasRepair reports whether a repair moved tensors.
func hasRepair(w *result.Weights) bool {
	return w.Repair != nil && slices.ContainsFunc(w.Repair.Layers, func(m result.RepairMove) bool { return m.Moved != nil })
}

// repairPlot draws how far a repair moved tensors, over depth.
func repairPlot(w *result.Weights) *plot.Plot {
	moved := &result.Weights{}
	for _, m := range w.Repair.Layers {
		if m.Tensor != "" {
			moved.Layers = append(moved.Layers, result.Layer{Tensor: m.Tensor, Action: "merge", Depth: m.Depth, Elements: m.Elements, Moved: m.Moved})
		}
	}
	return layersPlot(moved, "|repaired − mixed| / |mixed|, %", func(l result.Layer) *float64 { return inPercent(l.Moved) })
}

// repairSheet lists the tensors that a repair moved most, and places that it only measured.
func repairSheet(r *result.Result) sheet {
	if r.Weights == nil || r.Weights.Repair == nil {
		return sheet{}
	}
	s := sheet{ID: "repair", Title: "What the repair moved", Head: []string{"tensor", "depth", "moved, %", "deviation / goal"},
		Caption: "Of " + printable(r.Weights.Model) + ", mode " + r.Weights.Repair.Mode +
			": |repaired − mixed| / |mixed|; deviation / goal: of the activations before the repair, median over channels, 1 needs none"}
	list := slices.Clone(r.Weights.Repair.Layers)
	value := func(m result.RepairMove) float64 {
		if m.Moved == nil {
			return -1
		}
		return *m.Moved
	}
	slices.SortStableFunc(list, func(a, b result.RepairMove) int { return cmp.Compare(value(b), value(a)) })
	for _, m := range list[:min(len(list), maxMoved)] {
		name := m.Tensor
		if name == "" {
			name = m.Place + " (measured)"
		}
		s.Rows = append(s.Rows, row{Cells: []string{name, fmt.Sprintf("%.2f", m.Depth), numberOr(inPercent(m.Moved), "%.3g"),
			fmt.Sprintf("%.3f", m.Factor)}})
	}
	if n := len(list) - len(s.Rows); n > 0 {
		s.Caption = join(s.Caption, fmt.Sprintf("%d more are in the JSON file", n))
	}
	return s
}
