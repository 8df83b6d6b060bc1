package wiseft

import (
	"testing"

	"github.com/wiseft/wiseft/probe/ort/orttest"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// Two trainings of one network from one seed, which pair weight by weight: no model between them works, although their
// weights are alike. Two points of one training are connected.
func TestBarrierOfRealPairs(t *testing.T) {
	orttest.Load(t)
	models := func(name string) string { return sharedtest.Path(t, "data", "models", "pointnet", name) }
	data := Data{Path: sharedtest.Path(t, "data", "modelnet10", "hdf5"), Points: 64, Sample: "fps", Axes: "xzy",
		Labels: "modelnet10-modelnet40"}
	b, err := MeasureBarrier(t.Context(), models("pointnet_3dcertify_natural.onnx"), models("pointnet_3dcertify_fgsm.onnx"),
		MergeOptions{}, data, RuntimeOptions{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if b.Verdict != "not linearly connected" || b.Fall < 0.8 || *b.Alpha != 0.5 || b.N != 908 {
		t.Errorf("natural and fgsm: %+v", b)
	}
	data.Points, data.Sample, data.Axes = 256, "", ""
	b, err = MeasureBarrier(t.Context(), models("pointnet_marcusforte_early.onnx"),
		models("pointnet_marcusforte_late.onnx"), MergeOptions{}, data, RuntimeOptions{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if b.Fall > 0.1 || b.Interval[1] > 0.15 {
		t.Errorf("early and late: %+v", b)
	}
}
