package wiseft

import (
	"cmp"
	"context"
	"fmt"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx/surgery"
	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/fit"
)

// addHead lets the variants of a sweep compute the class scores of their own head beside the features, if the head has
// the classes of the training data.
func (o MeasureOptions) addHead(ctx context.Context, v *mergeVariant, tensor string) error {
	if o.OwnHead {
		return nil
	}
	if o.Pool.Mode != "" {
		o.Monitor.note("the model's own head is not scored: it does not take pooled features")
		return nil
	}
	cut, heads, err := surgery.CutBoth(v.last.Model, tensor)
	if err != nil || heads == 0 {
		return err
	}
	classes, err := o.Train.asSplit("train").classes(ctx)
	if err != nil {
		return err
	}
	if classes != heads {
		o.Monitor.note(fmt.Sprintf("the model's own head has %d classes, and the training data %d: it is not scored",
			heads, classes))
		return nil
	}
	v.cut, v.classes = cut, heads
	return nil
}

// Head is a head that is fitted to the features of every model.
type Head struct {
	Name  string // in results
	Probe fit.Options
	// FromOwn starts the fit from the fine-tuned model's own head, whose layers it must have; with no Probe.Hidden it has
	// them. It is for sweeps alone.
	FromOwn bool
}

// addProbes adds the further heads to a plan, without their starts.
func (o MeasureOptions) addProbes(plan *bench.Plan) {
	for _, h := range o.Heads {
		opt := h.Probe
		opt.Tol = cmp.Or(opt.Tol, SweepTol)
		plan.Probes = append(plan.Probes, bench.Probe{Name: h.Name, Fit: opt})
	}
}

// startsFromOwn reports whether a fit starts from a model's own head.
func (o MeasureOptions) startsFromOwn() bool {
	for _, h := range o.Heads {
		if h.FromOwn {
			return true
		}
	}
	return o.FromOwn
}

// addStarts sets where the fits of a plan start: at the layers that follow the features in the model that was written
// last.
func (o MeasureOptions) addStarts(ctx context.Context, plan *bench.Plan, last *Model) (err error) {
	if !o.startsFromOwn() {
		return nil
	}
	classes, err := o.Train.asSplit("train").classes(ctx)
	if err != nil {
		return err
	}
	if o.FromOwn {
		if plan.Start, err = startAt(last, plan.Tensor, classes, &plan.Fit); err != nil {
			return err
		}
	}
	for i, h := range o.Heads {
		if !h.FromOwn {
			continue
		}
		if plan.Probes[i].Start, err = startAt(last, plan.Tensor, classes, &plan.Probes[i].Fit); err != nil {
			return err
		}
	}
	return nil
}

// startAt reads a model's own head as the start of a fit, and sets the sizes of hidden layers that the options leave
// open.
func startAt(m *Model, tensor string, classes int, opt *fit.Options) (*fit.Classifier, error) {
	cl, err := m.ownHead(tensor, cmp.Or(opt.Solver, fit.DefaultSolver))
	if err != nil {
		return nil, aboutModel(m.path, err)
	}
	if len(cl.Classes) != classes {
		return nil, fault.Mismatchf("%s: its own head has %d classes, and the training data %d, so that no fit starts there",
			m.path, len(cl.Classes), classes)
	}
	if opt.Hidden == nil && len(cl.Layers) > 1 {
		for _, l := range cl.Layers[:len(cl.Layers)-1] {
			opt.Hidden = append(opt.Hidden, len(l.B))
		}
	}
	return cl, nil
}

// ownHead reads a model's own head as a classifier that a solver can start from: all its layers for mlp, else the linear
// layer that it is.
func (m *Model) ownHead(tensor, solver string) (*fit.Classifier, error) {
	s, err := fit.LookupSolver(solver)
	if err != nil {
		return nil, err
	}
	if s.Start == "" {
		return nil, fault.Usagef("the solver %s takes no start", solver).WithHint("leave out --head-init")
	}
	var layers []surgery.HeadLayer
	if solver == "mlp" {
		if layers, err = surgery.ReadHead(m.Model, tensor); err != nil {
			return nil, err
		}
		if len(layers) < 2 {
			return nil, fault.Mismatchf("the own head is one linear layer, and the solver mlp has hidden ones").
				WithHint("start a solver without hidden layers there, such as logistic")
		}
	} else {
		c, err := surgery.FindClassifier(m.Model, tensor)
		if err != nil {
			return nil, err
		}
		layer, err := c.Read()
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	cl := &fit.Classifier{Dim: len(layers[0].Weight) / len(layers[0].Bias),
		Classes: make([]string, len(layers[len(layers)-1].Bias))}
	for _, l := range layers {
		cl.Layers = append(cl.Layers, fit.Layer{W: l.Weight, B: l.Bias, Act: fit.Activation(l.Activation)})
	}
	return cl, nil
}
