package onnxmerge

import (
	"fmt"
	"github.com/wiseft/wiseft/onnxmerge/onnx/flow"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/method"
)

// Override sets parameters of the tensors that Match selects:
//
//	encoder/*        a glob over tensor IDs, in which * also matches slashes
//	re:blocks\.[0-3] a regular expression found anywhere in the ID
//	op:Conv          the kind of operator that uses the tensor
//	depth:0-0.5      where in the model it is used; 0 is the first layer, 1 the last that is merged
type Override struct {
	Match  string        `json:"match"`
	Params method.Params `json:"params"`
}

// target has the properties of a tensor that an override matches.
type target struct {
	id    string
	ops   []string
	depth float64
}

// matcher compiles Match.
func (o Override) matcher() (func(target) bool, error) {
	kind, rest, ok := strings.Cut(o.Match, ":")
	if !ok {
		kind = ""
	}
	switch kind {
	case "re":
		re, err := regexp.Compile(rest)
		if err != nil {
			return nil, &GlobError{o.Match}
		}
		return func(t target) bool { return re.MatchString(t.id) }, nil
	case "op":
		return func(t target) bool { return slices.Contains(t.ops, rest) }, nil
	case "depth":
		from, to, _ := strings.Cut(rest, "-")
		low, errLow := strconv.ParseFloat(from, 64)
		high, errHigh := strconv.ParseFloat(to, 64)
		if errLow != nil || errHigh != nil || low > high {
			return nil, &GlobError{o.Match}
		}
		return func(t target) bool { return t.depth >= low && t.depth <= high }, nil
	}
	if _, err := path.Match(o.Match, ""); err != nil || o.Match == "" {
		return nil, &GlobError{o.Match}
	}
	return func(t target) bool { return matchAny([]string{o.Match}, t.id) }, nil
}

// resolve finds the parameters of every merged tensor: those of the merge, what Set
// changes, and gradients at the tensor's depth.
func (p *planner) resolve() error {
	if len(p.opt.Set) == 0 && !p.needsDepth() {
		for i := range p.decisions {
			p.decisions[i].params = p.params
		}
		p.addFallbackReasons()
		return nil
	}
	places := flow.Places(p.finetuned)
	deepest := 0.0 // a head that is not merged does not count
	for _, d := range p.decisions {
		if d.Action == Merge {
			deepest = max(deepest, places[d.b].Depth)
		}
	}
	complete := p.method.Complete
	if p.opt.Extrapolate {
		complete = p.method.CompleteBeyond
	}
	var matchers []func(target) bool
	for _, o := range p.opt.Set {
		match, err := o.matcher()
		if err != nil {
			return err
		}
		if err := p.checkOverride(o); err != nil {
			return err
		}
		matchers = append(matchers, match)
	}
	used := make([]bool, len(matchers))
	for i := range p.decisions {
		d := &p.decisions[i]
		place := places[d.b]
		if deepest > 0 {
			place.Depth = min(1, place.Depth/deepest)
		}
		given := maps.Clone(p.params)
		for k, match := range matchers {
			if d.Action == Merge && match(target{d.Tensor, place.Ops, place.Depth}) {
				maps.Copy(given, p.opt.Set[k].Params)
				used[k] = true
			}
		}
		full, err := complete(given)
		if err != nil {
			return err
		}
		d.params, d.depth = full.At(place.Depth), place.Depth
		if err := p.method.CheckModels(d.params, len(p.models)); err != nil {
			return fmt.Errorf("tensor %q: %w", d.Tensor, err)
		}
	}
	for k, ok := range used {
		if !ok {
			p.addWarning("%q matches no tensor that is merged", p.opt.Set[k].Match)
		}
	}
	p.addFallbackReasons()
	return nil
}

// addFallbackReasons adds to the reasons of tensors for which the method falls back to another.
func (p *planner) addFallbackReasons() {
	if p.method.Falls == nil {
		return
	}
	for i := range p.decisions {
		d := &p.decisions[i]
		if d.Action != Merge {
			continue
		}
		if text := p.method.Falls(d.Dims, d.params); text != "" {
			d.Reason += "; " + text
		}
	}
}

// needsDepth reports whether what is done to a tensor depends on its depth.
func (p *planner) needsDepth() bool {
	if p.method.UsesDepth {
		return true
	}
	for _, v := range p.params {
		switch v.(type) {
		case method.Gradient, []any:
			return true
		}
	}
	return false
}

// checkOverride refuses parameters that do not exist or have one value for all tensors.
func (p *planner) checkOverride(o Override) error {
	for name := range o.Params {
		param, err := p.method.Param(name)
		if err != nil {
			return err
		}
		if param.Global {
			return &ModelsError{fmt.Sprintf("%s of method %s has one value for all tensors; %q cannot change it", name,
				p.method.Name, o.Match)}
		}
	}
	return nil
}

// Check refuses a Match that is malformed.
func (o Override) Check() error {
	_, err := o.matcher()
	return err
}
