package adapter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
)

// place is a layer and the tensor of the checkpoint that it changes.
type place struct {
	layer      *Layer
	tensor     *checkpoint.Tensor
	transposed bool // the tensor is stored as [in, out]
}

// names looks tensors of a checkpoint up by the names of an adapter.
type names struct {
	byName    map[string][]*checkpoint.Tensor
	separator string // of the parts of a name
}

func newNames(c *checkpoint.Checkpoint, format string) names {
	n := names{map[string][]*checkpoint.Tensor{}, "."}
	if format == Kohya {
		n.separator = "_"
	}
	for _, t := range c.Tensors {
		name := t.Name
		if format == Kohya {
			layer, ok := strings.CutSuffix(name, ".weight")
			if !ok {
				continue
			}
			name = strings.ReplaceAll(layer, ".", "_")
		}
		n.byName[name] = append(n.byName[name], t)
	}
	return n
}

// rename returns how the names of layers differ from those of the checkpoint: the only prefix that all of the checkpoint have
// more, or less, by which all layers are found. If some layer has its own name, none is tried.
func (n names) rename(layers []*Layer) (func(string) string, string) {
	same := func(name string) string { return name }
	for _, l := range layers {
		if n.byName[l.Name] != nil {
			return same, ""
		}
	}
	if len(layers) == 0 {
		return same, ""
	}
	first := layers[0].Name
	renames := map[string]func(string) string{}
	for name := range n.byName {
		if prefix, ok := strings.CutSuffix(name, n.separator+first); ok {
			prefix += n.separator
			n.try(renames, layers, fmt.Sprintf("names of the network begin with %q beside the adapter's", prefix),
				func(name string) string { return prefix + name })
		}
	}
	for i := range first {
		if prefix := first[:i]; strings.HasSuffix(prefix, n.separator) {
			n.try(renames, layers, fmt.Sprintf("names of the network lack the adapter's prefix %q", prefix),
				func(name string) string {
					rest, ok := strings.CutPrefix(name, prefix)
					if !ok {
						return ""
					}
					return rest
				})
		}
	}
	if len(renames) != 1 {
		return same, ""
	}
	for note, f := range renames {
		return f, note
	}
	return same, ""
}

// try adds a way of renaming if all layers are found by it.
func (n names) try(found map[string]func(string) string, layers []*Layer, note string, f func(string) string) {
	if !slices.ContainsFunc(layers, func(l *Layer) bool { return n.byName[f(l.Name)] == nil }) {
		found[note] = f
	}
}

// placement is where the layers of one network are.
type placement struct {
	places  []place
	missing []string // layers without a tensor, with the reason
	without []string // tensors that are replaced as a whole and that the checkpoint does not have
	notes   []string
}

// findPlaces finds the tensors that the layers of an adapter change.
func (a *Adapter) findPlaces(base *checkpoint.Checkpoint, opt Options) (*placement, error) {
	parts := map[string][]*Layer{}
	var order []string
	for _, l := range a.Layers {
		if parts[l.Part] == nil {
			order = append(order, l.Part)
		}
		parts[l.Part] = append(parts[l.Part], l)
	}
	n := newNames(base, a.Format)
	var fitting []string
	placed := map[string]*placement{}
	best := order[0]
	for _, part := range order {
		p := a.placeLayers(parts[part], n, opt)
		placed[part] = p
		if len(p.missing) == 0 && len(p.places) > 0 {
			fitting = append(fitting, part)
		}
		if len(p.places) > len(placed[best].places) {
			best = part
		}
	}
	switch {
	case len(fitting) > 1:
		return nil, fault.Mismatchf("layers of several networks in the adapter are found: %s; which of them this network is, is open",
			strings.Join(fitting, ", "))
	case len(fitting) == 0:
		return nil, placed[best].err(opt, len(parts[best]))
	}
	p := placed[fitting[0]]
	for _, part := range order {
		if part != fitting[0] {
			p.notes = append(p.notes, fmt.Sprintf("the %d layers of %s are of another network, and are left out", len(parts[part]), part))
		}
	}
	return p, nil
}

// err lists the layers that are not found.
func (p *placement) err(opt Options, count int) error {
	list := p.missing
	if len(list) == 0 {
		list = p.without
	}
	hint := "the adapter must be one of this network, and the checkpoint must have its names"
	if opt.Orientation != nil {
		hint = "name the checkpoint that the ONNX model was exported from: --base-weights"
	}
	return fault.Mismatchf("%d of the adapter's %d layers are not found:\n  %s", len(list), count,
		strings.Join(list, "\n  ")).WithHint("%s", hint)
}

