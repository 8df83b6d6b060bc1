package arrange

import (
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/internal/dims"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// rule computes the results of an operator whose operands are all known; nil if it cannot. A missing operand is nil.
type rule func(n *onnx.Node, ins []*array) []*array

// rules are the operators that move elements, and those of integers that compute where to.
var rules = map[string]rule{
	"Identity": one(func(_ *onnx.Node, in []*array) *array { return in[0] }),
	"Cast":     one(cast),
	"Reshape":  one(reshape), "Flatten": one(flatten), "Squeeze": one(squeeze), "Unsqueeze": one(unsqueeze),
	"Transpose": one(func(n *onnx.Node, in []*array) *array { return in[0].transposed(n.Ints["perm"]) }),
	"Slice":     one(slice), "Gather": one(gather), "Concat": one(concat), "Expand": one(expand), "Tile": one(tile),
	"Split": split,

	"Shape": one(shape), "Range": one(rangeOf),
	"Add": one(arithmetic(func(x, y int64) (int64, bool) { return x + y, true })),
	"Sub": one(arithmetic(func(x, y int64) (int64, bool) { return x - y, true })),
	"Mul": one(arithmetic(func(x, y int64) (int64, bool) { return x * y, true })),
	"Div": one(arithmetic(func(x, y int64) (int64, bool) { return x / max(y, 1), y > 0 && x >= 0 })),
}

func one(f func(*onnx.Node, []*array) *array) rule {
	return func(n *onnx.Node, ins []*array) []*array {
		if len(ins) == 0 || ins[0] == nil {
			return nil
		}
		if out := f(n, ins); out != nil {
			return []*array{out}
		}
		return nil
	}
}

// ints returns the attribute, or else the operand i.
func ints(n *onnx.Node, name string, ins []*array, i int) []int64 {
	if list := n.Ints[name]; list != nil {
		return list
	}
	if i < len(ins) && ins[i] != nil && ins[i].isInt {
		return ins[i].v
	}
	return nil
}

// attribute returns a single integer attribute, or def.
func attribute(n *onnx.Node, name string, def int64) int64 {
	if list := n.Ints[name]; len(list) == 1 {
		return list[0]
	}
	return def
}

// cast passes integers on; another float type would have other elements.
func cast(n *onnx.Node, in []*array) *array {
	if to := onnx.DType(attribute(n, "to", 0)); in[0].isInt && (to == onnx.Int64 || to == onnx.Int32) {
		return in[0]
	}
	return nil
}

func reshape(n *onnx.Node, in []*array) *array {
	allowZero := attribute(n, "allowzero", 0) != 0
	return in[0].shaped(dims.Reshaped(in[0].dims, ints(n, "shape", in, 1), allowZero))
}

func flatten(n *onnx.Node, in []*array) *array {
	at := attribute(n, "axis", 1)
	if at < 0 {
		at += int64(len(in[0].dims))
	}
	if at < 0 || at > int64(len(in[0].dims)) {
		return nil
	}
	rows, _ := count(in[0].dims[:at])
	columns, _ := count(in[0].dims[at:])
	return in[0].reshaped([]int64{rows, columns})
}

func squeeze(n *onnx.Node, in []*array) *array {
	return in[0].shaped(dims.Squeezed(in[0].dims, ints(n, "axes", in, 1)))
}

func unsqueeze(n *onnx.Node, in []*array) *array {
	return in[0].shaped(dims.Unsqueezed(in[0].dims, ints(n, "axes", in, 1)))
}

func slice(n *onnx.Node, in []*array) *array {
	starts, ends := ints(n, "starts", in, 1), ints(n, "ends", in, 2)
	axes, steps := ints(n, "axes", in, 3), ints(n, "steps", in, 4)
	if len(starts) == 0 || len(starts) != len(ends) || axes != nil && len(axes) != len(starts) ||
		steps != nil && len(steps) != len(starts) {
		return nil
	}
	out := in[0]
	for i := range starts {
		at, step := int64(i), int64(1)
		if axes != nil {
			at = axes[i]
		}
		if steps != nil {
			step = steps[i]
		}
		ax, ok := dims.Axis(at, len(out.dims))
		if !ok {
			return nil
		}
		if out = out.sliced(ax, starts[i], ends[i], step); out == nil {
			return nil
		}
	}
	return out.rearranged()
}

func gather(n *onnx.Node, in []*array) *array {
	ax, ok := dims.Axis(attribute(n, "axis", 0), len(in[0].dims))
	if !ok || len(in) < 2 || in[1] == nil || !in[1].isInt {
		return nil
	}
	out := in[0].taken(ax, in[1])
	if out == nil {
		return nil
	}
	return out.rearranged()
}

func concat(n *onnx.Node, in []*array) *array {
	ax, ok := dims.Axis(attribute(n, "axis", 0), len(in[0].dims))
	if !ok {
		return nil
	}
	out := joined(in, ax)
	if out == nil {
		return nil
	}
	return out.rearranged()
}

func expand(n *onnx.Node, in []*array) *array {
	dims := ints(n, "", in, 1)
	if dims == nil {
		return nil
	}
	out := in[0].broadcast(dims)
	if out == nil || slices.Equal(out.dims, in[0].dims) {
		return out
	}
	return out.rearranged()
}

func tile(_ *onnx.Node, in []*array) *array {
	if len(in) < 2 || in[1] == nil || !in[1].isInt || len(in[1].v) != len(in[0].dims) {
		return nil
	}
	out := in[0]
	for ax, n := range in[1].v {
		if n < 1 || n > maxElements || n*int64(len(out.v)) > maxElements {
			return nil
		}
		if out = joined(slices.Repeat([]*array{out}, int(n)), ax); out == nil {
			return nil
		}
	}
	return out.rearranged()
}

func split(n *onnx.Node, in []*array) []*array {
	if in[0] == nil {
		return nil
	}
	ax, ok := dims.Axis(attribute(n, "axis", 0), len(in[0].dims))
	if !ok {
		return nil
	}
	sizes, parts := ints(n, "split", in, 1), int64(len(n.Outputs))
	if sizes == nil {
		size := (in[0].dims[ax] + parts - 1) / parts
		sizes = slices.Repeat([]int64{size}, int(parts))
		sizes[parts-1] = in[0].dims[ax] - size*(parts-1)
	}
	if int64(len(sizes)) != parts {
		return nil
	}
	var list []*array
	at := int64(0)
	for _, size := range sizes {
		if size < 0 || at+size > in[0].dims[ax] {
			return nil
		}
		list = append(list, in[0].sliced(ax, at, at+size, 1).rearranged())
		at += size
	}
	return list
}

func shape(n *onnx.Node, in []*array) *array {
	rank := int64(len(in[0].dims))
	start, end := attribute(n, "start", 0), attribute(n, "end", rank)
	dims := &array{dims: []int64{rank}, v: slices.Clone(in[0].dims), isInt: true}
	if rank == 0 {
		return dims
	}
	return dims.sliced(0, start, end, 1)
}

func rangeOf(_ *onnx.Node, in []*array) *array {
	for _, a := range in {
		if a == nil || !a.isInt || len(a.v) != 1 {
			return nil
		}
	}
	if len(in) != 3 || in[2].v[0] == 0 {
		return nil
	}
	start, limit, delta := in[0].v[0], in[1].v[0], in[2].v[0]
	out := []int64{}
	for x := start; delta > 0 && x < limit || delta < 0 && x > limit; x += delta {
		if len(out) == maxElements {
			return nil
		}
		out = append(out, x)
	}
	return &array{dims: []int64{int64(len(out))}, v: out, isInt: true}
}

// arithmetic is the rule of an operator of two integers.
func arithmetic(f func(x, y int64) (int64, bool)) func(*onnx.Node, []*array) *array {
	return func(_ *onnx.Node, in []*array) *array {
		if len(in) != 2 || in[1] == nil || !in[0].isInt || !in[1].isInt {
			return nil
		}
		x := in[0].broadcast(in[1].dims)
		if x == nil {
			return nil
		}
		y := in[1].broadcast(x.dims)
		out := make([]int64, len(x.v))
		for i := range out {
			v, ok := f(x.v[i], y.v[i])
			if !ok {
				return nil
			}
			out[i] = v
		}
		return x.like(x.dims, out)
	}
}
