package method

import (
	"archive/zip"
	"encoding/binary"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// array is one array of an NPZ file.
type array struct {
	dims   []int64
	values []float64
}

// readNPZ reads arrays of float32 and uint8. It is independent of package npy.
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
		for _, d := range strings.FieldsFunc(shape.FindStringSubmatch(header)[1], isSeparator) {
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

func isSeparator(r rune) bool { return r == ',' || r == ' ' }

// oracleConfig is the part of a case's description that the tests read.
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
	// Float64 is the largest difference of the reference from its own run in float64; nil without such a run.
	Float64 *float64 `json:"max_abs_difference_to_a_float64_run"`
}

func (c *oracleConfig) weights() []float64 {
	list, _ := c.Weights.([]any)
	var out []float64
	for _, w := range list {
		out = append(out, w.(float64))
	}
	return out
}

// task is the call of this package that corresponds to a case.
type task struct {
	method string
	params Params
	models []string
	fisher string // file of Fisher informations, "" for none
	// unordered means that the choice among magnitudes equal in float32 depends on the reference's sort or rounding.
	unordered bool
}

// asTask converts a case. ok is false for cases of methods that this package does not have; see notMethods.
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
	based := append([]string{"base"}, slices.DeleteFunc(slices.Clone(models),
		func(s string) bool { return s == "base" })...)
	sparse := func(more Params) Params {
		p := Params{"density": c.Density, "weight": c.weights(), "normalize": c.Normalize, "lambda": c.Lambda,
			"rescale": rescale}
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
			return task{"fisher", Params{"weight": []float64{1 - c.Alpha, c.Alpha}, "floor": c.Floor}, []string{"base", "ft1"},
				"wise-ft/fisher.npz", false}, true
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
		// The reference keeps one element more than density states.
		density := (c.Kept[0] + 0.5) / c.TotalLen
		merge := strings.TrimPrefix(c.MergeFunc, "dis-")
		return task{"ties", Params{"density": density, "lambda": c.Lam, "merge": merge}, []string{"base", "ft1", "ft2",
			"ft3"}, "", true}, true
	case "lines":
		return task{"lines", Params{"alpha": c.Alpha, "beta": c.Beta}, append([]string{"base"}, c.Models...), "", false}, true
	case "geometric-median":
		return task{"geometric_median", Params{"max_iter": c.Maxiter, "tol": c.Ftol}, c.Models, "", false}, true
	case "fisher":
		normalize := map[any]string{nil: "none", "param": "tensor", "model": "model"}[c.FisherMode]
		p := Params{"weight": c.ModelCoeffs, "floor": 1e-300, "smooth": 1e-10, "normalize": normalize}
		return task{"fisher", p, c.Models, "fisher/fisher.npz", false}, true
	case "dare-paper":
		return task{"dare_linear", Params{"density": 0.5, "weight": 1.0 / 3}, []string{"base", "ft1", "ft2", "ft3"}, "",
			false}, true
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
		return task{name, Params{"lambda": c.Lambda, "weight": c.weights(), "normalize": c.Normalize}, models, "",
			false}, true
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
		return task{name, Params{"weight": weights, "base": c.Base != nil, "normalize": c.NormalizeW}, models, "",
			false}, true
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
