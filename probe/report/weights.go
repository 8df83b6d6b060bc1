package report

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func init() {
	registerPlot(Plot{Name: "weights", Doc: "how far fine-tuning moved the weights, over depth", draw: drawWeights})
}

// WriteWeights draws the weights of two models as "svg" or "png": the plot "weights" without a run.
func WriteWeights(w io.Writer, format string, weights *result.Weights) error {
	return WritePlot(w, "weights", format, &result.Result{Weights: weights})
}

func drawWeights(r *result.Result) (*figure, error) {
	w := r.Weights
	if w == nil || len(w.Layers) == 0 {
		return nil, &EmptyPlotError{"weights", "the weights of its models were not compared"}
	}
	f := &figure{title: "What fine-tuning changed", columns: 2,
		subtitle: "a mark for each tensor, larger for more elements: ● merged, □ copied from the fine-tuned model, × refused"}
	f.panels = append(f.panels,
		panel{"relative distance |b − a| / |a|", layersPlot(w, "distance, %", func(l result.Layer) *float64 { return inPercent(l.RelL2) })},
		panel{"angle between a and b, from the cosine", layersPlot(w, "angle, degrees", angle)})
	if hasMoved(w) {
		f.panels = append(f.panels, panel{"what the method changed", layersPlot(w, "|merged − b| / |a|, %",
			func(l result.Layer) *float64 { return inPercent(l.Moved) })})
	}
	if hasRepair(w) {
		f.panels = append(f.panels, panel{"what the repair moved", repairPlot(w)})
	}
	if hasLayerAlphas(w) {
		f.panels = append(f.panels, panel{"alpha of each tensor", layersPlot(w, "alpha", func(l result.Layer) *float64 { return l.Alpha })})
	}
	f.panels = append(f.panels, panel{"changes of single elements", changesPlot(w)})
	f.arrange(figureWidth*0.72, figureHeight*0.72)
	f.desc = weightsText(w)
	return f, nil
}

// inPercent returns a share in percent; nil for nil.
func inPercent(v *float64) *float64 {
	if v == nil {
		return nil
	}
	x := 100 * *v
	return &x
}

// angle returns the angle of a cosine in degrees.
func angle(l result.Layer) *float64 {
	if l.Cosine == nil {
		return nil
	}
	x := math.Acos(min(max(*l.Cosine, -1), 1)) * 180 / math.Pi
	return &x
}

func hasMoved(w *result.Weights) bool {
	return slices.ContainsFunc(w.Layers, func(l result.Layer) bool { return l.Moved != nil })
}

func hasLayerAlphas(w *result.Weights) bool {
	return slices.ContainsFunc(w.Layers, func(l result.Layer) bool { return l.Alpha != nil })
}

// weightsText sums up the weights in a sentence.
func weightsText(w *result.Weights) string {
	n := map[string]int{}
	var most *result.Layer
	for i, l := range w.Layers {
		n[l.Action]++
		if l.RelL2 != nil && (most == nil || *l.RelL2 > *most.RelL2) {
			most = &w.Layers[i]
		}
	}
	text := fmt.Sprintf("%d tensors are merged, %d copied from the fine-tuned model and %d refused", n["merge"], n["copy"], n["refuse"])
	if most != nil {
		text += fmt.Sprintf("; %s moved most, by %.3g %% of its norm", printable(most.Tensor), 100**most.RelL2)
	}
	if hasMoved(w) {
		mix := "the linear mix with alpha 0.5"
		if w.Model != "" {
			mix = printable(w.Model)
		}
		text += "; what the method changed is that of " + mix
	}
	return text
}

// layersPlot draws a figure of every tensor over depth, from 0 up. Tensors without it are at the bottom.
func layersPlot(w *result.Weights, name string, of func(result.Layer) *float64) *plot.Plot {
	p := newPlot("depth: 0 is the first layer, 1 the last", name)
	p.Y.Tick.Marker = plot.TickerFunc(fewTicks)
	high := 0.0
	for _, l := range w.Layers {
		if v := of(l); v != nil && !math.IsInf(*v, 0) && !math.IsNaN(*v) {
			high = max(high, *v)
		}
	}
	if high == 0 {
		high = 1
	}
	p.X.Min, p.X.Max = -0.04, 1.04
	p.Y.Min, p.Y.Max = -0.08*high, 1.08*high
	p.Add(&layerMarks{w.Layers, name, of})
	return p
}

// layerMarks draws tensors as marks.
type layerMarks struct {
	layers []result.Layer
	name   string
	of     func(result.Layer) *float64
}

// Plot implements plot.Plotter.
func (m *layerMarks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for _, l := range m.layers {
		v, value := 0.0, "not compared"
		if f := m.of(l); f != nil && *f >= p.Y.Min && *f <= p.Y.Max { // false for NaN
			v, value = *f, fmt.Sprintf("%.4g", *f)
		}
		at := vg.Point{X: x(min(max(l.Depth, 0), 1)), Y: y(v)}
		c.DrawGlyph(layerGlyph(l), at)
		addTip(&c, at, fmt.Sprintf("%s: %s %s; %s, %d elements", l.Tensor, m.name, value, l.Action, l.Elements))
	}
}

// layerGlyph returns the mark of a tensor: the size is that of its number of elements.
func layerGlyph(l result.Layer) draw.GlyphStyle {
	radius := vg.Points(1.4 + 0.5*math.Log10(float64(max(l.Elements, 1))))
	switch l.Action {
	case "copy":
		return draw.GlyphStyle{Color: mutedColor, Radius: vg.Points(3), Shape: draw.BoxGlyph{}}
	case "refuse":
		return draw.GlyphStyle{Color: chosenColor, Radius: vg.Points(3.5), Shape: draw.CrossGlyph{}}
	}
	return draw.GlyphStyle{Color: cleanColor, Radius: radius, Shape: draw.CircleGlyph{}}
}

