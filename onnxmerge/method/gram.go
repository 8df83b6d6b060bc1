package method

import "math"

// gram is the Gram matrix of vectors: their scalar products. Methods of angles and distances need nothing else,
// because their results are weighted sums of the models.
type gram [][]float64

// gramOf scans a tensor for the Gram matrix of its models, relative to model base, which is then left out; a negative
// base means relative to zero.
func gramOf(t *Tensor, base int) (gram, error) {
	first := 0
	if base == 0 {
		first = 1
	}
	n := t.Models - first
	flat, err := sum(t, 1, n*n, func(total []float64, src [][]float64, _ int64) {
		if base == 0 {
			fromBase(src)
		}
		addProducts(total, src[first:t.Models])
	})
	if err != nil {
		return nil, err
	}
	g := make(gram, n)
	for i := range g {
		g[i] = flat[i*n:][:n]
		for j := range i {
			g[i][j] = g[j][i]
		}
	}
	return g, nil
}

// fromBase converts models to task vectors, in place.
func fromBase(src [][]float64) {
	base := src[0]
	for _, x := range src[1:] {
		x = x[:len(base)]
		for i, b := range base {
			x[i] -= b
		}
	}
}

// addProducts adds the scalar products to the upper triangle of a flat matrix.
func addProducts(total []float64, v [][]float64) {
	for i, x := range v {
		for j := i; j < len(v); j++ {
			total[i*len(v)+j] += dot(x, v[j])
		}
	}
}

func dot(x, y []float64) float64 {
	y = y[:len(x)]
	sum := 0.0
	for i, v := range x {
		sum += float64(v * y[i])
	}
	return sum
}

func (g gram) norm(i int) float64 { return math.Sqrt(g[i][i]) }

// product returns the scalar product of two weighted sums of the vectors.
func (g gram) product(a, b []float64) float64 {
	sum := 0.0
	for i, x := range a {
		for j, y := range b {
			sum += float64(float64(x*y) * g[i][j])
		}
	}
	return sum
}

// units returns the Gram matrix of the vectors divided by their lengths.
func (g gram) units(lengths []float64) gram {
	u := make(gram, len(g))
	for i := range g {
		u[i] = make([]float64, len(g))
		for j := range g {
			u[i][j] = g[i][j] / lengths[i] / lengths[j]
		}
	}
	return u
}

// combine returns the Mix sum_i c[i] * src[i].
func combine(c []float64) Mix {
	return func(dst []float64, src [][]float64, _ int64) { weightedSum(dst, src, c) }
}

// combineTasks returns the Mix base + sum_i c[i] * tau_i.
func combineTasks(c []float64) Mix {
	return func(dst []float64, src [][]float64, _ int64) {
		fromBase(src)
		weightedSum(dst, src[1:], c)
		add(dst, src[0])
	}
}

// weightedSum sets dst to sum_i c[i] * v[i].
func weightedSum(dst []float64, v [][]float64, c []float64) {
	for i, x := range v[0][:len(dst)] {
		dst[i] = float64(c[0] * x)
	}
	for m := 1; m < len(c); m++ {
		w := c[m]
		for i, x := range v[m][:len(dst)] {
			dst[i] += float64(w * x)
		}
	}
}

func add(dst, x []float64) {
	for i, v := range x[:len(dst)] {
		dst[i] += v
	}
}

func total(list []float64) float64 {
	sum := 0.0
	for _, v := range list {
		sum += v
	}
	return sum
}
