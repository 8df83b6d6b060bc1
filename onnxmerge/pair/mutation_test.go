package pair

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// mutation changes a model and describes the change, "" if the model has nothing to change in this way. swapped are the
// two weights that have exchanged their places, if these were exchanged.
type mutation func(rng *rand.Rand, m *onnx.Model) (what string, swapped [2]string)

// swapWeights exchanges two weights of one shape with their names, so that each operator takes the other's weight.
func swapWeights(rng *rand.Rand, m *onnx.Model) (string, [2]string) {
	used := map[string]bool{}
	for _, n := range m.Graph.Nodes {
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	shapes := map[string][]string{}
	for _, t := range m.Tensors {
		if t.Scope == "" && t.DType == onnx.Float32 && t.Len() > 1 && used[t.Name] {
			shapes[fmt.Sprint(t.Dims)] = append(shapes[fmt.Sprint(t.Dims)], t.Name)
		}
	}
	var pairs [][2]string
	for _, names := range shapes {
		for i, x := range names {
			for _, y := range names[i+1:] {
				pairs = append(pairs, [2]string{x, y})
			}
		}
	}
	if len(pairs) == 0 {
		return "", [2]string{}
	}
	slices.SortFunc(pairs, func(x, y [2]string) int { return slices.Compare(x[:], y[:]) })
	p := pairs[rng.IntN(len(pairs))]
	for i := range m.Graph.Nodes {
		ins := m.Graph.Nodes[i].Inputs
		for k, in := range ins {
			switch in {
			case p[0]:
				ins[k] = p[1]
			case p[1]:
				ins[k] = p[0]
			}
		}
	}
	return fmt.Sprintf("swapped %s and %s", p[0], p[1]), p
}

// removeNode replaces an operator by an Identity of its first computed operand.
func removeNode(rng *rand.Rand, m *onnx.Model) (string, [2]string) {
	n := &m.Graph.Nodes[rng.IntN(len(m.Graph.Nodes))]
	k := slices.IndexFunc(n.Inputs, func(in string) bool { return in != "" && m.Lookup(in) == nil })
	if k < 0 || len(n.Outputs) == 0 || n.OpType == "Identity" || strings.Contains(strings.ToLower(n.OpType), "norm") {
		return "", [2]string{}
	}
	what := fmt.Sprintf("removed %s %s", n.OpType, n.Outputs[0])
	n.OpType, n.Domain, n.Inputs, n.Subgraphs = "Identity", "", []string{n.Inputs[k]}, nil
	return what, [2]string{}
}

// changeAttribute changes an integer attribute such as perm, axis, strides or transB.
func changeAttribute(rng *rand.Rand, m *onnx.Model) (string, [2]string) {
	i := rng.IntN(len(m.Graph.Nodes))
	n := &m.Graph.Nodes[i]
	names := slices.Sorted(func(yield func(string) bool) {
		for name, list := range n.Ints {
			if len(list) > 0 && !yield(name) {
				return
			}
		}
	})
	if len(names) == 0 {
		return "", [2]string{}
	}
	name := names[rng.IntN(len(names))]
	list := slices.Clone(n.Ints[name])
	switch {
	case name == "transA" || name == "transB":
		list[0] = 1 - list[0]
	case name == "perm":
		x, y := rng.IntN(len(list)), rng.IntN(len(list))
		list[x], list[y] = list[y], list[x]
	default:
		list[rng.IntN(len(list))]++
	}
	if slices.Equal(list, n.Ints[name]) {
		return "", [2]string{}
	}
	n.Ints[name] = list
	return fmt.Sprintf("%s %s: %s is %v", n.OpType, n.Outputs, name, list), [2]string{}
}

// isUnknown reports whether a name says nothing about the model's tensors.
func isUnknown(m *onnx.Model, name string) bool { return isNumbered(name) || m.Lookup(name) == nil }

// exchanged returns the file with two weights in each other's place. Where no name of theirs is in the other model, a
// file whose operators take exchanged weights is a valid one with other values, and each weight is what its operator
// makes of it.
func exchanged(f corpusFile, swapped [2]string) corpusFile {
	f.Tensors = slices.Clone(f.Tensors)
	for i := range f.Tensors {
		switch f.Tensors[i].ID {
		case swapped[0]:
			f.Tensors[i].ID = swapped[1]
		case swapped[1]:
			f.Tensors[i].ID = swapped[0]
		}
	}
	return f
}

// No mutation of one of two related models leads to a wrong pair. Each mutation is applied to a random pair of
// exports.
func TestMutationsMakeNoMistake(t *testing.T) {
	t.Parallel()
	n := 900 // CI sets WISEFT_MUTATIONS to a larger number
	if text := os.Getenv("WISEFT_MUTATIONS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string]map[string][]corpusFile{}
	for _, f := range corpus(t) {
		if files[f.Architecture] == nil {
			files[f.Architecture] = map[string][]corpusFile{}
		}
		files[f.Architecture][f.Weights] = append(files[f.Architecture][f.Weights], f)
	}
	architectures := slices.Sorted(func(yield func(string) bool) {
		for name := range files {
			if !yield(name) {
				return
			}
		}
	})
	kinds := map[string]mutation{"swap": swapWeights, "remove": removeNode, "attribute": changeAttribute}
	for name, mutate := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(4, uint64(len(name))))
			cosines := corpusCosines{}
			var all score
			for done := 0; done < (n+2)/3; {
				sides := files[architectures[rng.IntN(len(architectures))]]
				a, b := sides["a"][rng.IntN(len(sides["a"]))], sides["b"][rng.IntN(len(sides["b"]))]
				b.model = reopened(t, b)
				what, swapped := mutate(rng, b.model)
				if what == "" {
					continue
				}
				done++
				pairs := found(t, a, b, cosines.similarity)
				got := judge(a, b, pairs)
				if got.wrong > 0 && isUnknown(a.model, swapped[0]) && isUnknown(a.model, swapped[1]) {
					got = judge(a, exchanged(b, swapped), pairs)
				}
				if got.wrong > 0 {
					t.Errorf("%s and %s, %s: %v", a.File, b.File, what, got)
				}
				all.add(got)
				if len(cosines) > 5000 {
					clear(cosines) // the changed models are not used again
				}
			}
			t.Logf("%v", all)
			if all.right < all.missed {
				t.Errorf("most weights are not found: %v", all)
			}
		})
	}
}

// reopened returns a copy of the model that may be changed.
func reopened(t *testing.T, f corpusFile) *onnx.Model {
	t.Helper()
	return openBytes(t, rewritten(t, f))
}

// rewritten returns the bytes of the model.
func rewritten(t *testing.T, f corpusFile) []byte {
	t.Helper()
	var data bytes.Buffer
	if err := f.model.Rewrite(t.Context(), &data, nil, 1); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

func openBytes(t *testing.T, data []byte) *onnx.Model {
	t.Helper()
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}
