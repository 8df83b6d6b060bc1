package wiseft

import (
	"errors"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/repair"
	"github.com/wiseft/wiseft/probe/ort"
)

// manyPositions is how many times as many positions as are measured held values must have for the operators behind them to
// be computed on those alone. All positions are computed once more when an operator needs them.
const manyPositions = 4

// somePositions returns what measures a stage on some positions of the held values, if its operators compute each position
// by itself, as those of point clouds do: the largest values of a network are not held then. It is nil otherwise.
func (p *measuring) somePositions(stage *repair.Stage) (*measuring, error) {
	from := p.names
	if p.some != nil {
		from = p.some.names
	}
	axes, ok := p.spread()
	if !ok || !stage.Positionwise(from, axes) {
		if p.some != nil {
			p.some.close()
			p.some = nil
		}
		return nil, nil
	}
	if p.some != nil {
		return p.some, nil
	}
	p.some = &measuring{calibration: p.calibration, m: p.m, what: p.what, names: p.names}
	for _, b := range p.held {
		taken, err := b.take()
		if err != nil {
			return nil, err
		}
		p.some.held = append(p.some.held, taken)
	}
	return p.some, nil
}

// spread returns the number of axes of the held values, if they are float32 with the same many positions.
func (p *measuring) spread() (axes int, ok bool) {
	if !p.whole || p.names == nil {
		return 0, false
	}
	var positions []int64
	for _, b := range p.held {
		for _, v := range b.values {
			if v.Type != ort.Float32 || len(v.Shape) < 3 || positions != nil && !slices.Equal(v.Shape[2:], positions) {
				return 0, false
			}
			positions = v.Shape[2:]
		}
	}
	return len(positions) + 2, elementCount(positions) >= manyPositions*repair.Positions
}

func elementCount(dims []int64) int64 {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	return n
}

// take returns copies of the values at the positions that are measured.
func (b batch) take() (_ batch, err error) {
	taken := batch{map[string]*ort.Value{}, b.rows}
	for name, v := range b.values {
		x, fail := v.Float32s()
		if fail != nil {
			err = errors.Join(err, fail)
			continue
		}
		shape := slices.Clone(v.Shape)
		n := int(elementCount(shape[2:]))
		for i := range shape[2:] {
			shape[2+i] = 1
		}
		shape[2] = repair.Positions
		some := make([]float32, 0, len(x)/n*repair.Positions)
		for from := 0; from < len(x); from += n {
			for i := range repair.Positions {
				some = append(some, x[from+repair.Position(i, n)])
			}
		}
		copied, fail := ort.NewValue(ort.Array{Type: ort.Float32, Shape: shape, Data: onnx.Float32Bytes(some)})
		if fail != nil {
			err = errors.Join(err, fail)
			continue
		}
		taken.values[name] = copied
	}
	if err != nil {
		taken.close()
	}
	return taken, err
}
