package method

func init() {
	Register(Method{
		Name:    "nuslerp",
		Doc:     "interpolate on the arc between two models or their task vectors, by tensor, row or column",
		Formula: "slerp with t = w_2 / (w_1 + w_2), of theta or, with base, of tau",
		Source:  "mergekit, NuSLERP, 2024",
		Detail: "With base=true the first of three models is the base. If the weights sum to 0, t is 0.5. Collinear " +
			"vectors are interpolated linearly; zero vectors count as orthogonal. axis selects the vectors between which " +
			"angles are measured: the whole tensor, rows (last axis) or columns (first axis).",
		MinModels: 2, MaxModels: 3,
		Class: Whole,
		Params: []Param{
			{Name: "weight", Doc: "weights of the two models", Default: 1.0, PerModel: true},
			{Name: "base", Doc: "use the first of three models as the base", Kind: Bool, Default: false},
			{Name: "axis", Doc: "the vectors between which angles are measured", Kind: Choice, Default: "tensor",
				Choices: []string{"tensor", "rows", "columns"}},
		},
		Differs: []Difference{{"mergekit nuslerp", "compares sin(Omega) with 1e-8 in float32, so that sin(pi) does not " +
			"count as 0", "compares in float64, where it does",
			"elements of opposite sign in a tensor of one element gave 1e5"},
			{"mergekit nuslerp", "divides by norms of at least 1e-7", "divides by norms as they are",
				"directions must not depend on the scale of a tensor"},
			{"mergekit nuslerp", "t is 0.5 if the weights sum to less than 1e-6", "only if they sum to 0",
				"the result must not depend on the scale of the weights"}},
		Check: func(p Params, models int) error {
			if p.Bool("base") != (models == 3) {
				return &ParamError{msg: "method nuslerp takes 2 models, or with base=true the base and 2 models"}
			}
			return nil
		},
		New: newNuslerp,
	})
}

func newNuslerp(t *Tensor, p Params) (Mixer, error) {
	weights := p.Each("weight", t.Models)
	hasBase := p.Bool("base")
	if hasBase {
		weights = weights[1:]
	}
	at := 0.5
	if sum := weights[0] + weights[1]; sum != 0 {
		at = weights[1] / sum
	}
	switch p.Choice("axis") {
	case "rows":
		return Mixer{Granule: t.RowLen(), Mix: nuslerpRows(t.RowLen(), at, hasBase)}, nil
	case "columns":
		columns := t.RowLen()
		if len(t.Dims) > 1 {
			columns = t.Len / t.Dims[0]
		}
		if len(t.Dims) < 2 {
			columns = 1
		}
		return Mixer{Granule: t.Len, Mix: nuslerpColumns(columns, at, hasBase)}, nil
	}
	base := -1
	if hasBase {
		base = 0
	}
	g, err := gramOf(t, base)
	if err != nil {
		return Mixer{}, err
	}
	a, b := nuslerpFactors(g[0][0], g[0][1], g[1][1], at)
	if hasBase {
		return blocks(combineTasks([]float64{a, b}))
	}
	return blocks(combine([]float64{a, b}))
}

// colinear is the sine below which two vectors count as collinear. Rounding of the cosine alone gives 1.5e-8.
const colinear = 1e-7

// nuslerpFactors returns the factors of two vectors with the given scalar products.
func nuslerpFactors(aa, ab, bb, t float64) (a, b float64) {
	cosine := cosineOf(aa, ab, bb)
	if !(1-cosine*cosine > colinear*colinear) { // true for NaN, too
		return 1 - t, t
	}
	return arc(cosine, t)
}

func nuslerpRows(row int64, t float64, hasBase bool) Mix {
	return func(dst []float64, src [][]float64, _ int64) {
		v := nuslerpVectors(src, hasBase)
		for at := 0; at < len(dst); at += int(row) {
			x, y, out := v[0][at:][:row], v[1][at:][:row], dst[at:][:row]
			a, b := nuslerpFactors(dot(x, x), dot(x, y), dot(y, y), t)
			weightedSum(out, [][]float64{x, y}, []float64{a, b})
		}
		if hasBase {
			add(dst, src[0])
		}
	}
}

// nuslerpColumns measures angles along the first axis, for each index of the others.
func nuslerpColumns(columns int64, t float64, hasBase bool) Mix {
	return func(dst []float64, src [][]float64, _ int64) {
		v := nuslerpVectors(src, hasBase)
		products := make([]float64, 3*columns)
		for i, x := range v[0] {
			c, y := int64(i)%columns, v[1][i]
			products[3*c] += float64(x * x)
			products[3*c+1] += float64(x * y)
			products[3*c+2] += float64(y * y)
		}
		factors := make([]float64, 2*columns)
		for c := range columns {
			factors[2*c], factors[2*c+1] = nuslerpFactors(products[3*c], products[3*c+1], products[3*c+2], t)
		}
		for i := range dst {
			c := int64(i) % columns
			dst[i] = float64(factors[2*c]*v[0][i]) + float64(factors[2*c+1]*v[1][i])
		}
		if hasBase {
			add(dst, src[0])
		}
	}
}

func nuslerpVectors(src [][]float64, hasBase bool) [][]float64 {
	if !hasBase {
		return src
	}
	fromBase(src)
	return src[1:]
}
