package recipe

import (
	"math"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"go.yaml.in/yaml/v3"
)

// Adapter names a LoRA adapter and the factor of its delta.
type Adapter struct {
	Path  string  // of PEFT's folder or its adapter_model.safetensors, or of a file with kohya's names
	Scale float64 // 1 is the whole delta, as merge_and_unload of PEFT adds it; 0 is none of it
}

// ParseAdapter reads PATH:SCALE, or PATH with the scale 1. Its errors are of kind Usage.
func ParseAdapter(text string) (Adapter, error) {
	a := Adapter{Path: text, Scale: 1}
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		if v, err := strconv.ParseFloat(text[i+1:], 64); err == nil {
			a = Adapter{text[:i], v}
		}
	}
	switch {
	case a.Path == "":
		return a, fault.Usagef("the adapter %q has no path; PATH or PATH:SCALE is expected", text)
	case math.IsNaN(a.Scale) || math.IsInf(a.Scale, 0):
		return a, fault.Usagef("the adapter %s has the scale %v; a finite number is expected", a.Path, a.Scale)
	}
	return a, nil
}

// String returns what [ParseAdapter] reads.
func (a Adapter) String() string { return a.Path + ":" + strconv.FormatFloat(a.Scale, 'g', -1, 64) }

// adapters reads one adapter, or a list of them.
func (o *object) adapters(key string) ([]Adapter, error) {
	n := o.nodes[key]
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		var err error
		if nodes, err = o.list(key); err != nil {
			return nil, err
		}
	}
	var list []Adapter
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode || isNothing(n) {
			return nil, errAt(n, "%s is %s, where PATH or PATH:SCALE is expected", key, describe(n))
		}
		a, err := ParseAdapter(n.Value)
		if err != nil {
			return nil, errAt(n, "%v", err)
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, errAt(n, "an empty list of adapters")
	}
	return list, nil
}

// adaptersOf returns the adapters of a model.
func (r *Recipe) adaptersOf(i int) []Adapter {
	if i < len(r.Adapters) {
		return r.Adapters[i]
	}
	return nil
}

// putAdapters adds the adapters of a model to its entry.
func putAdapters(entry *yaml.Node, list []Adapter) {
	var texts []string
	for _, a := range list {
		texts = append(texts, a.String())
	}
	switch len(texts) {
	case 0:
	case 1:
		put(entry, "adapter", texts[0])
	default:
		put(entry, "adapter", texts)
	}
}

// setAdapters sets the adapters of a model.
func (r *Recipe) setAdapters(i int, list []Adapter) {
	for len(r.Adapters) <= i {
		r.Adapters = append(r.Adapters, nil)
	}
	r.Adapters[i] = list
}
