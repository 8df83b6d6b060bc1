package probe

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/feature"
)

// The modes of a [Pooling].
const (
	PoolMean    = "mean"    // the mean over all positions
	PoolMax     = "max"     // the maximum over all positions
	PoolCLS     = "cls"     // the first position
	PoolLast    = "last"    // the last position
	PoolFlatten = "flatten" // all positions side by side
	PoolNone    = "none"    // all positions, with their axes: features that no probe takes
)

var poolModes = []string{PoolMean, PoolMax, PoolCLS, PoolLast, PoolFlatten, PoolNone}

// Pooling says how a tensor with more axes than batch and features becomes one row of features a sample. The zero value
// flattens axes that the model declares with a fixed length, and refuses others.
type Pooling struct {
	Mode string `json:"mode,omitempty"`
	// FeatureAxis is the axis of the tensor that remains, counted from the batch axis, 0. 0 is the default: the last of
	// three axes, unless it alone has no declared length; axis 1 of four; never one of length 1 beside a longer one;
	// for clouds never one as long as the number of points, unless all are.
	FeatureAxis int `json:"feature_axis,omitempty"`
	// Mask is the input that says which positions the modes mean, max, cls and last take: those where it is 1, or with
	// ! in front where it is 0, as key-padding masks have it. It has the shape of the positions. "" is [AttentionMask],
	// if there is such an input of shape [batch, length], and [NoMask] takes all positions.
	Mask string `json:"mask,omitempty"`
}

// Check returns an error of the kind Usage if the mode is unknown, or has no use for the axis.
func (p Pooling) Check() error {
	switch {
	case p.Mode != "" && !slices.Contains(poolModes, p.Mode):
		return fault.Usagef("--pool %s is not one of %s", p.Mode, strings.Join(poolModes, ", "))
	case p.FeatureAxis < 0:
		return fault.Usagef("--feature-axis %d is no axis behind the batch axis, 0", p.FeatureAxis)
	case p.FeatureAxis > 0 && !p.reduces():
		return fault.Usagef("--feature-axis names the axis that --pool mean, max, cls or last leave, and none of them is given")
	}
	return nil
}

// reduces reports whether one axis remains.
func (p Pooling) reduces() bool { return p.Mode != "" && p.Mode != PoolFlatten && p.Mode != PoolNone }

// pooler pools the passes of a model over one data set.
type pooler struct {
	Pooling
	layout Layout  // of clouds; "" for other data
	shape  []int64 // of the first pass behind the batch axis; nil before it, and if the engine states none
	axis   int     // that remains, counted from the batch axis
	mask   *mask   // nil = all positions are pooled
	masked bool    // some pass had a mask
}

func newPooler(p Pooling, f *feed) (*pooler, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	m, err := newMask(p, f.inputs)
	return &pooler{Pooling: p, layout: f.layout, mask: m}, err
}

// points returns the number of points of the clouds of a batch; 0 for other data.
func (p *pooler) points(b Batch) int64 {
	switch p.layout {
	case LayoutBNC:
		return b.Shape[1]
	case LayoutBCN:
		return b.Shape[2]
	}
	return 0
}

// pool makes the rows of a pass, which are the end of x from before on, rows of features. b was the input, and out
// describes the output.
func (p *pooler) pool(x []float32, before int, b Batch, out Output) ([]float32, error) {
	if len(out.Shape) == 0 {
		if p.reduces() {
			return nil, fault.Inputf("the engine does not state the shape of tensor %q, which --pool %s needs", out.Name, p.Mode)
		}
		return x, nil
	}
	if p.shape == nil {
		p.shape = slices.Clone(out.Shape[1:])
		if err := p.choose(p.points(b), out); err != nil {
			return nil, err
		}
	}
	if !p.reduces() {
		return x, p.checkSame(out)
	}
	if len(out.Shape)-1 != len(p.shape) || out.Shape[p.axis] != p.shape[p.axis-1] {
		return nil, fault.Inputf("tensor %q has shape %v, and %v for the first samples: axis %d, the features, must stay as "+
			"long as it is", out.Name, out.Shape[1:], p.shape, p.axis)
	}
	if slices.Contains(out.Shape, 0) {
		return nil, fault.Inputf("tensor %q has shape %v, which has no position to pool", out.Name, out.Shape)
	}
	var kept []bool
	if p.mask != nil {
		var err error
		if kept, err = p.mask.kept(b, slices.Delete(slices.Clone(out.Shape[1:]), p.axis-1, p.axis), out.Name); err != nil {
			return nil, err
		}
		p.masked = p.masked || kept != nil
	}
	return p.reduce(x, before, out.Shape, kept), nil
}

// checkSame refuses a tensor whose axes are not those of the first pass: its values stand for other positions, even if
// there are as many.
func (p *pooler) checkSame(out Output) error {
	if slices.Equal(p.shape, out.Shape[1:]) {
		return nil
	}
	err := fault.Inputf("tensor %q has shape %v for a sample, and %v for the first one: a column of features would stand for "+
		"different places; its features depend on the shape of the input", out.Name, out.Shape[1:], p.shape)
	if len(p.shape) < 2 {
		return err
	}
	return err.WithHint("pool the places with --pool mean, or give all samples one shape")
}

