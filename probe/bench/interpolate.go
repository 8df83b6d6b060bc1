package bench

import "github.com/wiseft/wiseft/probe/feature"

// interpolated returns the training features at the alpha of i, given passed, the extracted features of samples. The
// features of other samples are interpolated linearly between the ends of the grid, plus the mean deviation from the
// line of the passed samples of their class. samples is sorted.
//
// The deviation depends on the class because it results from the models classifying differently. On two real pairs
// (PointNet and a transformer, ModelNet10, 128 points, half of the samples passed) it reduces the root mean square
// error of margins within 2 of zero from .096 to .004 and from .088 to .043.
func (s *searching) interpolated(i int, samples []int, passed *feature.Set) *feature.Set {
	f := s.line(i)
	bends := classBends{map[int64][]float64{}, map[int64]float64{}}
	was := make([]bool, f.Len())
	for k, row := range samples {
		bends.gather(f.Y[row], f.Row(row), passed.Row(k))
		was[row] = true
		copy(f.Row(row), passed.Row(k))
	}
	for row := range was {
		if !was[row] {
			bends.move(f.Row(row), f.Y[row])
		}
	}
	return f
}

// line returns the features interpolated linearly between the ends of the grid, at the alpha of i.
func (s *searching) line(i int) *feature.Set {
	a, b := s.ends[0], s.ends[1]
	t := (s.grid[i] - s.grid[0]) / (s.grid[len(s.grid)-1] - s.grid[0])
	f := &feature.Set{X: make([]float32, len(a.X)), Dim: a.Dim, Y: a.Y, Meta: a.Meta}
	for k, x := range a.X {
		f.X[k] = float32((1-t)*float64(x) + t*float64(b.X[k]))
	}
	return f
}

// classBends are the deviations of samples from the line between the ends: sums by class, and counts.
type classBends struct {
	sums  map[int64][]float64
	count map[int64]float64
}

func (b classBends) gather(class int64, line, passed []float32) {
	sum := b.sums[class]
	if sum == nil {
		sum = make([]float64, len(line))
		b.sums[class] = sum
	}
	b.count[class]++
	for j, x := range passed {
		sum[j] += float64(x) - float64(line[j])
	}
}

// move adds the mean deviation of its class to a row; nothing without samples of the class.
func (b classBends) move(row []float32, class int64) {
	for j, sum := range b.sums[class] {
		row[j] += float32(sum / b.count[class])
	}
}
