package method

import (
	"math"
	"slices"
)

// A method of sparse task vectors combines three choices: which elements of each task vector are kept (sparsifier),
// how the kept ones are scaled (rescale), and whether the models elect a sign for every element (vote).

// sparsifier zeroes the dropped elements of one model's task vector, and scales the kept ones if the scale differs
// between elements. off is the index of the first element; blocks are cut by the sparsifier's granule.
type sparsifier func(model int, tau []float64, off int64)

// sparse is a method of sparse task vectors for one tensor.
type sparse struct {
	t        *Tensor
	granule  int64
	sparsify sparsifier
	weights  []float64
	scale    []float64 // by model, applied after sparsify
	lambda   float64
	divide   bool // normalize: divide by the sum of the weights
	vote     bool // elect a sign for every element
}

// sparseParams returns the parameters that these methods share.
func sparseParams(normalize bool, more ...Param) []Param {
	params := []Param{
		{Name: "density", Doc: "share of the elements of a task vector that are kept", Default: 0.5, Min: 0, Max: 1,
			PerTask: true},
		lambdaParam(),
		taskWeightParam(),
		{Name: "normalize", Doc: "divide by the sum of the weights that contribute to the element", Kind: Bool,
			Default: normalize},
	}
	return append(params, more...)
}

// rescales is Method.Rescales of these methods.
func rescales(p Params) bool {
	drops := slices.ContainsFunc(p.Each("density", 1), func(d float64) bool { return d < 1 })
	return drops && p.Choice("rescale") != "none"
}

func rescaleParam(value, doc string) Param {
	return Param{Name: "rescale", Doc: doc, Kind: Choice, Default: value, Choices: []string{"none", "density", "l1"}}
}

// rescaleL1Param is rescale of the methods that draw nothing, which have no probabilities to divide by.
func rescaleL1Param() Param {
	return Param{Name: "rescale", Doc: "l1 scales the kept elements so that the tensor keeps its sum of magnitudes",
		Kind: Choice, Default: "none", Choices: []string{"none", "l1"}}
}

// smallSums is how rescale=l1 differs from a reference.
func smallSums(reference string) Difference {
	return Difference{reference, "rescale=l1 does nothing where a sum of magnitudes is below 1e-7", "scales unless the sum is 0",
		"the result must not depend on the scale of the weights"}
}

const rescaleDoc = "how the kept elements are scaled up: divided by their probability (density), or so that the " +
	"tensor keeps its sum of magnitudes (l1)"

func seedParam() Param {
	return Param{Name: "seed", Doc: "seed of the random choice of elements", Default: 0.0, Min: 0, Max: 1 << 53,
		Integer: true}
}

// newSparse reads the shared parameters.
func newSparse(t *Tensor, p Params, granule int64, sparsify sparsifier) *sparse {
	tasks := t.Models - 1
	return &sparse{
		t: t, granule: granule, sparsify: sparsify,
		weights: p.Each("weight", tasks),
		scale:   slices.Repeat([]float64{1}, tasks),
		lambda:  p.Number("lambda"),
		divide:  p.Bool("normalize"),
	}
}

// keepL1 scales every model's task vector so that its sum of magnitudes is the same as before dropping.
func (s *sparse) keepL1() error {
	n := len(s.weights)
	sums, err := sum(s.t, s.granule, 2*n, func(total []float64, src [][]float64, off int64) {
		fromBase(src)
		for m, tau := range src[1:] {
			total[m] += magnitude(tau)
			s.sparsify(m, tau, off)
			total[n+m] += magnitude(tau)
		}
	})
	if err != nil {
		return err
	}
	for m := range s.scale {
		if before, after := sums[m], sums[n+m]; before > 0 && after > 0 {
			s.scale[m] = before / after
		}
	}
	return nil
}

// magnitude returns the sum of magnitudes. Four independent sums hide the latency of the additions.
func magnitude(v []float64) float64 {
	var sums [4]float64
	for ; len(v) >= 4; v = v[4:] {
		sums[0] += math.Abs(v[0])
		sums[1] += math.Abs(v[1])
		sums[2] += math.Abs(v[2])
		sums[3] += math.Abs(v[3])
	}
	for _, x := range v {
		sums[0] += math.Abs(x)
	}
	return sums[0] + sums[1] + (sums[2] + sums[3])
}

// mixer returns the Mixer of the method.
func (s *sparse) mixer() Mixer {
	if s.lambda == 0 {
		return copyOf(0)
	}
	factors := make([]float64, len(s.weights))
	for m, w := range s.weights {
		factors[m] = w * s.scale[m]
	}
	merge := s.sum
	if s.vote {
		merge = s.elect
	}
	return Mixer{Granule: s.granule, Mix: func(dst []float64, src [][]float64, off int64) {
		fromBase(src)
		for m, tau := range src[1:] {
			s.sparsify(m, tau, off)
		}
		merge(dst, src[1:], factors)
		for i, b := range src[0][:len(dst)] {
			dst[i] = b + float64(s.lambda*dst[i])
		}
	}}
}