// choose sets the axis that remains, or refuses a tensor that is not to be pooled and has axes whose length is not
// fixed.
func (p *pooler) choose(points int64, out Output) error {
	long := p.long()
	if p.Mode == "" {
		isFree := out.free
		if len(long) > 1 && slices.ContainsFunc(long, isFree) {
			return fault.Inputf("tensor %q has shape %v for a sample, and the model declares %s: what a column of features "+
				"stands for would depend on the input", out.Name, p.shape, out.declared()).
				WithHint("say how its positions become one row with --pool mean, max, cls, last or flatten")
		}
		return nil
	}
	if !p.reduces() {
		return nil
	}
	last := len(p.shape)
	if p.axis = p.FeatureAxis; p.axis > 0 {
		if p.axis > last {
			return fault.Usagef("--feature-axis %d: tensor %q has the axes 0 (batch) to %d", p.axis, out.Name, last)
		}
		return nil
	}
	switch {
	case last == 0:
		return fault.Inputf("tensor %q has one value a sample, and no axis to pool", out.Name)
	case last == 1:
		p.axis = 1
	case len(long) <= 1:
		p.axis = append(long, last)[0]
	case len(long) > 3:
		return fault.Inputf("tensor %q has shape %v for a sample, which does not say which axis has the features", out.Name,
			p.shape).WithHint("name it with --feature-axis N, counted from the batch axis, 0")
	default:
		p.axis = p.preferred(long, points, out)
	}
	return nil
}

// long returns the axes that are longer than 1.
func (p *pooler) long() (axes []int) {
	for i, n := range p.shape {
		if n != 1 {
			axes = append(axes, i+1)
		}
	}
	return axes
}

// preferred returns the axis with the features among two or three that are longer than 1.
func (p *pooler) preferred(long []int, points int64, out Output) int {
	first, end := long[0], long[len(long)-1]
	order := []int{end, first}
	if len(long) == 3 || len(p.shape) == 3 && first == 1 {
		order = []int{first, end}
	} else if len(long) == 2 && out.free(end) && !out.free(first) {
		order = []int{first, end}
	}
	for _, axis := range order {
		if points == 0 || p.shape[axis-1] != points {
			return axis
		}
	}
	return order[0]
}

// reduce pools the rows of a pass in place. A row has outer blocks of width x inner values, of which width remain:
// value j is made of values at or behind place j alone. kept are the positions that are pooled; nil = all.
func (p *pooler) reduce(x []float32, before int, shape []int64, kept []bool) []float32 {
	outer, width, inner := 1, int(shape[p.axis]), 1
	for i, n := range shape[1:] {
		switch {
		case i+1 < p.axis:
			outer *= int(n)
		case i+1 > p.axis:
			inner *= int(n)
		}
	}
	rows, size := int(shape[0]), outer*width*inner
	for r := range rows {
		row := x[before+r*size : before+(r+1)*size]
		if kept != nil {
			positions := kept[r*outer*inner : (r+1)*outer*inner]
			for j := range width {
				x[before+r*width+j] = p.maskedValue(row[j*inner:], positions, width*inner, inner)
			}
			continue
		}
		for j := range width {
			x[before+r*width+j] = p.value(row[j*inner:], outer, width*inner, inner)
		}
	}
	return x[:before+rows*width]
}

// value pools one feature: runs of inner values, each stride behind the one before.
func (p *pooler) value(x []float32, outer, stride, inner int) float32 {
	switch p.Mode {
	case PoolCLS:
		return x[0]
	case PoolLast:
		return x[(outer-1)*stride+inner-1]
	}
	sum, largest := 0.0, x[0]
	for i := range outer {
		for _, v := range x[i*stride : i*stride+inner] {
			sum += float64(v)
			largest = max(largest, v)
		}
	}
	if p.Mode == PoolMax {
		return largest
	}
	return float32(sum / float64(outer*inner))
}

// maskedValue pools one feature like value, of the positions that are kept, which are one or more.
func (p *pooler) maskedValue(x []float32, kept []bool, stride, inner int) float32 {
	n, sum, last := 0, 0.0, float32(0)
	largest := float32(math.Inf(-1))
	for at, keep := range kept {
		if !keep {
			continue
		}
		last = x[at/inner*stride+at%inner]
		if n == 0 && p.Mode == PoolCLS {
			return last
		}
		n++
		sum, largest = sum+float64(last), max(largest, last)
	}
	switch p.Mode {
	case PoolMax:
		return largest
	case PoolLast:
		return last
	}
	return float32(sum / float64(n))
}

// axes returns those of a row that keeps several; nil where there is one, and before the first pass.
func (p *pooler) axes() (axes []int) {
	if p.Mode == PoolNone {
		for _, n := range p.shape {
			axes = append(axes, int(n))
		}
	}
	return axes
}

// record describes in f what was pooled, if a mode is named.
func (p *pooler) record(f *feature.Set, tensor string) {
	if p.Mode == "" || p.shape == nil {
		return
	}
	f.Meta.Pool = &feature.Pool{Mode: p.Mode, Axes: len(p.shape) + 1}
	f.Axes = p.axes()
	if p.reduces() {
		f.Meta.Pool.FeatureAxis = p.axis
		if p.masked {
			f.Meta.Pool.Mask = p.mask.name
		}
		f.Meta.Data.History = append(slices.Clip(f.Meta.Data.History), p.describe(tensor))
	}
}

// describe returns a line for the history of features. tensor names what was pooled.
func (p *pooler) describe(tensor string) string {
	others := make([]string, 0, len(p.shape))
	for axis := 1; axis <= len(p.shape); axis++ {
		if axis != p.axis {
			others = append(others, fmt.Sprint(axis))
		}
	}
	if len(others) == 0 {
		return fmt.Sprintf("tensor %q has one position a sample, which --pool %s takes", tensor, p.Mode)
	}
	where := ""
	if p.masked {
		input, inverted := strings.CutPrefix(p.mask.name, "!")
		where = fmt.Sprintf(" where the input %q is %d", input, map[bool]int{false: 1, true: 0}[inverted])
	}
	return fmt.Sprintf("tensor %q, %v for the first sample, is pooled by %s over the axes %s%s; axis %d has the features",
		tensor, p.shape, p.Mode, strings.Join(others, " and "), where, p.axis)
}
