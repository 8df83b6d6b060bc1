package pair

import (
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// renaming replaces a prefix and a suffix of the fine-tuned model's names by those of the pre-trained one: frameworks
// wrap models ("module."), and tools number what they write ("_1"). The zero renaming replaces nothing.
type renaming struct {
	prefixA, prefixB, suffixA, suffixB string
}

// toA returns the name in the pre-trained model of a tensor of the fine-tuned one; "" if the renaming does not apply.
func (r renaming) toA(id string) string {
	if r == (renaming{}) {
		return ""
	}
	rest, ok := strings.CutPrefix(id, r.prefixB)
	if !ok {
		return ""
	}
	if rest, ok = strings.CutSuffix(rest, r.suffixB); !ok {
		return ""
	}
	return r.prefixA + rest + r.suffixA
}

const (
	// minRenamed is the least number of pairs that show a renaming.
	minRenamed = 3
	// renamedShare is their least share among the pairs with different names.
	renamedShare = 0.6
)

// findRenaming sets the renaming that most pairs of similar weights show. It reports whether that is another one than
// before.
func (s *search) findRenaming() bool {
	votes := map[renaming]int{}
	all := 0
	var most renaming
	for _, t := range s.b.Tensors {
		for _, c := range s.ofB.of(t).candidates {
			cosine, known := c.cosine()
			if !known || cosine < Related || c.b.isShort() || isNumbered(t.ID()) || isNumbered(c.a.tensor.ID()) {
				continue
			}
			all++
			r := renamingOf(c.a.tensor, t)
			if votes[r]++; votes[r] > votes[most] {
				most = r
			}
		}
	}
	if most != (renaming{}) && votes[most] >= minRenamed && float64(votes[most]) >= renamedShare*float64(all) {
		changed := s.renamed != most
		s.renamed = most
		return changed
	}
	return false
}

// renamingOf returns the shortest prefixes, then suffixes, in which two names differ. Names without a common part of
// four characters show none.
func renamingOf(a, b *onnx.Tensor) renaming {
	x, y := a.ID(), b.ID()
	if x == y {
		return renaming{}
	}
	ends := commonSuffix(x, y)
	if ends >= minCommon {
		return renaming{prefixA: x[:len(x)-ends], prefixB: y[:len(y)-ends]}
	}
	starts := 0
	for starts < min(len(x), len(y)) && x[starts] == y[starts] {
		starts++
	}
	if starts >= minCommon {
		return renaming{suffixA: x[starts:], suffixB: y[starts:]}
	}
	return renaming{}
}

// minCommon is the least common part of two names.
const minCommon = 4

func commonSuffix(x, y string) int {
	n := 0
	for n < min(len(x), len(y)) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return n
}
