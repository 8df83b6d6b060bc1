package mapping

import (
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// findNames finds the one difference between the names of the model and those of the checkpoint, if names are kept: all
// decided tensors whose name the checkpoint has must be made from that tensor.
func (s *settler) findNames() {
	votes := map[[2]string]int{}
	for _, g := range s.targets {
		if !g.isDecided() || g.candidates[0].Op != Tensor {
			continue
		}
		a, b := g.tensor.Name, g.candidates[0].Name
		switch {
		case strings.HasSuffix(a, b):
			votes[[2]string{a[:len(a)-len(b)], ""}]++
		case strings.HasSuffix(b, a):
			votes[[2]string{"", b[:len(b)-len(a)]}]++
		}
	}
	best := 0
	for pair, n := range votes {
		if n > best || n == best && pair[0]+pair[1] < s.cut+s.prefix {
			best, s.cut, s.prefix = n, pair[0], pair[1]
		}
	}
	s.named = !slices.ContainsFunc(s.targets, func(g *target) bool {
		if !g.isDecided() || g.candidates[0].Op != Tensor {
			return false
		}
		name := s.inCheckpoint(g.tensor.Name)
		return s.checkpoint.Lookup(name) != nil && name != g.candidates[0].Name
	})
}

// findAmbiguous finds the names that several tensors have, in the branches of an If or in functions: an exporter numbers them in each,
// and they say nothing about the checkpoint.
func (s *settler) findAmbiguous() {
	s.ambiguous = map[string]bool{}
	named := map[string]*onnx.Tensor{}
	for _, g := range s.targets {
		add := func(name string) {
			if t := named[name]; t != nil && t != g.tensor {
				s.ambiguous[name] = true
			}
			named[name] = g.tensor
		}
		add(g.tensor.Name)
		for _, u := range g.uses {
			add(u.name)
		}
	}
}

// inCheckpoint returns the checkpoint's name for a name of the model.
func (s *settler) inCheckpoint(name string) string {
	rest, ok := strings.CutPrefix(name, s.cut)
	if !ok {
		return ""
	}
	return s.prefix + rest
}

// byName returns the candidate that is the checkpoint's tensor of a name.
func (s *settler) byName(name string, candidates []*Expression) (*Expression, string) {
	if !s.named || s.ambiguous[name] {
		return nil, ""
	}
	want := s.inCheckpoint(name)
	if e := s.indexOf(candidates).byName[want]; e != nil { // an exporter that keeps the name keeps the layout
		return e, "settled by its name"
	}
	return nil, ""
}

// ownsName reports whether a name decides about a use: an exporter that shares equal tensors without a name for each
// has one that several operators read. Then all other candidates must have places of their own.
func (s *settler) ownsName(g *target, u use, e *Expression) bool {
	sharing := 0
	for _, other := range g.uses {
		if other.name == u.name {
			sharing++
		}
	}
	if sharing < 2 {
		return true
	}
	for _, c := range g.candidates {
		if c.Op == Tensor && c.Name != e.Name && !s.places[c.Name] {
			return false
		}
	}
	return true
}

// findPlaces finds the tensors of the checkpoint by whose names the model reads something, if names are kept.
func (s *settler) findPlaces() {
	s.places = map[string]bool{}
	for _, g := range s.targets {
		for _, u := range g.uses {
			if s.named && !s.ambiguous[u.name] {
				s.places[s.inCheckpoint(u.name)] = true
			}
		}
	}
}

// addWhole adds the tensors of which an expression has all rows.
func (e *Expression) addWhole(seen map[string]bool) {
	if e.Op == Slice {
		return
	}
	if e.Op == Tensor {
		seen[e.Name] = true
	}
	for _, arg := range e.Args {
		arg.addWhole(seen)
	}
}

// addPlaced adds the tensors of the checkpoint for which the model has a place that is certain, after all rounds, to those by whose
// names it reads something.
func (s *settler) addPlaced(choices map[*target][]choice) {
	s.whole = map[string]bool{}
	for _, g := range s.targets {
		if g.isDecided() {
			g.candidates[0].addWhole(s.whole)
		}
		for _, c := range choices[g] {
			c.expression.addWhole(s.whole)
		}
		for _, name := range s.sources[g.tensor] {
			s.places[name] = true
		}
	}
}