// changesPlot draws the histogram of the changes of single elements.
func changesPlot(w *result.Weights) *plot.Plot {
	p := newPlot("change, in root mean squares of the tensor", "elements, %")
	p.Y.Tick.Marker = plot.TickerFunc(fewTicks)
	total, high := w.Unmoved+w.Unmeasured, 0.0
	for _, n := range w.Changes {
		total += n
	}
	h := &changeBars{total: float64(max(total, 1))}
	add := func(label, text string, n int64) {
		share := 100 * float64(n) / h.total
		high = max(high, share)
		h.bars = append(h.bars, changeBar{share, fmt.Sprintf("%s: %d elements, %.3g %%", text, n, share)})
		h.ticks = append(h.ticks, plot.Tick{Value: float64(len(h.bars) - 1), Label: label})
	}
	add("0", "unchanged", w.Unmoved)
	for i, n := range w.Changes {
		from := math.Pow(10, float64(i)/2-6)
		label := ""
		if i%2 == 0 {
			label = fmt.Sprintf("%.0e", from)
			if i >= 8 {
				label = fmt.Sprintf("%.4g", from)
			}
		}
		text := fmt.Sprintf("from %.2g to %.2g", from, from*math.Sqrt(10))
		switch i {
		case 0:
			text = fmt.Sprintf("below %.2g", from*math.Sqrt(10))
		case len(w.Changes) - 1:
			text = fmt.Sprintf("from %.2g on", from)
		}
		add(label, text, n)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.6, float64(len(h.bars))-0.4, 0, max(1.06*high, 1)
	p.X.Tick.Marker, p.X.Tick.Label.Font = h.ticks, sans(8)
	p.Add(h)
	return p
}

type changeBar struct {
	share float64
	text  string
}

// changeBars are the bars of a histogram.
type changeBars struct {
	bars  []changeBar
	total float64
	ticks plot.ConstantTicks
}

// Plot implements plot.Plotter.
func (h *changeBars) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	for i, b := range h.bars {
		left, right := x(float64(i)-0.42), x(float64(i)+0.42)
		var fill color.Color = cleanColor
		if i == 0 {
			fill = mutedColor
		}
		c.FillPolygon(fill, []vg.Point{{X: left, Y: y(0)}, {X: right, Y: y(0)}, {X: right, Y: y(b.share)}, {X: left, Y: y(b.share)}})
		addTip(&c, vg.Point{X: (left + right) / 2, Y: y(b.share)}, b.text)
	}
}

// weightsSection shows the weights in the page.
func weightsSection(r *result.Result) (section, error) {
	if r.Weights == nil {
		return section{}, nil
	}
	f, err := drawWeights(r)
	if isEmpty(err) {
		return section{}, nil
	}
	if err != nil {
		return section{}, err
	}
	s := section{ID: "section-weights", Title: "Weights"}
	s.Lead = fmt.Sprintf("%s. The plots have %s.", sentence(weightsText(r.Weights)), f.subtitle)
	if s.Figures, err = f.apart("weights", figureWidth*0.8, figureHeight*0.8); err != nil {
		return section{}, err
	}
	s.add(weightsSheet(r), repairSheet(r))
	return s, nil
}

const maxMoved = 12

// weightsSheet lists the tensors that moved most, and those that are not merged.
func weightsSheet(r *result.Result) sheet {
	if r.Weights == nil {
		return sheet{}
	}
	s := sheet{ID: "weights", Title: "Weights that moved most", Head: []string{"tensor", "depth", "elements", "distance, %", "cosine", "changed, %", "what"},
		Caption: "distance: |fine-tuned − pre-trained| / |pre-trained|; changed, by the method: |merged − fine-tuned| / |pre-trained|; depth: 0 is the first layer, 1 the last"}
	if hasLayerAlphas(r.Weights) {
		s.Head = append(s.Head, "alpha")
	}
	moved, rest := splitLayers(r.Weights)
	shown := append(moved[:min(len(moved), maxMoved):min(len(moved), maxMoved)], rest[:min(len(rest), maxMoved)]...)
	for _, l := range shown {
		cells := []string{l.Tensor, fmt.Sprintf("%.2f", l.Depth), fmt.Sprint(l.Elements), numberOr(inPercent(l.RelL2), "%.3g"),
			numberOr(l.Cosine, "%.5f"), numberOr(inPercent(l.Moved), "%.3g"), l.Action}
		if l.Action != "merge" {
			cells[6] += ": " + l.Reason
		}
		if len(s.Head) > 7 {
			cells = append(cells, numberOr(l.Alpha, "%.4g"))
		}
		s.Rows = append(s.Rows, row{Cells: cells})
	}
	if n := len(r.Weights.Layers) - len(shown); n > 0 {
		s.Caption = join(s.Caption, fmt.Sprintf("%d more tensors are in the JSON file", n))
	} else {
		s.Caption = join(s.Caption)
	}
	return s
}

func numberOr(v *float64, format string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}

// splitLayers returns the merged tensors, the one that moved most first, and the others.
func splitLayers(w *result.Weights) (moved, rest []result.Layer) {
	for _, l := range w.Layers {
		if l.RelL2 == nil {
			rest = append(rest, l)
			continue
		}
		moved = append(moved, l)
	}
	slices.SortStableFunc(moved, func(a, b result.Layer) int { return cmp.Compare(*b.RelL2, *a.RelL2) })
	return moved, rest
}
