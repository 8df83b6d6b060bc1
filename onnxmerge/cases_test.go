package onnxmerge

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// pairingCase is what must become of one of the shared pairs that were once merged wrongly, in part without a word, or
// refused although valid.
type pairingCase struct {
	refused string // a part of the reason; "" if the pair merges
	fold    bool   // with Options.Fold it merges, into the values of expected.txt
	merged  int    // tensors that are merged, at least
	warning string // a part of a warning; "" if none is demanded
}

var pairingCases = map[string]pairingCase{
	"convmul_0.01__ts17-ort1__ts17":                  {refused: "Mul behind it", fold: true},
	"convmul_scalar_behind_layer__plain__folded":     {refused: "factor behind it", fold: true},
	"frozenbn__ts17__ts17-slim":                      {refused: "Mul behind it", fold: true},
	"convmul_two_inputs_in_another_order_same_names": {merged: 8},
	"dynamo_bn_castlike_keep_to_dyn":                 {merged: 20},
	"groupnorm_groups_eq_channels":                   {merged: 12},
	"attributes_differ_no_warning": {merged: 20,
		warning: "BatchNormalization of \"bn1.weight\" has epsilon 0.5"},
	"attributes_scaler_kept_silently": {merged: 6,
		warning: "ai.onnx.ml.Scaler.offset, ai.onnx.ml.Scaler.scale"},

	"one_block_permuted_no_warning": {merged: 42, warning: "its channels seem to be in another order"},
	"nchwc__ts17__ts17-ort99":       {refused: "blocked order of one machine"},
	"gru_carried_by_loop_refused":   {merged: 6},
	"lstm_head_refused":             {merged: 16},
	"convmul_dynamic_int8_prefix":   {refused: "part of a quantised tensor"},
	"norms_at_init_same_exporter":   {merged: 42},
	"running_var_prefix_rel0.1":     {merged: 20},
	"attributes_rescaling_mixed":    {merged: 4, warning: "2 settings of operators differ"},
	"scalar_prelu_kept_silently":    {merged: 9},
	"last_layernorm_kept_silently":  {merged: 26, warning: "the merge is partial: 2 weights"},
}

// The shared pairs that once failed give what their expected.txt says.
func TestPairingCases(t *testing.T) {
	t.Parallel()
	folder := sharedtest.Path(t, "cases/pairing")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, known := pairingCases[e.Name()]; !known {
			t.Errorf("pairingCases has no entry for %s", e.Name())
		}
	}
	for name, c := range pairingCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			models := make([]*onnx.Model, 2)
			for i, file := range []string{"A.onnx", "B.onnx"} {
				models[i] = openPath(t, filepath.Join(folder, name, file))
			}
			plan, err := planPair(t.Context(), models[0], models[1], Options{})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("error %v, want one with %q", err, c.refused)
				}
				if !c.fold {
					return
				}
				plan, err = planPair(t.Context(), models[0], models[1], Options{FoldNorms: true})
			}
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := plan.Count(Merge); n < c.merged {
				t.Errorf("%d tensors are merged, want at least %d", n, c.merged)
			}
			if !strings.Contains(strings.Join(plan.Warnings, "\n"), c.warning) {
				t.Errorf("warnings %q, want one with %q", plan.Warnings, c.warning)
			}
			checkFirstValues(t, filepath.Join(folder, name, "expected.txt"), plan)
		})
	}
}

var firstValues = regexp.MustCompile(`(?m)^right at alpha 0\.5: (\S+) begins (\S+) (\S+) (\S+)$`)

// checkFirstValues compares the first three elements of tensors with a text's "right at alpha 0.5" lines.
func checkFirstValues(t *testing.T, path string, plan *Plan) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if _, err := Run(t.Context(), &out, plan, nil); err != nil {
		t.Fatal(err)
	}
	merged := openBytes(t, []byte(out.String()))
	for _, line := range firstValues.FindAllStringSubmatch(string(text), -1) {
		tensor := merged.Lookup(line[1])
		if tensor == nil {
			t.Errorf("there is no tensor %q", line[1])
			continue
		}
		got, err := valuesOrZeros(tensor, int(tensor.Len()))
		if err != nil {
			t.Fatal(err)
		}
		for i, word := range line[2:] {
			want, err := strconv.ParseFloat(word, 64)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got[i]-want) > 1e-5*max(1, math.Abs(want)) { // six digits are given
				t.Errorf("%s[%d] is %g, want %g", line[1], i, got[i], want)
			}
		}
	}
}
