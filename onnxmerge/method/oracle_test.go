package method

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// array is one array of an NPZ file.
type array struct {
	dims   []int64
	values []float64
}

// readNPZ reads arrays of float32 and uint8; it is its own reader, so that nothing of
// ours stands between the reference and the test.
func readNPZ(t *testing.T, path string) map[string]array {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	shape := regexp.MustCompile(`'shape': \(([^)]*)\)`)
	out := map[string]array{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		end := 10 + int(binary.LittleEndian.Uint16(data[8:]))
		header, data := string(data[10:end]), data[end:]
		a := array{}
		for _, d := range strings.FieldsFunc(shape.FindStringSubmatch(header)[1], func(r rune) bool { return r == ',' || r == ' ' }) {
			n, err := strconv.ParseInt(d, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			a.dims = append(a.dims, n)
		}
		switch {
		case strings.Contains(header, "<f4"):
			for i := 0; i < len(data); i += 4 {
				a.values = append(a.values, float64(math.Float32frombits(binary.LittleEndian.Uint32(data[i:]))))
			}
		case strings.Contains(header, "|u1"):
			for _, b := range data {
				a.values = append(a.values, float64(b))
			}
		default:
			continue
		}
		out[strings.TrimSuffix(f.Name, ".npy")] = a
	}
	return out
}

// oracleConfig is what the tests read of a case's description.
type oracleConfig struct {
	Models      []string `json:"models"`
	InOrder     []string `json:"models_in_order"`
	Weights     any      `json:"weights"`
	Coeffs      []float64
	ModelCoeffs []float64          `json:"model_coeffs"`
	Normalize   bool               `json:"normalize"`
	Rescale     bool               `json:"rescale"`
	Lambda      float64            `json:"lambda"`
	Density     float64            `json:"density"`
	Gamma       float64            `json:"gamma"`
	Epsilon     float64            `json:"epsilon"`
	Alpha       float64            `json:"alpha"`
	Beta        float64            `json:"beta"`
	R           float64            `json:"r"`
	T           float64            `json:"t"`
	Floor       float64            `json:"fisher_floor"`
	SelectTopk  float64            `json:"select_topk"`
	MaxIter     float64            `json:"max_iter"`
	Maxiter     float64            `json:"maxiter"`
	Tol         float64            `json:"tol"`
	Ftol        float64            `json:"ftol"`
	FilterWise  bool               `json:"filter_wise"`
	RowWise     bool               `json:"nuslerp_row_wise"`
	Flatten     bool               `json:"nuslerp_flatten"`
	Base        *string            `json:"base_model"`
	NormalizeW  bool               `json:"normalize_weights"`
	ScalingCoef float64            `json:"scaling_coef"`
	Scaling     float64            `json:"scaling_factor"`
	Common      float64            `json:"common_space_fraction"`
	Kept        []float64          `json:"kept_per_model"`
	TotalLen    float64            `json:"total_length"`
	MergeFunc   string             `json:"merge_func"`
	Lam         float64            `json:"lam"`
	Blocks      map[string]*int    `json:"block_used_for_each_key"`
	Errors      map[string]any     `json:"errors"`
	NaN         []string           `json:"tensors_with_nan_or_inf_in_the_official_result"`
	Unstable    map[string]float64 `json:"tensors_where_the_float64_run_differs_by_more_than_1e-5"`
	Excluded    []string           `json:"exclude_keys"`
	FisherMode  any                `json:"fisher_normalize"`
}

func (c *oracleConfig) weights() []float64 {
	list, _ := c.Weights.([]any)
	var out []float64
	for _, w := range list {
		out = append(out, w.(float64))
	}
	return out
}

// task is how a case of the references is run here.
type task struct {
	method string
	params Params
	models []string
	fisher string // the file of Fisher informations, "" for none
	// unordered says that the choice among magnitudes that are equal in float32 is the
	// library's, or rounding's.
	unordered bool
}

// asTask translates a case. ok is false for cases of what is no method of this package;
// the reason is in notMethods.
func asTask(name string, c *oracleConfig) (task, bool) {
	family, variant, _ := strings.Cut(name, "/")
	rescale := "none"
	if c.Rescale {
		rescale = "l1"
	}
	models := c.InOrder
	if len(models) == 0 {
		models = c.Models
	}
	based := append([]string{"base"}, slices.DeleteFunc(slices.Clone(models), func(s string) bool { return s == "base" })...)
	sparse := func(more Params) Params {
		p := Params{"density": c.Density, "weight": c.weights(), "normalize": c.Normalize, "lambda": c.Lambda, "rescale": rescale}
		for k, v := range more {
			p[k] = v
		}
		return p
	}
	method := regexp.MustCompile(`^[a-z_]+[a-z]`).FindString(variant)
	switch family {
	case "wise-ft":
		switch {
		case strings.HasPrefix(variant, "linear"):
			return task{"linear", Params{"alpha": c.Alpha}, []string{"base", "ft1"}, "", false}, true
		case strings.HasPrefix(variant, "fisher"):
			return task{"fisher", Params{"weight": []float64{1 - c.Alpha, c.Alpha}, "floor": c.Floor}, []string{"base", "ft1"}, "wise-ft/fisher.npz", false}, true
		}
	case "soups":
		if strings.HasPrefix(variant, "uniform") {
			return task{"uniform_soup", nil, c.InOrder, "", false}, true
		}
	case "task-arithmetic":
		if strings.HasPrefix(variant, "negation") {
			return task{"task_arithmetic", Params{"weight": -1.0}, based, "", false}, true
		}
		return task{"task_arithmetic", Params{"lambda": c.ScalingCoef}, based, "", false}, true
	case "ties-reference":
		// The reference keeps one number more than density says.
		density := (c.Kept[0] + 0.5) / c.TotalLen
		merge := strings.TrimPrefix(c.MergeFunc, "dis-")
		return task{"ties", Params{"density": density, "lambda": c.Lam, "merge": merge}, []string{"base", "ft1", "ft2", "ft3"}, "", true}, true
	case "lines":
		return task{"lines", Params{"alpha": c.Alpha, "beta": c.Beta}, append([]string{"base"}, c.Models...), "", false}, true
	case "geometric-median":
		return task{"geometric_median", Params{"max_iter": c.Maxiter, "tol": c.Ftol}, c.Models, "", false}, true
	case "fisher":
		normalize := map[any]string{nil: "none", "param": "tensor", "model": "model"}[c.FisherMode]
		p := Params{"weight": c.ModelCoeffs, "floor": 1e-300, "smooth": 1e-10, "normalize": normalize}
		return task{"fisher", p, c.Models, "fisher/fisher.npz", false}, true
	case "dare-paper":
		return task{"dare_linear", Params{"density": 0.5, "weight": 1.0 / 3}, []string{"base", "ft1", "ft2", "ft3"}, "", false}, true
	case "fusion-bench":
		models := []string{"base", "ft1", "ft2", "ft3"}
		if len(c.Models) > 0 {
			models = append([]string{"base"}, c.Models...)
		}
		switch {
		case strings.HasPrefix(variant, "iso_cts"):
			return task{"iso_cts", Params{"lambda": c.Scaling, "common": c.Common}, models, "", false}, true
		case strings.HasPrefix(variant, "iso_c"):
			return task{"iso_c", Params{"lambda": c.Scaling}, models, "", false}, true
		case strings.HasPrefix(variant, "tsvm"):
			return task{"tsv", Params{"lambda": c.Alpha}, models, "", false}, true
		case strings.HasPrefix(variant, "model_stock"):
			return task{"model_stock", nil, models, "", false}, true
		}
	case "mergekit":
		return mergekitTask(method, c, sparse, models)
	}
	return task{}, false
}

func mergekitTask(name string, c *oracleConfig, sparse func(Params) Params, models []string) (task, bool) {
	for _, known := range slices.Backward(slices.Sorted(slices.Values(append(Names(), "ties_density")))) {
		if strings.HasPrefix(name, known) {
			name = known
			break
		}
	}
	switch name {
	case "linear":
		weights := c.Weights.(map[string]any)
		var list []float64
		for _, m := range models {
			list = append(list, weights[m].(float64))
		}
		return task{name, Params{"weight": list, "normalize": c.Normalize}, models, "", false}, true
	case "task_arithmetic":
		return task{name, Params{"lambda": c.Lambda, "weight": c.weights(), "normalize": c.Normalize}, models, "", false}, true
	case "ties", "ties_density":
		return task{"ties_per_tensor", sparse(nil), models, "", true}, true
	case "breadcrumbs", "breadcrumbs_ties":
		return task{name, sparse(Params{"gamma": c.Gamma}), models, "", true}, true
	case "dare_linear", "dare_ties":
		return task{name, sparse(nil), models, "", false}, true
	case "della", "della_linear":
		return task{name, sparse(Params{"epsilon": c.Epsilon}), models, "", true}, true
	case "sce":
		return task{name, Params{"select_topk": c.SelectTopk}, models, "", true}, true
	case "slerp":
		return task{name, Params{"t": c.T}, models, "", false}, true
	case "nuslerp":
		axis := "tensor"
		if !c.Flatten {
			axis = "rows"
			if c.RowWise {
				axis = "columns"
			}
		}
		weights := c.weights()
		if c.Base != nil {
			weights = append([]float64{0}, weights...)
		}
		return task{name, Params{"weight": weights, "base": c.Base != nil, "axis": axis}, models, "", false}, true
	case "multislerp":
		weights := c.weights()
		if c.Base != nil {
			weights = append([]float64{0}, weights...)
		}
		return task{name, Params{"weight": weights, "base": c.Base != nil, "normalize": c.NormalizeW}, models, "", false}, true
	case "karcher":
		return task{name, Params{"max_iter": c.MaxIter, "tol": c.Tol}, models, "", false}, true
	case "nearswap":
		return task{name, Params{"t": c.T}, models, "", false}, true
	case "arcee_fusion":
		return task{name, nil, models, "", true}, true
	case "model_stock":
		return task{name, Params{"filter_wise": c.FilterWise}, models, "", false}, true
	case "ram":
		return task{name, Params{"epsilon": c.Epsilon}, models, "", false}, true
	case "ramplus_tl":
		return task{name, Params{"r": c.R, "alpha": c.Alpha, "epsilon": c.Epsilon}, models, "", false}, true
	}
	return task{}, false
}

// TestReferences compares every method with what the reference implementations made of
// the same tensors.
func TestReferences(t *testing.T) {
	root := sharedtest.Path(t, "oracles", "merge")
	inputs := readNPZ(t, filepath.Join(root, "common", "inputs.npz"))
	var cases []string
	data, err := os.ReadFile(filepath.Join(root, "cases.json"))
	if err == nil {
		err = json.Unmarshal(data, &cases)
	}
	if err != nil {
		t.Fatal(err)
	}
	ran := map[string]bool{}
	compared := 0
	for _, name := range cases {
		var c oracleConfig
		data, err := os.ReadFile(filepath.Join(root, name, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &c); err != nil {
			t.Fatal(name, err)
		}
		k, ok := asTask(name, &c)
		if slices.ContainsFunc(notMethods, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		if !ok {
			t.Errorf("%s is not compared", name)
			continue
		}
		ran[k.method] = true
		t.Run(name, func(t *testing.T) { compared += compareCase(t, root, name, k, &c, inputs) })
	}
	for _, name := range Names() {
		if !ran[name] {
			t.Errorf("%s has no reference", name)
		}
	}
	t.Logf("%d tensors", compared)
}

// notMethods are cases of other parts of the field: procedures over several merges,
// methods that this package does not have, options that it does not offer or refuses.
var notMethods = []string{"git-re-basin/", "regmean/", "soups/greedy",
	"wise-ft/integer", "mergekit/task_arithmetic_normalized_weights_sum_zero"}

// differs lists tensors of cases in which a method does something else than the
// reference, on purpose; see the Differs of the method. A case may be a prefix.
var differs = map[string][]string{
	// Opposite or diverging changes: t is held within 0 and 1.
	"fusion-bench/model_stock_2":    {"blocks.7.gamma", "logit_scale", "tiny.pair", "tiny.one", "opposite.delta", "encoder.1.blocks.9.w", "blocks.12.w"},
	"mergekit/model_stock_2_models": {"blocks.7.gamma", "tiny.pair", "encoder.1.blocks.9.w", "blocks.12.w", "opposite.delta"},
	"mergekit/model_stock_3_models": {"blocks.11.mlp.bias", "blocks.7.gamma", "column.weight", "encoder.1.blocks.9.w", "logit_scale", "opposite.delta",
		"tiny.one", "tiny.pair"},
	"mergekit/model_stock_2_models_filter_wise": {"blocks.0.attn.weight", "blocks.11.mlp.weight", "blocks.5.conv.weight", "near_parallel"},
	"mergekit/model_stock_3_models_filter_wise": {"blocks.0.attn.weight", "blocks.11.mlp.weight", "blocks.5.conv.weight", "blocks.12.w", "near_parallel"},
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
	// The directions cancel but for rounding.
	"mergekit/multislerp_w_0.5_0.3_0.2": {"tiny.one"},
	"mergekit/nuslerp_t_0.7_base":       {"opposite.delta"},
	// Mean squares of a sum below 1e-6.
	"mergekit/sce_select_topk_1": {"logit_scale"},
}

// smallTensors have fewer than 100 numbers that change.
var smallTensors = []string{"blocks.11.mlp.bias", "blocks.12.w", "blocks.7.gamma", "cls_token", "column.weight", "encoder.1.blocks.9.w", "ft1_only.delta",
	"near_parallel", "opposite.delta", "tiny.pair"}

// float32Slack is how much farther than the tolerance results may be where the
// reference iterates or decomposes in float32: its own run in float64 is up to ten
// times the tolerance away there.
var float32Slack = map[string]float64{"geometric_median": 5, "tsv": 5, "iso_c": 5, "iso_cts": 5}

func compareCase(t *testing.T, root, name string, k task, c *oracleConfig, inputs map[string]array) int {
	want := readNPZ(t, filepath.Join(root, name, "output.npz"))
	var extra, fisher map[string]array
	extraPath := filepath.Join(root, name, "extra.npz")
	if name == "dare-paper/p_0.5_mean" {
		extraPath = filepath.Join(root, "mergekit", "dare_linear_density_0.5_rescaled", "extra.npz")
	}
	if _, err := os.Stat(extraPath); err == nil {
		extra = readNPZ(t, extraPath)
	}
	if k.fisher != "" {
		fisher = readNPZ(t, filepath.Join(root, k.fisher))
	}
	survey := surveyAll(t, k, want, inputs, fisher)
	compared := 0
	for _, tensor := range slices.Sorted(maps.Keys(want)) {
		x := &Tensor{ID: tensor, Survey: survey, Dims: inputs["ft1|"+tensor].dims}
		if x.Dims == nil {
			x.Dims = []int64{}
		}
		src := k.sources(tensor, inputs, fisher)
		if b := c.Blocks[tensor]; b != nil {
			x.Depth = float64(*b) / 11
		}
		x.masks = masks(extra, k.models[1:], tensor)
		got, err := run(k.method, k.params, x, src)
		if err != nil {
			t.Errorf("%s: %v", tensor, err)
			continue
		}
		for i, v := range got {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("%s: element %d is %v", tensor, i, v)
			}
		}
		_, raised := c.Errors[tensor]
		_, reshaped := c.Errors[tensor+" (shape)"]
		_, unstable := c.Unstable[tensor]
		if slices.Contains(c.Excluded, tensor) || raised || reshaped || unstable || slices.Contains(c.NaN, tensor) || k.unordered && tensor == "equal_magnitudes" {
			continue
		}
		off := farthest(got, want[tensor].values)
		if why := onPurpose(name, tensor); why {
			if off <= 1 {
				t.Errorf("%s: listed as different, and it is not", tensor)
			}
			continue
		}
		compared++
		if off > max(1, float32Slack[k.method]) {
			t.Errorf("%s %v: %.3g times the tolerance away", tensor, x.Dims, off)
		}
	}
	return compared
}

func onPurpose(name, tensor string) bool {
	for prefix, tensors := range differs {
		if strings.HasPrefix(name+"/", prefix) && slices.Contains(tensors, tensor) {
			return true
		}
	}
	return false
}

// farthest returns the largest difference as a multiple of 1e-6 + 1e-6 * |want|, the
// tolerance that the references' float32 arithmetic needs.
func farthest(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	most := 0.0
	for i, w := range want {
		most = math.Max(most, math.Abs(float64(float32(got[i]))-w)/(1e-6+1e-6*math.Abs(w)))
	}
	return most
}

// masks makes a draw of the masks that a reference drew.
func masks(extra map[string]array, models []string, tensor string) draw {
	if _, ok := extra[models[0]+"|"+tensor]; !ok {
		return nil
	}
	return func(model int, u []uint32, off int64) {
		mask := extra[models[model]+"|"+tensor].values[off:]
		for i := range u {
			u[i] = math.MaxUint32 * uint32(1-mask[i]) // below every probability, or none
		}
	}
}

// sources returns the models' numbers of a tensor and, unless fisher is nil, the
// informations after them.
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
