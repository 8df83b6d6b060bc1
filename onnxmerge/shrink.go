package onnxmerge

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Shrink says by how much a linear mix of running variances divides activations too much, compared with the mix of
// standard deviations (see [Statistics]).
type Shrink struct {
	Norms int `json:"norms"` // running variances that are mixed
	// Factor is the product, along the path of operators on which it is largest, of each normalisation's median over
	// channels of sqrt((1-alpha) v0 + alpha v1) / ((1-alpha) sqrt(v0) + alpha sqrt(v1)). It is 1 for equal variances.
	Factor float64 `json:"factor"`
}

// shrink compares the two ways of mixing running variances of the first and the last model at alpha. Normalisations in
// bodies of control flow and in functions count as if they were not there.
func (p *planner) shrink(alpha float64) (Shrink, error) {
	s := Shrink{Factor: 1}
	factors := map[*onnx.Tensor]float64{}
	for i := range p.decisions {
		d := &p.decisions[i]
		if d.Action != Merge || !d.isVariance {
			continue
		}
		f, err := d.shrink(alpha)
		if err != nil {
			return s, fmt.Errorf("tensor %q: %w", d.Tensor, err)
		}
		factors[d.b] = f
		s.Norms++
	}
	if s.Norms == 0 {
		return s, nil
	}
	g := p.finetuned.Graph
	at := map[string]float64{} // the product up to each value
	for i := range g.Nodes {
		n := &g.Nodes[i]
		product := 1.
		for _, name := range n.Inputs {
			product = max(product, at[name])
		}
		if n.Op() == "BatchNormalization" && len(n.Inputs) > 4 {
			if f, ok := factors[p.finetuned.LookupIn(g.Scope, n.Inputs[4])]; ok {
				product *= f
			}
		}
		for _, name := range n.Outputs {
			at[name] = product
		}
		s.Factor = max(s.Factor, product)
	}
	return s, nil
}

// notable is the factor from which the text gives it: activations that were 2 % too small cost nothing that was
// measured.
const notable = 1.02

// String says what the factor means; "" without running variances.
func (s Shrink) String() string {
	if s.Norms == 0 {
		return ""
	}
	text := fmt.Sprintf("%d running variances are mixed linearly", s.Norms)
	if s.Factor >= notable {
		text += fmt.Sprintf(", which divides activations by up to %.2f too much", s.Factor)
	}
	return text + ": --norm-statistics std mixes standard deviations"
}

// findShrink compares the ways of mixing running variances if the merge interpolates two models linearly.
func (p *planner) findShrink() (err error) {
	p.norms = Shrink{}
	alpha, ok := p.params["alpha"].(float64)
	if p.method.Name != "linear" || !ok || len(p.models) != 2 || p.opt.Statistics == Deviations {
		return nil
	}
	p.norms, err = p.shrink(alpha)
	return err
}

// shrink returns the median over channels of one running variance.
func (d *decision) shrink(alpha float64) (float64, error) {
	inputs := d.inputs()
	var values [2][]float64
	for i, in := range []input{inputs[0], inputs[len(inputs)-1]} {
		var err error
		if values[i], err = in.numbers(d.b.Len()); err != nil {
			return 0, err
		}
	}
	var factors []float64
	for c, v0 := range values[0] {
		v1 := values[1][c]
		f := math.Sqrt((1-alpha)*v0+alpha*v1) / ((1-alpha)*math.Sqrt(v0) + alpha*math.Sqrt(v1))
		if isFinite(f) {
			factors = append(factors, f)
		}
	}
	if len(factors) == 0 {
		return 1, nil
	}
	return median(factors), nil
}
