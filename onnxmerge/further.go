package onnxmerge

import (
	"cmp"
	"context"
	"fmt"
	"reflect"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// ModelsError reports too few models, or models and files that the method does not take.
type ModelsError struct{ msg string }

func (e *ModelsError) Error() string { return e.msg }

// Kind implements the kinds of package fault.
func (*ModelsError) Kind() fault.Kind { return fault.Usage }

// checkFisher demands a Fisher information for each model if the method takes them, and none if it does not.
func checkFisher(how method.Method, models, fisher int) error {
	switch {
	case how.Fisher && fisher != models:
		return &ModelsError{fmt.Sprintf("method %s needs a Fisher information for each of %d models, and there are %d",
			how.Name, models, fisher)}
	case !how.Fisher && fisher > 0:
		return &ModelsError{fmt.Sprintf("method %s takes no Fisher information", how.Name)}
	}
	return nil
}

// inputs returns all files that a merge reads: the models, then their Fisher informations.
func (p *planner) inputs() []*onnx.Model {
	return append(append([]*onnx.Model(nil), p.models...), p.opt.Fisher...)
}

// ordinal names a model between the first and the last, by its index.
func ordinal(i int) string {
	switch i {
	case 1:
		return "second"
	case 2:
		return "third"
	}
	return fmt.Sprintf("%dth", i+1)
}

// joinFurther pairs the other models with the fine-tuned one, and combines all pairs of a tensor into one decision: it
// is refused if one of them is, and merged if all are.
func (p *planner) joinFurther(ctx context.Context) error {
	for i, m := range p.models[1 : len(p.models)-1] {
		name := ordinal(i + 1)
		q := &planner{pretrained: m, finetuned: p.finetuned, models: p.models, opt: p.opt}
		q.opt.Pairs = nil // they are with the first model
		if err := q.pair(ctx); err != nil {
			return fmt.Errorf("%s model: %w", name, err)
		}
		p.others = append(p.others, q)
		for _, w := range q.warnings {
			p.addWarning("the %s model: %s", name, w)
		}
		missing := 0
		for k := range p.decisions {
			if p.decisions[k].join(q.decisions[k], name) {
				missing++
			}
		}
		if missing > 0 {
			p.addWarning("%d weights that the pre-trained and the fine-tuned model share are "+
				"not in the %s model, and are kept from the fine-tuned one", missing, name)
		}
	}
	return p.joinFisher(ctx)
}

// join adds the pair with a further model. missing reports that the tensor is not merged because that model lacks it.
func (d *decision) join(x decision, model string) (missing bool) {
	switch {
	case d.Action == Refuse:
	case x.Action == Refuse:
		d.Action, d.Reason = Refuse, fmt.Sprintf("in the %s model: %s", model, x.Reason)
	case d.Action == Merge && x.Action == Merge && d.unfolded != x.unfolded:
		d.Action = Refuse
		d.Reason = fmt.Sprintf("of the first and the %s model, one has the BatchNormalization folded and the other has not: "+
			"bring both to one form, by a merge with --alpha 0 and --fold", model)
	case d.Action == Merge && x.Action == Merge:
		d.further = append(d.further, x)
	case d.Action == Merge:
		d.Action, d.Reason = Copy, fmt.Sprintf("in the %s model: %s", model, x.Reason)
		return true
	case x.Reason == reasonDiffers:
		d.Reason = reasonDiffers
	}
	return false
}

// joinFisher pairs the Fisher informations, by structure and names alone: their values are not weights.
func (p *planner) joinFisher(ctx context.Context) error {
	for i, m := range p.opt.Fisher {
		q := &planner{pretrained: m, finetuned: p.finetuned, models: p.models, opt: p.opt}
		if err := q.pairStructure(ctx); err != nil {
			return fmt.Errorf("the Fisher information %d: %w", i+1, err)
		}
		found := 0
		for k := range p.decisions {
			d, x := &p.decisions[k], q.decisions[k]
			if d.Action != Merge {
				continue
			}
			if x.Action == Refuse {
				d.Action, d.Reason = Refuse, fmt.Sprintf("in the Fisher information %d: %s", i+1, x.Reason)
				continue
			}
			d.fisher = append(d.fisher, x)
			if x.Action == Merge {
				found++
			}
		}
		if found == 0 {
			return &MismatchError{Summary: fmt.Sprintf("the Fisher information %d has none of the merged weights; it must be "+
				"the model, exported in the same way, with the information in place of the weights", i+1)}
		}
	}
	return nil
}

// counterpart returns the other model's tensor, in the fine-tuned tensor's order of axes.
func (d decision) counterpart() input {
	if d.fold != nil {
		return newInput(d.fold, cmp.Or(d.foldType, d.b.DType))
	}
	return newInput(source(d.a, d.perm, d.a.DType.Bits()/8), d.a.DType)
}

// inputs returns all sources of a merge, in the order of the method's arguments.
func (d decision) inputs() []input {
	list := []input{d.counterpart()}
	for _, pair := range d.further {
		list = append(list, pair.counterpart())
	}
	list = append(list, newInput(d.b.ReadAt, d.b.DType))
	for _, pair := range d.fisher {
		if pair.Action == Merge {
			list = append(list, pair.counterpart())
		} else {
			codec, _ := d.b.DType.Codec()
			list = append(list, input{ones(codec), d.b.DType, codec})
		}
	}
	return list
}

// ones reads ones, which stand for a missing Fisher information.
func ones(codec kernel.Codec) reader {
	pair := make([]byte, codec.SizeBytes(2))
	codec.Encode(pair, []float64{1, 1})
	return func(dst []byte, off int64) error {
		for i := range dst {
			dst[i] = pair[(off+int64(i))%int64(len(pair))]
		}
		return nil
	}
}

// mergesLike reports whether two merged tensors that share their bytes in the fine-tuned model have the same sources
// and parameters.
func (d *decision) mergesLike(with *decision) (bool, error) {
	if !reflect.DeepEqual(d.params, with.params) || len(d.further) != len(with.further) {
		return false, nil
	}
	pairs, others := append([]decision{*d}, d.further...), append([]decision{*with}, with.further...)
	pairs, others = append(pairs, d.fisher...), append(others, with.fisher...)
	for i, x := range pairs {
		y := others[i]
		if x.fold != nil || y.fold != nil {
			return false, nil
		}
		if x.a == nil || y.a == nil {
			if x.a != y.a {
				return false, nil
			}
			continue
		}
		if y.a.SharesData(x.a) {
			continue
		}
		if same, err := y.a.Equal(x.a); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}
