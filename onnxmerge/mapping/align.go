package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/checkpoint"
)

// alignNames returns how names of one checkpoint are looked up in another. If none of them is in it, all may have a
// prefix more, or less: the only one by which all are found, which is said. Of several, as of averaged weights beside
// the model's, none is taken.
func alignNames(base, tuned *checkpoint.Checkpoint) (func(string) *checkpoint.Tensor, string) {
	for _, t := range base.Tensors {
		if tuned.Lookup(t.Name) != nil {
			return tuned.Lookup, ""
		}
	}
	longer := prefixes(base, tuned, func(prefix, name string) *checkpoint.Tensor { return tuned.Lookup(prefix + name) })
	shorter := prefixes(tuned, base, func(prefix, name string) *checkpoint.Tensor { return base.Lookup(prefix + name) })
	switch {
	case len(longer) == 1 && len(shorter) == 0:
		return func(name string) *checkpoint.Tensor { return tuned.Lookup(longer[0] + name) },
			fmt.Sprintf("names of the other checkpoint begin with %q", longer[0])
	case len(shorter) == 1 && len(longer) == 0:
		return func(name string) *checkpoint.Tensor {
			rest, ok := strings.CutPrefix(name, shorter[0])
			if !ok {
				return nil
			}
			return tuned.Lookup(rest)
		}, fmt.Sprintf("names of the other checkpoint lack the prefix %q", shorter[0])
	}
	return tuned.Lookup, ""
}

// prefixes returns the prefixes, which end with a dot, by which all names of a are found in b.
func prefixes(a, b *checkpoint.Checkpoint, find func(prefix, name string) *checkpoint.Tensor) []string {
	var found []string
	if len(a.Tensors) == 0 {
		return nil
	}
	for _, t := range b.Tensors {
		prefix, ok := strings.CutSuffix(t.Name, a.Tensors[0].Name)
		if !ok || !strings.HasSuffix(prefix, ".") {
			continue
		}
		if !slices.ContainsFunc(a.Tensors, func(x *checkpoint.Tensor) bool { return find(prefix, x.Name) == nil }) {
			found = append(found, prefix)
		}
	}
	return found
}
