package onnxmerge

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// The scale of a dynamically quantised weight belongs to its integers: it is refused where those are excluded, and kept
// where it is excluded, too. It was mixed.
func TestSharedDynamicScales(t *testing.T) {
	t.Parallel()
	dir := sharedtest.Path(t, "cases", "files", "dynamic_quant_scale_mixed")
	a, _ := open(t, filepath.Join(dir, "a.onnx"))
	b, _ := open(t, filepath.Join(dir, "b.onnx"))
	for _, exclude := range [][]string{{"*_quantized"}, {"*_quantized", "*_scale"}} {
		plan, err := NewPlan(t.Context(), []*onnx.Model{a, b}, Options{Exclude: exclude})
		if err != nil {
			t.Fatal(err)
		}
		want, scales := Refuse, 0
		if len(exclude) > 1 {
			want = Copy
		}
		for _, d := range plan.Decisions {
			if strings.HasSuffix(d.Tensor, "_scale") {
				scales++
				if d.Action != want {
					t.Errorf("exclude %q: %s is decided %s (%s), want %s", exclude, d.Tensor, d.Action, d.Reason, want)
				}
			}
		}
		if scales != 3 {
			t.Errorf("%d scales, want 3", scales)
		}
	}
}
