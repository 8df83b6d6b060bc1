package twin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
	"github.com/wiseft/wiseft/onnxmerge/twin"
)

// layers builds x -> linear -> bias -> activation -> linear, in one of several forms.
func layers(t *testing.T, form string) *onnx.Model {
	var b onnxtest.Builder
	b.Tensor("w1", onnxtest.Random(1, 16), 4, 4)
	b.Tensor("b1", onnxtest.Random(2, 4), 4)
	b.Tensor("w2", onnxtest.Random(3, 16), 4, 4)
	activation := "Relu"
	switch form {
	case "gemm":
		b.Node("added", "Gemm", "x", "w1", "b1")
	case "scaled":
		b.Tensor("scale", onnxtest.Random(4, 1), 1)
		b.Node("product", "MatMul", "x", "w1")
		b.Node("unscaled", "Add", "product", "b1")
		b.Node("added", "Mul", "unscaled", "scale")
	case "tanh":
		activation = "Tanh"
		fallthrough
	default:
		b.Node("product", "MatMul", "x", "w1")
		b.Node("added", "Add", "b1", "product")
	}
	b.Node("active", activation, "added")
	b.Node("y", "MatMul", "active", "w2")
	return b.Open(t)
}

// Values correspond whatever the form of the operators; a point behind a scale that one model has is not sure.
func TestPointsOfTwoForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b, want string }{
		{"plain", "plain", "product=product added=added active=active y=y"},
		{"gemm", "plain", "added=added active=active y=y"},
		{"plain", "gemm", "added=added active=active y=y"},
		{"tanh", "plain", "product=product added=added active=active y=y"}, // by what the last layer takes
		{"scaled", "plain", "product=product added=added? active=active y=y"},
	} {
		m := twin.Models{A: layers(t, c.a), B: layers(t, c.b), Inputs: map[string]string{"x": "x"}}
		for _, name := range []string{"w1", "b1", "w2"} {
			m.Pairs = append(m.Pairs, twin.Pair{A: m.A.Lookup(name), B: m.B.Lookup(name), Whole: true})
		}
		found, err := twin.Find(m)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range found.Points {
			text := fmt.Sprintf("%s=%s", p.A, p.B)
			if !p.Sure {
				text += "?"
			}
			got = append(got, text)
		}
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s and %s: %s, want %s", c.a, c.b, text, c.want)
		}
	}
}

// Two constants that differ, or an input under another name that is not paired, end the correspondence.
func TestWhatIsNotPairedDiffers(t *testing.T) {
	t.Parallel()
	m := twin.Models{A: layers(t, "plain"), B: layers(t, "plain"), Inputs: map[string]string{"x": "x"}}
	m.Pairs = []twin.Pair{{A: m.A.Lookup("w2"), B: m.B.Lookup("w2"), Whole: true}}
	found, err := twin.Find(m)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := found.Counterpart("y"); !ok {
		t.Error("equal constants do not correspond")
	}
	m.Inputs = nil
	if found, err = twin.Find(m); err != nil {
		t.Fatal(err)
	}
	if p, ok := found.Counterpart("added"); ok {
		t.Errorf("%+v corresponds without an input", p)
	}
}
