package report

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"
)

// modelAxis is an axis with one position per model: the value of its only parameter, or its index.
type modelAxis struct {
	name       string // of the parameters
	continuous bool
	at         []float64
	labels     []string // abbreviated
}

func newModelAxis(r *result.Result) *modelAxis {
	names := paramNames(r)
	a := &modelAxis{name: strings.Join(names, ", "), continuous: len(names) == 1 && len(r.Models) > 1}
	for i, m := range r.Models {
		a.at, a.labels = append(a.at, float64(i)), append(a.labels, shorten(label(m)))
		a.continuous = a.continuous && len(m.Params) == 1
	}
	if a.continuous {
		for i, m := range r.Models {
			a.at[i] = m.Params[0].Value
		}
	}
	return a
}

// apply sets a plot's axis.
func (a *modelAxis) apply(p *plot.Plot) {
	x := newExtent()
	x.include(a.at...)
	if a.continuous {
		p.X.Min, p.X.Max = x.widened(0.02, 0.02, 1e-9)
		return
	}
	const most = 12
	p.X.Min, p.X.Max = x.low-0.5, x.high+0.5
	step := (len(a.at) + most - 1) / most
	var ticks plot.ConstantTicks
	long := 0
	for i := 0; i < len(a.at); i += step {
		ticks = append(ticks, plot.Tick{Value: a.at[i], Label: a.labels[i]})
		long = max(long, len(a.labels[i]))
	}
	p.X.Tick.Marker = ticks
	if long*len(ticks) > 60 {
		p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = 0.5, draw.XRight, draw.YTop
	}
}

// applySmall sets the axis of a small plot. Models at their index are numbered.
func (a *modelAxis) applySmall(p *plot.Plot) {
	a.apply(p)
	p.X.Tick.Label.Rotation, p.X.Tick.Label.XAlign = 0, draw.XCenter
	p.X.Tick.Marker = plot.TickerFunc(fewTicks)
	if a.continuous {
		return
	}
	p.X.Label.Text = "model"
	step := (len(a.at) + 5) / 6
	var ticks plot.ConstantTicks
	for i := 0; i < len(a.at); i += step {
		ticks = append(ticks, plot.Tick{Value: a.at[i], Label: fmt.Sprint(i + 1)})
	}
	p.X.Tick.Marker = ticks
}
