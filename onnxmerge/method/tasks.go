package method

import (
	"math"
	"slices"
)

// A method of sparse task vectors is made of three choices: which numbers of each task
// vector stay (a sparsifier), how they are scaled then (rescale), and whether the
// models vote on the sign of every number (consensus).

// sparsifier zeroes the numbers of the task vector of one model that are dropped, and
// multiplies those that stay with what it scales by itself. off is the index of the
// first; blocks are cut by the sparsifier's granule.
type sparsifier func(model int, tau []float64, off int64)

// sparse is a method of sparse task vectors for one tensor.
type sparse struct {
	t        *Tensor
	granule  int64
	sparsify sparsifier
	weights  []float64
	scale    []float64 // of each model, after sparsify
	lambda   float64
	divide   bool // normalize
	vote     bool // consensus
}

// sparseParams are the parameters that all these methods share.
func sparseParams(normalize bool, more ...Param) []Param {
	params := []Param{
		{Name: "density", Doc: "share of the numbers of a task vector that stay", Default: 0.5, Min: 0, Max: 1, PerTask: true},
		lambdaParam(),
		taskWeightParam(),
		{Name: "normalize", Doc: "divide by the weights that take part", Kind: Bool, Default: normalize},
	}
	return append(params, more...)
}

// rescales is the Rescales of these methods.
func rescales(p Params) bool {
	return p.Choice("rescale") != "none" && slices.ContainsFunc(p.Each("density", 1), func(d float64) bool { return d < 1 })
}

func rescaleParam(value, doc string) Param {
	return Param{Name: "rescale", Doc: doc, Kind: Choice, Default: value, Choices: []string{"none", "density", "l1"}}
}

const rescaleDoc = "how what stays makes up for what is dropped: by the probability to stay, or so that the tensor keeps its sum of magnitudes"

func seedParam() Param {
	return Param{Name: "seed", Doc: "of the choice of numbers", Default: 0.0, Min: 0, Max: 1 << 53, Integer: true}
}

// newSparse reads the shared parameters.
func newSparse(t *Tensor, p Params, granule int64, sparsify sparsifier) *sparse {
	s := &sparse{t: t, granule: granule, sparsify: sparsify, weights: p.Each("weight", t.Models-1), lambda: p.Number("lambda"),
		divide: p.Bool("normalize"), scale: make([]float64, t.Models-1)}
	for i := range s.scale {
		s.scale[i] = 1
	}
	return s
}

// keepL1 scales every model so that the magnitudes of a task vector have the same sum as
// before.
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

// magnitude sums magnitudes, in four sums: one would wait for itself.
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

// mixer returns the mixer of what has been chosen.
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

// sum adds the weighted task vectors.
func (s *sparse) sum(dst []float64, tasks [][]float64, factors []float64) {
	weightedSum(dst, tasks, factors)
	if total := total(s.weights); s.divide && total != 0 {
		for i := range dst {
			dst[i] /= total
		}
	}
}

// elect adds only what agrees with the sign of the weighted sum; a sum of 0 counts as
// positive. Where normalize is set it divides by the weights of the models that agree.
func (s *sparse) elect(dst []float64, tasks [][]float64, factors []float64) {
	for m, f := range factors {
		for i, v := range tasks[m] {
			tasks[m][i] = float64(f * v)
		}
	}
	agreeing(dst, tasks, s.weights, 0, s.divide)
}

// agreeing sets dst to the sum of what agrees with the sign of the whole sum; where that
// is 0, with the sign of ifZero, and if that is 0 too, with positive numbers. If divide is
// set, it divides by the weights of what agrees and is not 0. Signs of weights are random
// as far as a processor can tell, so nothing branches on them.
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
				all = ifZero + 0 // never -0
			}
			sign[i] = math.Float64bits(all)
			out[i] -= out[i] // 0, and NaN where there is one
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

// checkSparse refuses weights that do not normalize. Where models vote, each number is
// divided by what agrees.
func checkSparse(name string, vote bool) func(Params, int) error {
	return func(p Params, models int) error {
		if vote {
			return nil
		}
		return checkTotal(name, p, p.Each("weight", models-1))
	}
}

// rankAt is the rank, counted from the smallest, of the k-th largest of n.
func rankAt(n, k int64) int64 { return n - k }

// share returns int(density * n) as the references compute it.
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

// band keeps the magnitudes from low[model] to high[model], as orderStatistics rounds
// them. NaN stays where high is infinite.
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

// magnitudeKey returns the bits of a magnitude as orderStatistics compares them.
func (t *Tensor) magnitudeKey(v float64) int64 {
	if t.Wide {
		return int64(math.Float64bits(v) &^ (1 << 63))
	}
	return int64(math.Float32bits(float32(v)) &^ (1 << 31))
}
