package probe

import (
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
)

// Layout is the order of the axes of a batch of clouds.
type Layout string

// The layouts.
const (
	LayoutAuto Layout = ""    // that of the model's declared input
	LayoutBNC  Layout = "bnc" // [batch, points, 3]
	LayoutBCN  Layout = "bcn" // [batch, 3, points]
)

// choose returns the layout in which the model takes clouds.
func (l Layout) choose(in Input) (Layout, error) {
	if len(in.Shape) != 3 {
		return "", fault.Inputf("model input %q has shape %v, but a cloud needs [batch, points, 3] or [batch, 3, points]",
			in.Name, in.Shape)
	}
	bnc, bcn := in.Shape[2] == 3, in.Shape[1] == 3
	switch l {
	case LayoutBNC:
		if in.Shape[2] != 3 && in.Shape[2] >= 0 {
			return "", fault.Inputf("layout bnc needs 3 in the last axis, but model input %q has shape %v", in.Name, in.Shape)
		}
		return l, nil
	case LayoutBCN:
		if in.Shape[1] != 3 && in.Shape[1] >= 0 {
			return "", fault.Inputf("layout bcn needs 3 in the middle axis, but model input %q has shape %v", in.Name, in.Shape)
		}
		return l, nil
	case LayoutAuto, "auto":
	default:
		return "", fault.Usagef("unknown layout %q; there are auto, bnc and bcn", string(l))
	}
	switch {
	case bnc && !bcn:
		return LayoutBNC, nil
	case bcn && !bnc:
		return LayoutBCN, nil
	}
	return "", fault.Inputf("model input %q has shape %v, which does not tell points from coordinates; "+
		"say --layout bnc or bcn",
		in.Name, in.Shape)
}

// CheckInput returns an error of kind Input unless a model with these inputs can take the sample of a data set. [Extract]
// makes the same check when it reaches the sample.
func CheckInput(inputs []Input, data datasets.Info, layout Layout, s *datasets.Sample) error {
	sources, err := newSources(inputs, data)
	if err != nil {
		return err
	}
	f := &feed{inputs: sources}
	if _, cloud := s.Points(); cloud {
		if f.layout, err = layout.choose(Samples(inputs, data)); err != nil {
			return err
		}
	}
	_, err = f.newBatch(s)
	return err
}

// sampleShape returns the axes of a sample as they are passed. layout applies to clouds.
func sampleShape(layout Layout, s *datasets.Sample) (shape []int64) {
	if points, cloud := s.Points(); cloud && layout == LayoutBCN {
		return []int64{3, int64(points)}
	}
	for _, d := range s.Shape {
		shape = append(shape, int64(d))
	}
	return shape
}

// batchShape returns the shape of a batch of n such samples, or an error if the model does not accept them.
// layout applies to clouds.
func batchShape(in Input, layout Layout, s *datasets.Sample, n int) ([]int64, error) {
	points, cloud := s.Points()
	shape := append([]int64{int64(n)}, sampleShape(layout, s)...)
	if len(in.Shape) == 0 { // nothing is declared; the engine checks the shape
		return shape, nil
	}
	fits := len(shape) == len(in.Shape)
	for i := 1; fits && i < len(shape); i++ {
		fits = in.Shape[i] < 0 || in.Shape[i] == shape[i]
	}
	if fits {
		return shape, nil
	}
	if cloud && len(in.Shape) == 3 {
		want := in.Shape[1]
		if layout == LayoutBCN {
			want = in.Shape[2]
		}
		return nil, fault.Inputf("has %d points, but model input %q takes exactly %d; say --points %d",
			points, in.Name, want, want)
	}
	return nil, fault.Inputf("has shape %v, but model input %q takes %v after the batch axis", s.Shape, in.Name,
		in.Shape[1:])
}

// put copies sample s into dst, which is large enough, in layout l.
func (l Layout) put(dst []float32, s *datasets.Sample) {
	n, cloud := s.Points()
	if !cloud || l != LayoutBCN {
		copy(dst, s.X)
		return
	}
	x, y, z := dst[:n], dst[n:2*n], dst[2*n:3*n]
	for i := range n {
		p := s.X[3*i : 3*i+3]
		x[i], y[i], z[i] = p[0], p[1], p[2]
	}
}
