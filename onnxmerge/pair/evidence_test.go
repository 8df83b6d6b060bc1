package pair

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

// modelText builds small models in protobuf form.
type modelText struct{ graph []byte }

func (m *modelText) field(b []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

// tensor adds an initializer with the given elements.
func (m *modelText) tensor(name string, values []float32, dims ...int) {
	var b []byte
	for _, d := range dims {
		b = protowire.AppendVarint(protowire.AppendTag(b, 1, protowire.VarintType), uint64(d))
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), 1) // float32
	var raw []byte
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	m.graph = m.field(m.graph, 5, string(m.field(m.field(b, 8, name), 9, string(raw))))
}

// node adds an operator.
func (m *modelText) node(out, op string, ins ...string) {
	var b []byte
	for _, in := range ins {
		b = m.field(b, 1, in)
	}
	m.graph = m.field(m.graph, 1, string(m.field(m.field(b, 2, out), 4, op)))
}

// open opens the model with input x and output y.
func (m *modelText) open(t testing.TB) *onnx.Model {
	t.Helper()
	g := m.field(m.field(m.graph, 11, string(m.field(nil, 1, "x"))), 12, string(m.field(nil, 1, "y")))
	data := m.field(nil, 7, string(g))
	model, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return model
}

// random returns n standard normal numbers.
func random(seed uint64, n int) []float32 {
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

// near adds normal numbers of standard deviation .2, as fine-tuning does.
func near(values []float32, seed uint64) []float32 {
	out := random(seed, len(values))
	for i, v := range values {
		out[i] = v + out[i]/5
	}
	return out
}

// Two equal branches are distinguished by their weights where names cannot, and Among counts them. Weights without a
// clear best counterpart are refused.
func TestSymmetricBranches(t *testing.T) {
	t.Parallel()
	branches := func(left, right string, l, r []float32) *onnx.Model {
		var m modelText
		m.tensor(left, l, 8, 8)
		m.tensor(right, r, 8, 8)
		m.node("l", "MatMul", "x", left)
		m.node("r", "MatMul", "x", right)
		m.node("y", "Add", "l", "r")
		return m.open(t)
	}
	one, two := random(1, 64), random(2, 64)
	a := branches("one", "two", one, two)
	for _, c := range []struct {
		name string
		b    *onnx.Model
		want string
	}{
		{"other names and order", branches("u", "v", near(two, 3), near(one, 4)), "u=two/weights/2 v=one/weights/2 "},
		{"the same names", branches("two", "one", near(two, 3), near(one, 4)),
			"two=two/structure and name/2 one=one/structure and name/2 "},
		{"names exchanged", branches("one", "two", near(two, 3), near(one, 4)), "one=two/weights/2 two=one/weights/2 "},
		{"twins", branches("u", "v", near(one, 3), near(one, 4)), ""},
		{"strangers", branches("u", "v", random(5, 64), random(6, 64)), ""},
	} {
		al, err := Find(t.Context(), a, c.b, corpusCosines{}.similarity)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range al.Pairs {
			got += fmt.Sprintf("%s=%s/%s/%d ", p.B.ID(), p.A.ID(), p.How, p.Among)
		}
		if got != c.want || len(al.Pairs)+len(al.Conflicts) != 2 {
			t.Errorf("%s: %q and %d conflicts, want %q", c.name, got, len(al.Conflicts), c.want)
		}
	}
}

// One tensor with two uses pairs with both tensors of the other model. The caller compares their elements.
func TestTiedWeights(t *testing.T) {
	t.Parallel()
	embedding := random(1, 80)
	untied := func(first, second string) *onnx.Model {
		var m modelText
		m.tensor(first, embedding, 10, 8)
		if second != first {
			m.tensor(second, embedding, 10, 8)
		}
		m.node("e", "Gather", first, "x")
		m.node("w", "Transpose", second)
		m.node("y", "MatMul", "e", "w")
		return m.open(t)
	}
	tied := untied("word", "word")
	al, err := Find(t.Context(), tied, untied("word", "decoder"), corpusCosines{}.similarity)
	if err != nil {
		t.Fatal(err)
	}
	if len(al.Pairs) != 2 || al.Pairs[0].A != al.Pairs[1].A || al.Pairs[0].Tied != nil || len(al.OnlyA) != 0 {
		t.Errorf("untied in b: %+v", al.Pairs)
	}
	if al, err = Find(t.Context(), untied("word", "decoder"), tied, corpusCosines{}.similarity); err != nil {
		t.Fatal(err)
	}
	if len(al.Pairs) != 1 || len(al.Pairs[0].Tied) != 1 || al.Pairs[0].Tied[0].A.ID() != "decoder" || len(al.OnlyA) != 0 {
		t.Errorf("tied in b: %+v", al.Pairs)
	}
}

// A missing layer shifts all equal layers behind it, so that structure alone would pair each with its neighbour.
// Weight values prevent that; without them, names veto the wrong pairs.
func TestAMissingLayerShiftsNothing(t *testing.T) {
	t.Parallel()
	const layers, missing = 6, 2
	stack := func(seed uint64, prefix string, without int) *onnx.Model {
		var m modelText
		x := "x"
		for i := range layers {
			if i == without {
				continue
			}
			w := random(uint64(i), 64)
			if seed > 0 {
				w = near(w, seed+uint64(i))
			}
			name := fmt.Sprintf("%s%d", prefix, i)
			m.tensor(name, w, 8, 8)
			m.node(name+".product", "MatMul", x, name)
			m.node(name+".out", "Relu", name+".product")
			x = name + ".out"
		}
		m.node("y", "Identity", x)
		return m.open(t)
	}
	a := stack(0, "layer", -1)
	for _, prefix := range []string{"layer", "other"} {
		al, err := Find(t.Context(), a, stack(100, prefix, missing), corpusCosines{}.similarity)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range al.Pairs {
			if p.A.ID()[len("layer"):] != p.B.ID()[len(prefix):] {
				t.Errorf("%s is paired with %s by %s", p.B.ID(), p.A.ID(), p.How)
			}
		}
		if len(al.Pairs) != layers-1 || len(al.OnlyA) != 1 {
			t.Errorf("%s: %d pairs, %d only in a", prefix, len(al.Pairs), len(al.OnlyA))
		}
	}
	al, err := Find(t.Context(), a, stack(100, "layer", missing), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range al.Pairs {
		if p.A.ID() != p.B.ID() {
			t.Errorf("without weights, %s is paired with %s by %s", p.B.ID(), p.A.ID(), p.How)
		}
	}
}

func TestCosine(t *testing.T) {
	t.Parallel()
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		a, b     []float64
		isVector bool
		want     float64
		ok       bool
	}{
		{[]float64{1, 2, 3, 4}, []float64{2, 4, 6, 8}, false, 1, true},
		{[]float64{1, 0, 0, 0}, []float64{0, 1, 0, 0}, false, 0, true},
		{[]float64{1, 2, 3, 4}, []float64{11, 12, 13, 14}, true, 1, true},
		{[]float64{1, 2, 3, 4}, []float64{14, 13, 12, 11}, true, -1, true},
		{[]float64{1, 1, 1, 1}, []float64{1, 1, 1, 1}, true, 1, true},
		{[]float64{1, 1, 1, 1}, []float64{2, 2, 2, 2}, true, 0, false},
		{[]float64{.1, .1, .1, .1}, []float64{1, 2, 3, 4}, true, 0, false},
		{[]float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}, false, 1, true},
		{[]float64{0, 0, 0, 0}, []float64{1, 2, 3, 4}, false, 0, false},
		{[]float64{1, 2, 3}, []float64{1, 2, 3}, false, 0, false},
		{[]float64{1, 2, 3, nan}, []float64{1, 2, 3, 4}, false, 0, false},
		{[]float64{1, 2, 3, inf}, []float64{1, 2, 3, inf}, true, 0, false},
	} {
		if got, ok := Cosine(c.a, c.b, c.isVector); ok != c.ok || math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v and %v: %g %v, want %g %v", c.a, c.b, got, ok, c.want, c.ok)
		}
	}
}