// placeLayers finds the tensors of the layers of one network.
func (a *Adapter) placeLayers(layers []*Layer, n names, opt Options) *placement {
	p := &placement{}
	lowRank := slices.DeleteFunc(slices.Clone(layers), func(l *Layer) bool { return l.a == nil })
	named := lowRank
	if len(named) == 0 {
		named = layers
	}
	rename, note := n.rename(named)
	if note != "" {
		p.notes = append(p.notes, note)
	}
	contradicted := a.contradicted(lowRank, n, rename)
	for _, l := range layers {
		list := n.byName[rename(l.Name)]
		if len(list) == 0 && l.a == nil {
			list = n.byName[l.Name] // such as a head beside the backbone that has the prefix
		}
		switch {
		case len(list) == 0 && l.a == nil:
			p.without = append(p.without, l.Name)
		case len(list) == 0:
			p.missing = append(p.missing, l.Name+": no tensor has its name")
		case len(list) > 1:
			p.missing = append(p.missing, fmt.Sprintf("%s: it is the name of %q and of %q", l.Name, list[0].Name, list[1].Name))
		default:
			transposed, reason := a.orient(l, list[0], contradicted, opt)
			if reason != "" {
				p.missing = append(p.missing, l.Name+": "+reason)
				continue
			}
			p.places = append(p.places, place{l, list[0], transposed})
		}
	}
	if opt.Orientation != nil { // a model has tensors under other names too
		for _, name := range p.without {
			p.missing = append(p.missing, name+": no tensor has its name")
		}
		p.without = nil
	}
	return p
}

// contradicted reports whether the shapes of some layer say that fan_in_fan_out is not as in the configuration, which PEFT
// overwrites by what the layer that it adapted last has.
func (a *Adapter) contradicted(layers []*Layer, n names, rename func(string) string) bool {
	return slices.ContainsFunc(layers, func(l *Layer) bool {
		list := n.byName[rename(l.Name)]
		if len(list) != 1 || l.embedding {
			return false
		}
		plain, transposed := l.fits(list[0].Dims)
		return plain != transposed && transposed != a.fanInFanOut
	})
}

// fits reports whether the low-rank product, or its transpose, has the shape of a tensor.
func (l *Layer) fits(dims []int64) (plain, transposed bool) {
	out, in := l.b.Dims[0], l.a.Dims[1:]
	plain = slices.Equal(withoutOnes(dims), withoutOnes(append([]int64{out}, in...)))
	transposed = len(in) == 1 && slices.Equal(dims, []int64{in[0], out})
	return plain, transposed
}

// withoutOnes removes trailing extents of 1 after the second: a convolution of size 1 is a matrix.
func withoutOnes(dims []int64) []int64 {
	for len(dims) > 2 && dims[len(dims)-1] == 1 {
		dims = dims[:len(dims)-1]
	}
	return dims
}

// orient decides whether a layer's tensor is stored as [in, out], or gives the reason why it is not the layer's.
func (a *Adapter) orient(l *Layer, t *checkpoint.Tensor, contradicted bool, opt Options) (transposed bool, reason string) {
	if _, ok := t.DType.Codec(); !ok || t.DType.Bits() < 8 {
		return false, fmt.Sprintf("its tensor has the type %s", t.Type)
	}
	if l.saved != nil && !slices.Equal(l.saved.Dims, t.Dims) {
		return false, fmt.Sprintf("the adapter replaces it by a tensor of shape %v, and it has %v", l.saved.Dims, t.Dims)
	}
	if l.a == nil {
		return false, ""
	}
	plain, swapped := l.fits(t.Dims)
	if l.embedding {
		plain = false
	}
	switch {
	case !plain && !swapped:
		return false, fmt.Sprintf("factors of the shapes %v and %v do not fit its tensor of shape %v", l.a.Dims, l.b.Dims, t.Dims)
	case plain != swapped:
		return swapped, ""
	case opt.Orientation != nil:
		transposed, known := opt.Orientation(t.Name)
		if !known {
			return false, "it is square, and the graph does not say whether it is stored as [out, in] or as [in, out]"
		}
		return transposed, ""
	case contradicted:
		return false, "it is square, and fan_in_fan_out in adapter_config.json is not what other layers have: how it is stored is open"
	}
	return a.fanInFanOut, ""
}
