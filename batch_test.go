package wiseft

import (
	"strings"
	"testing"

	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// Features that depend on the batch are refused, also where their number is right; TrustBatch accepts them.
func TestSharedBatchDependentFeatures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ folder, model, data, tensor, operator, wrong string }{
		{"training_mode_batchnorm", "bntrain.onnx", "x20.npz", "", `BatchNormalization "y", in training mode`,
			"depends on the batch or on chance"},
		{"training_mode_dropout", "droptrain.onnx", "x20.npz", "", `Dropout "y", in training mode`,
			"depends on the batch or on chance"},
		{"time_major_inner_tensor", "lstm.onnx", "x8.npz", "/l/Squeeze_output_0", "", "first axis is not the batch"},
	} {
		t.Run(c.folder, func(t *testing.T) {
			t.Parallel()
			at := func(name string) string { return sharedtest.Path(t, "cases", "files", c.folder, name) }
			opt := FeaturesOptions{Data: Data{Path: at(c.data)}, Tensor: c.tensor, Pool: Pooling{Mode: "flatten"}}
			_, err := ExtractFeatures(t.Context(), at(c.model), opt)
			if err == nil || !strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), c.model) {
				t.Errorf("error %v, want %q", err, c.wrong)
			}
			opt.Runtime.TrustBatch = true
			if _, err := ExtractFeatures(t.Context(), at(c.model), opt); err != nil {
				t.Errorf("trusted: %v", err)
			}
			r, err := Inspect(at(c.model), InspectOptions{})
			if err != nil || strings.Join(r.Batch, ";") != c.operator {
				t.Errorf("inspect names %q (%v), want %q", r.Batch, err, c.operator)
			}
		})
	}
}

// An output of ZipMap is refused by its kind, and the tensor before it is named, which works.
func TestSharedZipMap(t *testing.T) {
	t.Parallel()
	at := func(name string) string { return sharedtest.Path(t, "cases", "files", "zipmap_output", name) }
	opt := FeaturesOptions{Data: Data{Path: at("x.npz")}, Tensor: "output_probability"}
	_, err := ExtractFeatures(t.Context(), at("lr.onnx"), opt)
	if err == nil || !strings.Contains(err.Error(), "sequence of maps") || !strings.Contains(HintOf(err), "--output probabilities") {
		t.Errorf("error %v, hint %q", err, HintOf(err))
	}
	opt.Tensor = "probabilities"
	if _, err := ExtractFeatures(t.Context(), at("lr.onnx"), opt); err != nil {
		t.Error(err)
	}
}

// Features that are quantised by the range of the whole batch are said to depend on it, unless every batch has one sample.
func TestSharedQuantizedByTheBatch(t *testing.T) {
	t.Parallel()
	m, err := Open(sharedtest.Path(t, "cases", "files", "dynamic_quant_scale_mixed", "a.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for batch, want := range map[int]int{0: 1, 1: 0} {
		var notes []string
		monitor := Monitor{Note: func(line string) { notes = append(notes, line) }}
		err := m.checkBatch(m.Graph.Outputs[0].Name, RuntimeOptions{Batch: batch}, monitor)
		if err != nil || len(notes) != want || want == 1 && !strings.Contains(notes[0], "DynamicQuantizeLinear") {
			t.Errorf("batch %d: notes %q (%v), want %d", batch, notes, err, want)
		}
	}
}
