package align

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"

	"github.com/wiseft/wiseft/internal/fault"
)

// Correlation joins the activations of one model's units and another's over batches, in float64 (Chan et al. 1979,
// equations 1.5). It takes 8 n^2 bytes for n units.
type Correlation struct {
	n     int
	count float64
	a, b  moments
	cross []float64 // sums of products of deviations, units of a by units of b
}

// moments are means and sums of squared deviations, per unit.
type moments struct{ mean, squares []float64 }

// NewCorrelation returns an empty correlation of n units.
func NewCorrelation(n int) *Correlation {
	m := func() moments { return moments{make([]float64, n), make([]float64, n)} }
	return &Correlation{n: n, a: m(), b: m(), cross: make([]float64, n*n)}
}

// Add adds activations of both models on the same inputs, row by row, with one number per unit: [Site.Rows].
func (c *Correlation) Add(a, b []float32) error {
	if len(a) != len(b) || c.n == 0 || len(a)%c.n != 0 {
		return fmt.Errorf("align: activations of %d and %d numbers for %d units", len(a), len(b), c.n)
	}
	rows := len(a) / c.n
	for from := 0; from < rows; from += columns {
		to := min(from+columns, rows)
		if err := c.add(a[from*c.n:to*c.n], b[from*c.n:to*c.n]); err != nil {
			return err
		}
	}
	return nil
}

// add adds a block of rows.
func (c *Correlation) add(a, b []float32) error {
	rows := len(a) / c.n
	x, meanX, err := centred(a, c.n)
	if err != nil {
		return err
	}
	y, meanY, err := centred(b, c.n)
	if err != nil {
		return err
	}
	general := func(data []float64) blas64.General {
		return blas64.General{Rows: rows, Cols: c.n, Stride: c.n, Data: data}
	}
	cross := blas64.General{Rows: c.n, Cols: c.n, Stride: c.n, Data: c.cross}
	blas64.Gemm(blas.Trans, blas.NoTrans, 1, general(x), general(y), 1, cross)
	weight := c.count * float64(rows) / (c.count + float64(rows))
	for i := range c.n {
		dx := meanX[i] - c.a.mean[i]
		for j := range c.n {
			c.cross[i*c.n+j] += weight * dx * (meanY[j] - c.b.mean[j])
		}
	}
	c.count += float64(rows)
	c.a.join(x, meanX, weight, float64(rows)/c.count)
	c.b.join(y, meanY, weight, float64(rows)/c.count)
	return nil
}

// Join adds what another correlation of as many units has taken in.
func (c *Correlation) Join(other *Correlation) error {
	if c.n != other.n {
		return fmt.Errorf("align: correlations of %d and %d units", c.n, other.n)
	}
	if other.count == 0 {
		return nil
	}
	weight := c.count * other.count / (c.count + other.count)
	for i := range c.n {
		dx := other.a.mean[i] - c.a.mean[i]
		for j := range c.n {
			c.cross[i*c.n+j] += other.cross[i*c.n+j] + weight*dx*(other.b.mean[j]-c.b.mean[j])
		}
	}
	c.count += other.count
	for _, m := range []struct{ to, from moments }{{c.a, other.a}, {c.b, other.b}} {
		for i, v := range m.from.squares {
			m.to.squares[i] += v
		}
		m.to.join(nil, m.from.mean, weight, other.count/c.count)
	}
	return nil
}

// centred returns rows of n numbers with the mean of each column subtracted.
func centred(list []float32, n int) (deviations, mean []float64, err error) {
	deviations, mean = make([]float64, len(list)), make([]float64, n)
	rows := float64(len(list) / n)
	for i, v := range list {
		mean[i%n] += float64(v) / rows
	}
	for i, v := range list {
		if deviations[i] = float64(v) - mean[i%n]; math.IsNaN(deviations[i]) || math.IsInf(deviations[i], 0) {
			return nil, nil, fault.Mismatchf("the activations of unit %d are not finite", i%n)
		}
	}
	return deviations, mean, nil
}

// join adds a block: weight is that of the squared difference of the means, share its part of all rows.
func (m moments) join(deviations, mean []float64, weight, share float64) {
	n := len(mean)
	for i, d := range deviations {
		m.squares[i%n] += d * d
	}
	for i, v := range mean {
		d := v - m.mean[i]
		m.squares[i] += weight * d * d
		m.mean[i] += share * d
	}
}

// Matrix returns Pearson's correlation of each unit of a with each of b, row by row; 0 for a unit that does not vary.
func (c *Correlation) Matrix() []float64 {
	list := make([]float64, len(c.cross))
	for i := range c.n {
		for j := range c.n {
			if scale := math.Sqrt(c.a.squares[i]) * math.Sqrt(c.b.squares[j]); scale > 0 {
				list[i*c.n+j] = c.cross[i*c.n+j] / scale
			}
		}
	}
	return list
}

// Constant returns the units of either model that do not vary on the data: their correlation says nothing.
func (c *Correlation) Constant() (list []int) {
	for i := range c.n {
		if c.a.squares[i] == 0 || c.b.squares[i] == 0 {
			list = append(list, i)
		}
	}
	return list
}
