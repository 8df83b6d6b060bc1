package fit

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/fit/internal/dense"
	"github.com/wiseft/wiseft/probe/internal/npz"
	"gonum.org/v1/gonum/floats"
)

// Activation is the function that a layer applies to its outputs.
type Activation string

// The activations.
const (
	Identity Activation = ""     // nothing
	ReLU     Activation = "relu" // max(0, x)
	Step     Activation = "step" // 1 where x > 0, else 0
)

// Layer is an affine map followed by an activation: act(W x + B).
type Layer struct {
	W   []float32 // outputs x inputs, row-major
	B   []float64 // one per output; for features far from 0, float32 would lose what the classes differ by
	Act Activation
}

// Inputs returns the number of values that the layer takes.
func (l Layer) Inputs() int { return len(l.W) / len(l.B) }

func (l Layer) check(inputs int) error {
	if len(l.B) == 0 || len(l.W) != inputs*len(l.B) {
		return fmt.Errorf("has %d weights and %d intercepts for %d inputs", len(l.W), len(l.B), inputs)
	}
	if npz.FirstNonFinite(l.W) >= 0 || npz.FirstNonFinite(l.B) >= 0 {
		return fmt.Errorf("holds NaN or infinity")
	}
	if l.Act != Identity && l.Act != ReLU && l.Act != Step {
		return fmt.Errorf("has the activation %q; there are relu and step", l.Act)
	}
	return nil
}

// paddedLayer is a layer in float64, padded for package dense.
type paddedLayer struct {
	w         []float64 // rows x width
	b         []float64 // rows
	in, out   int
	rows      int // out, padded
	width     int // in, padded
	act       Activation
	nextWidth int // the next layer's width, or out
}

func padLayers(layers []Layer) []paddedLayer {
	padded := make([]paddedLayer, len(layers))
	for i, l := range layers {
		p := paddedLayer{in: l.Inputs(), out: len(l.B), act: l.Act}
		p.rows, p.width = dense.PadRows(p.out), dense.PadCols(p.in)
		p.w, p.b = make([]float64, p.rows*p.width), make([]float64, p.rows)
		copy(p.b, l.B)
		for c := range l.B {
			for j, v := range l.W[c*p.in : (c+1)*p.in] {
				p.w[c*p.width+j] = float64(v)
			}
		}
		p.nextWidth = p.out
		if i > 0 {
			padded[i-1].nextWidth = p.width
		}
		padded[i] = p
	}
	return padded
}

// apply returns the layer's outputs for n rows x of the padded width, with rows of
// nextWidth.
func (p *paddedLayer) apply(x []float64, n int) []float64 {
	m := dense.PadRows(n)
	raw, out := make([]float64, m*p.rows), make([]float64, m*p.nextWidth)
	dense.MulTrans(raw, x, p.w, m, p.rows, p.width)
	for i := range n {
		row := out[i*p.nextWidth : i*p.nextWidth+p.out]
		floats.AddTo(row, raw[i*p.rows:i*p.rows+p.out], p.b[:p.out])
		p.act.apply(row)
	}
	return out
}

func (a Activation) apply(row []float64) {
	switch a {
	case ReLU:
		for i, v := range row {
			row[i] = max(0, v)
		}
	case Step:
		for i, v := range row {
			row[i] = 0
			if v > 0 {
				row[i] = 1
			}
		}
	}
}

// forward sets dst (n x classes) to the outputs of the last layer for the rows x.
func forward(dst []float64, layers []paddedLayer, x []float32, n int) {
	first := layers[0]
	h := make([]float64, dense.PadRows(n)*first.width)
	for i := range n {
		dense.Widen(h[i*first.width:], x[i*first.in:(i+1)*first.in])
	}
	for i := range layers {
		h = layers[i].apply(h, n)
	}
	copy(dst, h[:len(dst)])
}