// Two layers that share a weight are not folded if only one has a normalisation behind it: the folded weight would be
// wrong for the other.
func TestSharedWeightsAreNotFolded(t *testing.T) {
	t.Parallel()
	layers := func(normed, shared bool) *onnx.Model {
		var m modelText
		m.tensor("w", random(1, 64), 8, 8, 1, 1)
		for _, name := range []string{"scale", "shift", "mean", "variance"} {
			m.tensor(name, random(2, 8), 8)
		}
		m.node("l", "Conv", "x", "w")
		if normed {
			m.node("n", "BatchNormalization", "l", "scale", "shift", "mean", "variance")
		} else {
			m.node("n", "Relu", "l")
		}
		if shared {
			m.node("r", "Conv", "n", "w")
			m.node("y", "Add", "n", "r")
		} else {
			m.node("y", "Relu", "n")
		}
		return m.open(t)
	}
	for _, c := range []struct {
		shared bool
		folds  int
	}{{false, 1}, {true, 0}} {
		al, err := Find(t.Context(), layers(true, c.shared), layers(false, c.shared), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(al.Folds) != c.folds || len(al.Conflicts) == 0 || al.Conflicts[0].B.Name != "w" {
			t.Errorf("shared %v: %d folds, conflicts %+v", c.shared, len(al.Folds), al.Conflicts)
		}
	}
}

// A folded tensor that an optimiser stores once for equal layers is unfolded for each layer of the fine-tuned model.
func TestWeightsStoredOnceAreFolded(t *testing.T) {
	t.Parallel()
	layers := func(normed bool, first, second string) *onnx.Model {
		var m modelText
		m.tensor(first, random(1, 64), 8, 8, 1, 1)
		if second != first {
			m.tensor(second, near(random(1, 64), 2), 8, 8, 1, 1)
		}
		last := "x"
		for _, weight := range []string{first, second} {
			layer := "layer" + last
			m.node(layer, "Conv", last, weight)
			last = layer
			if normed {
				var operands []string
				for i, name := range []string{"scale", "shift", "mean", "variance"} {
					operands = append(operands, name+layer)
					m.tensor(name+layer, random(uint64(3+i), 8), 8)
				}
				last = "norm" + layer
				m.node(last, "BatchNormalization", append([]string{layer}, operands...)...)
			}
		}
		m.node("y", "Relu", last)
		return m.open(t)
	}
	al, err := Find(t.Context(), layers(false, "w", "w"), layers(true, "u", "v"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(al.Folds) != 2 || al.Folds[0].WeightA.Name != "w" || al.Folds[1].WeightA.Name != "w" {
		t.Errorf("%d folds, conflicts %+v, want a fold of w for u and v", len(al.Folds), al.Conflicts)
	}
}

// Tables that structure does not distinguish pair by their elements, also where one exporter writes axes of length 1.
func TestEqualTables(t *testing.T) {
	t.Parallel()
	rotary := func(sines, cosines string, dims ...int) *onnx.Model {
		var m modelText
		m.tensor(sines, random(1, 24), dims...)
		m.tensor(cosines, random(2, 24), dims...)
		m.node("left", "Mul", "x", sines)
		m.node("right", "Mul", "x", cosines)
		m.node("y", "Add", "left", "right")
		return m.open(t)
	}
	a := rotary("sines", "cosines", 4, 6)
	for _, dims := range [][]int{{4, 6}, {1, 4, 1, 6}} {
		al, err := Find(t.Context(), a, rotary("u", "v", dims...), corpusCosines{}.similarity)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, p := range al.Pairs {
			got += p.B.ID() + "=" + p.A.ID() + " "
		}
		if want := "u=sines v=cosines "; got != want {
			t.Errorf("tables of shape %v: %q, want %q", dims, got, want)
		}
	}
	other, err := Find(t.Context(), a, rotary("u", "v", 6, 4), corpusCosines{}.similarity)
	if err != nil {
		t.Fatal(err)
	}
	if len(other.Pairs) > 0 {
		t.Errorf("tables of another shape are paired: %+v", other.Pairs)
	}
}
