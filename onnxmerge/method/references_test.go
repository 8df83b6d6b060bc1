package method

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// oracle holds the references' common inputs.
type oracle struct {
	root      string
	inputs    map[string]array
	distances map[string]*distance // by method
}

// distance is the measured difference of a method from its references.
type distance struct {
	ulp       float64 // largest difference, as in agreement.ulp
	n, within int     // elements compared, and those within one ULP of the result
	tensors   int
}

// TestReferences compares every method with the reference implementations' results for the same tensors.
func TestReferences(t *testing.T) {
	root := sharedtest.Path(t, "oracles", "merge")
	o := &oracle{root, readNPZ(t, filepath.Join(root, "common", "inputs.npz")), map[string]*distance{}}
	var cases []string
	readJSON(t, filepath.Join(root, "cases.json"), &cases)
	for _, name := range cases {
		var c oracleConfig
		readJSON(t, filepath.Join(root, name, "config.json"), &c)
		k, ok := asTask(name, &c)
		if slices.ContainsFunc(notMethods, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		if !ok {
			t.Errorf("%s is not compared", name)
			continue
		}
		t.Run(name, func(t *testing.T) { o.compare(t, name, k, &c) })
	}
	// A method without reference results has no agreement, and is compared with numpy alone (TestVectors).
	for _, name := range slices.Sorted(maps.Keys(o.distances)) {
		if _, ok := agreements[name]; !ok {
			t.Errorf("agreement.go has no line for %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(agreements)) {
		o.checkAgreement(t, name)
	}
}

// checkAgreement compares the measurement with the values printed in METHODS.md.
func (o *oracle) checkAgreement(t *testing.T, name string) {
	d, says := o.distances[name], agreements[name]
	if d == nil || d.n == 0 {
		t.Errorf("%s has no reference", name)
		return
	}
	within := 100 * float64(d.within) / float64(d.n)
	t.Logf("%-16s %6.1f ULP, %5.1f %% within one, %d tensors", name, d.ulp, within, d.tensors)
	if d.ulp > says.ulp || d.ulp <= says.ulp/2 {
		t.Errorf("%s differs by up to %.1f ULP from its references; agreements lists %g", name, d.ulp, says.ulp)
	}
	if within < says.within || within >= says.within+1 {
		t.Errorf("%.2[2]f %% of %[1]s are within one ULP; agreements lists %[3]g", name, within, says.within)
	}
	if (says.ulp > 1) != (says.why != "") {
		t.Errorf("%s: a difference of more than one ULP needs a reason, a smaller one must have none", name)
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, v)
	}
	if err != nil {
		t.Fatal(path, err)
	}
}

// notMethods are cases of procedures over several merges, of methods that this package does not have, and of options
// that it does not offer or refuses.
var notMethods = []string{"git-re-basin/", "regmean/", "soups/greedy",
	"wise-ft/integer", "mergekit/task_arithmetic_normalized_weights_sum_zero"}

// differs lists tensors of cases in which a method deliberately differs from the reference; see Method.Differs. A
// case may be a prefix.
var differs = map[string][]string{
	// Opposite or diverging changes: t is clamped to the range from 0 to 1.
	"fusion-bench/model_stock_2": {"blocks.7.gamma", "logit_scale", "tiny.pair", "tiny.one", "opposite.delta",
		"encoder.1.blocks.9.w", "blocks.12.w"},
	"mergekit/model_stock_2_models": {"blocks.7.gamma", "tiny.pair", "encoder.1.blocks.9.w", "blocks.12.w",
		"opposite.delta"},
	"mergekit/model_stock_3_models": {"blocks.11.mlp.bias", "blocks.7.gamma", "column.weight", "encoder.1.blocks.9.w",
		"logit_scale", "opposite.delta",
		"tiny.one", "tiny.pair"},
	"mergekit/model_stock_2_models_filter_wise": {"blocks.0.attn.weight", "blocks.11.mlp.weight", "blocks.5.conv.weight",
		"near_parallel"},
	"mergekit/model_stock_3_models_filter_wise": {"blocks.0.attn.weight", "blocks.11.mlp.weight", "blocks.5.conv.weight",
		"blocks.12.w", "near_parallel"},
	// A task vector of zeros has no singular vectors.
	"fusion-bench/tsvm": {"ft1_only.delta"},
	// Fewer columns than models.
	"fusion-bench/tsvm_two_models": {"column.weight"}, "fusion-bench/tsvm/": {"column.weight"},
	// int(gamma*n) is 0: the reference drops everything.
	"mergekit/breadcrumbs_density_0.5_gamma_0.1":       {"blocks.7.gamma", "column.weight", "tiny.pair"},
	"mergekit/breadcrumbs_density_0.95_gamma_0.2":      {"tiny.pair"},
	"mergekit/breadcrumbs_density_0.9_gamma_0.01":      smallTensors,
	"mergekit/breadcrumbs_ties_density_0.5_gamma_0.1":  {"blocks.7.gamma", "column.weight", "tiny.pair"},
	"mergekit/breadcrumbs_ties_density_0.95_gamma_0.2": {"tiny.pair"},
	"mergekit/breadcrumbs_ties_density_0.9_gamma_0.01": smallTensors,
	// The directions cancel up to rounding.
	"mergekit/multislerp_w_0.5_0.3_0.2": {"tiny.one"},
	"mergekit/nuslerp_t_0.7_base":       {"opposite.delta"},
	// Sum of mean squares below 1e-6.
	"mergekit/sce_select_topk_1": {"logit_scale"},
}

// smallTensors have fewer than 100 elements that change.
var smallTensors = []string{"blocks.11.mlp.bias", "blocks.12.w", "blocks.7.gamma", "cls_token", "column.weight",
	"encoder.1.blocks.9.w", "ft1_only.delta",
	"near_parallel", "opposite.delta", "tiny.pair"}

// epsilonCounts lists the tensor whose task vectors are so short that the constant a reference adds to their lengths
// matters; see Method.Differs.
var epsilonCounts = map[string]string{"multislerp": "tiny.pair"}

// float32Slack is the factor on the tolerance where the reference iterates or decomposes in float32: its own run in
// float64 differs by up to ten times the tolerance there.
var float32Slack = map[string]float64{"geometric_median": 5, "tsv": 5, "iso_c": 5, "iso_cts": 5}

// compare merges every tensor of a case and compares it with the reference's result.
func (o *oracle) compare(t *testing.T, name string, k task, c *oracleConfig) {
	want := readNPZ(t, filepath.Join(o.root, name, "output.npz"))
	var extra, fisher map[string]array
	extraPath := filepath.Join(o.root, name, "extra.npz")
	if name == "dare-paper/p_0.5_mean" {
		extraPath = filepath.Join(o.root, "mergekit", "dare_linear_density_0.5_rescaled", "extra.npz")
		c.Float64 = new(float64) // computed in float64 and rounded once
	}
	if _, err := os.Stat(extraPath); err == nil {
		extra = readNPZ(t, extraPath)
	}
	if k.fisher != "" {
		fisher = readNPZ(t, filepath.Join(o.root, k.fisher))
	}
	survey := surveyAll(t, k, want, o.inputs, fisher)
	for _, tensor := range slices.Sorted(maps.Keys(want)) {
		x := &Tensor{ID: tensor, Survey: survey, Dims: o.inputs["ft1|"+tensor].dims}
		if x.Dims == nil {
			x.Dims = []int64{}
		}
		if b := c.Blocks[tensor]; b != nil {
			x.Depth = float64(*b) / 11
		}
		x.masks = masks(extra, k.models[1:], tensor)
		src := k.sources(tensor, o.inputs, fisher)
		got, err := run(k.method, k.params, x, src)
		if err != nil {
			t.Errorf("%s: %v", tensor, err)
			continue
		}
		for i, v := range got {
			got[i] = float64(float32(v)) // as stored
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: element %d is %v", tensor, i, v)
			}
		}
		if c.isUndefined(tensor) || k.unordered && tensor == "equal_magnitudes" {
			continue
		}
		o.checkTensor(t, name, tensor, k, c, got, want[tensor].values, src[:len(k.models)])
	}
}

// isUndefined reports whether the reference has no result for the tensor, or one that depends on rounding.
func (c *oracleConfig) isUndefined(tensor string) bool {
	_, raised := c.Errors[tensor]
	_, reshaped := c.Errors[tensor+" (shape)"]
	_, unstable := c.Unstable[tensor]
	return raised || reshaped || unstable || slices.Contains(c.Excluded, tensor) || slices.Contains(c.NaN, tensor)
}

func (o *oracle) checkTensor(t *testing.T, name, tensor string, k task, c *oracleConfig, got, want []float64,
	models [][]float64) {
	off := farthest(got, want)
	if onPurpose(name, tensor) {
		if off <= 1 {
			t.Errorf("%s: listed as different, but it is equal", tensor)
		}
		return
	}
	if off > max(1, float32Slack[k.method]) {
		t.Errorf("%s: %.3g times the tolerance away", tensor, off)
		return
	}
	if o.distances[k.method] == nil {
		o.distances[k.method] = &distance{}
	}
	d := o.distances[k.method]
	d.tensors++
	for i, w := range want {
		apart, largest := math.Abs(got[i]-w), math.Max(math.Abs(got[i]), math.Abs(w))
		d.n++
		if apart <= ulp32(largest) {
			d.within++
		}
		// Differences beyond one ULP must not exceed the reference's own difference from float64.
		if c.Float64 != nil && apart > *c.Float64+ulp32(largest) && epsilonCounts[k.method] != tensor {
			t.Errorf("%s: element %d is %g, and the reference has %g: %g apart, although float32 moves the reference by %g at "+
				"most",
				tensor, i, got[i], w, apart, *c.Float64)
		}
		for _, x := range models {
			largest = math.Max(largest, math.Abs(x[i]))
		}
		d.ulp = math.Max(d.ulp, apart/ulp32(largest))
	}
}

// ulp32 returns the distance of a magnitude to the next float32.
func ulp32(v float64) float64 {
	return float64(math.Nextafter32(float32(v), math.MaxFloat32)) - float64(float32(v))
}

func onPurpose(name, tensor string) bool {
	for prefix, tensors := range differs {
		if strings.HasPrefix(name+"/", prefix) && slices.Contains(tensors, tensor) {
			return true
		}
	}
	return false
}

// farthest returns the largest difference as a multiple of 1e-6 + 1e-6 * |want|, the tolerance that the references'
// float32 arithmetic needs.
func farthest(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	most := 0.0
	for i, w := range want {
		most = math.Max(most, math.Abs(got[i]-w)/(1e-6+1e-6*math.Abs(w)))
	}
	return most
}

// masks returns a draw that reproduces the masks of a reference.
func masks(extra map[string]array, models []string, tensor string) draw {
	if _, ok := extra[models[0]+"|"+tensor]; !ok {
		return nil
	}
	return func(model int, u []uint32, off int64) {
		mask := extra[models[model]+"|"+tensor].values[off:]
		for i := range u {
			u[i] = math.MaxUint32 * uint32(1-mask[i]) // 0 is below every threshold, MaxUint32 below none
		}
	}
}

// sources returns the models' elements of a tensor, followed by the Fisher informations unless fisher is nil.
func (k task) sources(tensor string, inputs, fisher map[string]array) (src [][]float64) {
	for _, m := range k.models {
		src = append(src, inputs[m+"|"+tensor].values)
	}
	if fisher == nil {
		return src
	}
	for _, m := range k.models {
		f, ok := fisher[m+"|"+tensor]
		if !ok {
			f.values = slices.Repeat([]float64{1}, len(src[0]))
		}
		src = append(src, f.values)
	}
	return src
}

// surveyAll runs a method's survey over all tensors of a case.
func surveyAll(t *testing.T, k task, want, inputs, fisher map[string]array) any {
	t.Helper()
	m, err := Lookup(k.method)
	if err != nil {
		t.Fatal(err)
	}
	if m.Survey == nil {
		return nil
	}
	all := make([][]float64, len(k.models))
	if fisher != nil {
		all = append(all, all...)
	}
	for _, tensor := range slices.Sorted(maps.Keys(want)) {
		for i, v := range k.sources(tensor, inputs, fisher) {
			all[i] = append(all[i], v...)
		}
	}
	p, err := m.Complete(k.params)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Survey(&Tensor{Len: int64(len(all[0])), Models: len(k.models), Scan: ScanSlices(all, 0)}, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
