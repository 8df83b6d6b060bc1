package wiseft

import (
	"cmp"
	"math"
	"strconv"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/fit"
)

// check refuses options that have no use.
func (o AttachOptions) check(classifier string) error {
	switch {
	case (classifier == "") == (o.Weights == ""):
		return fault.Usagef("a head is a probe or a matrix of weights: name one of P.npz and --weights W.npy")
	case o.Weights == "" && (o.Unit || o.Scale != 0):
		return fault.Usagef("--unit-features and --scale are for --weights; a probe has them in its own weights")
	case math.IsNaN(o.Scale) || math.IsInf(o.Scale, 0) || o.Scale < 0:
		return fault.Usagef("--scale %v is no positive number", o.Scale)
	}
	return nil
}

// read returns the probe of a file, or the one that a matrix of weights is.
func (o AttachOptions) read(classifier string) (*fit.Classifier, error) {
	if o.Weights == "" {
		return ReadClassifier(classifier)
	}
	a, err := datasets.ReadArray(o.Weights)
	if err != nil {
		return nil, err
	}
	if len(a.Shape) != 2 || a.Shape[0] < 2 || a.Shape[1] < 1 || a.Type.Size() == 0 {
		return nil, fault.Inputf("%s: has %s of shape %v, want numbers [classes values], of two classes or more", o.Weights, a.Type,
			a.Shape)
	}
	if bad := a.NonFinite(); bad >= 0 {
		return nil, fault.Inputf("%s: class %d has the weight %v", o.Weights, bad/int(a.Shape[1]), a.Float64s()[bad])
	}
	classes, dim := int(a.Shape[0]), int(a.Shape[1])
	cl, layer := &fit.Classifier{Dim: dim}, fit.Layer{B: make([]float64, classes)}
	for _, w := range a.Float64s() {
		layer.W = append(layer.W, float32(w*cmp.Or(o.Scale, 1)))
	}
	cl.Layers = []fit.Layer{layer}
	for class := range classes {
		cl.Classes = append(cl.Classes, strconv.Itoa(class))
	}
	return cl, nil
}