// sum sets dst to the weighted sum of the task vectors.
func (s *sparse) sum(dst []float64, tasks [][]float64, factors []float64) {
	weightedSum(dst, tasks, factors)
	if total := total(s.weights); s.divide && total != 0 {
		for i := range dst {
			dst[i] /= total
		}
	}
}

// elect sets dst to the sum of the elements that agree in sign with the weighted sum over all models; a sum of 0
// counts as positive. With normalize it divides by the weights of the models that agree.
func (s *sparse) elect(dst []float64, tasks [][]float64, factors []float64) {
	for m, f := range factors {
		for i, v := range tasks[m] {
			tasks[m][i] = float64(f * v)
		}
	}
	agreeing(dst, tasks, s.weights, 0, s.divide)
}

// agreeing sets dst to the sum of the elements that agree in sign with the sum over all models. If that sum is 0, the
// sign is that of ifZero, and positive if ifZero is 0. If divide is set, the result is divided by the weights of the
// agreeing elements that are not 0. The inner loops are branch-free, because signs of weights are unpredictable.
func agreeing(dst []float64, tasks [][]float64, weights []float64, ifZero float64, divide bool) {
	const n = 256
	var sign [n]uint64
	var weight [n]float64
	for at := 0; at < len(dst); at += n {
		out := dst[at:min(at+n, len(dst))]
		copy(out, tasks[0][at:])
		for _, tau := range tasks[1:] {
			add(out, tau[at:])
		}
		for i, all := range out {
			if all == 0 {
				all = ifZero + 0 // not -0
			}
			sign[i] = math.Float64bits(all)
			out[i] -= out[i] // 0, or NaN if there is one
			weight[i] = 0
		}
		for m, tau := range tasks {
			w := math.Float64bits(weights[m])
			for i, v := range tau[at:][:len(out)] {
				bits := math.Float64bits(v)
				agrees := ^uint64(int64(bits^sign[i]) >> 63)
				isNumber := uint64(int64(bits<<1|-(bits<<1)) >> 63)
				out[i] += math.Float64frombits(bits & agrees)
				weight[i] += math.Float64frombits(w & agrees & isNumber)
			}
		}
		if !divide {
			continue
		}
		for i, w := range weight[:len(out)] {
			if w != 0 {
				out[i] /= w
			}
		}
	}
}

// checkSparse returns a Check that refuses weights with sum 0 if they are to be normalized. With a vote each element
// has its own divisor, so all weights are accepted.
func checkSparse(name string, vote bool) func(Params, int) error {
	return func(p Params, models int) error {
		if vote {
			return nil
		}
		return checkTotal(name, p, p.Each("weight", models-1))
	}
}

// rankAt returns the rank, counted from the smallest, of the k-th largest of n.
func rankAt(n, k int64) int64 { return n - k }

// share returns int(density * n), as the references compute it.
func share(density float64, n int64) int64 { return int64(density * float64(n)) }

// magnitudes is the measure of task vectors for [orderStatistics].
func magnitudes(out, src [][]float64, _ int64) {
	base := src[0]
	for m := range out {
		x := src[m+1][:len(base)]
		o := out[m][:len(base)]
		for i, b := range base {
			o[i] = math.Abs(x[i] - b)
		}
	}
}

// band returns a sparsifier that keeps the magnitudes from low[model] to high[model], compared as orderStatistics
// rounds them. NaN is kept if high is infinite.
func (t *Tensor) band(low, high []float64) sparsifier {
	from, to := make([]int64, len(low)), make([]int64, len(low))
	for m := range low {
		from[m], to[m] = t.magnitudeKey(low[m]), t.magnitudeKey(high[m])
		if math.IsInf(high[m], 1) {
			to[m] = math.MaxInt64
		}
	}
	return func(model int, tau []float64, _ int64) {
		lo, hi := from[model], to[model]
		for i, v := range tau {
			key := t.magnitudeKey(v)
			outside := uint64((key-lo)>>63 | (hi-key)>>63)
			tau[i] = math.Float64frombits(math.Float64bits(v) &^ outside)
		}
	}
}

// magnitudeKey returns the bits of a magnitude, which order as orderStatistics compares them.
func (t *Tensor) magnitudeKey(v float64) int64 {
	if t.Wide {
		return int64(math.Float64bits(v) &^ (1 << 63))
	}
	return int64(math.Float32bits(float32(v)) &^ (1 << 31))
}
