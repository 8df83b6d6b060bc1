package probe

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
)

// constant gives an input the same values with every batch. Several goroutines may use it at once.
type constant struct {
	in    Input
	given datasets.Constant
	batch int  // the axis that is as long as the batch; -1 = none
	named bool // the axis is found by its name

	mu   sync.Mutex
	last typed.Array // of the latest batch
	rows int         // of the latest batch; 0 = none
}

// findBatchAxis finds the axis that is as long as the batch: the one of the name that the batch has at inputs that samples
// feed, or else the first one, if it is free and its name does not speak against it. A recurrent state has it second: where
// the batch has no name, behind axes of fixed lengths, the first free axis without one is taken.
func (c *constant) findBatchAxis(all []source) {
	c.batch = -1
	names, freeBatch := map[string]bool{}, false
	for _, s := range all {
		if s.constant == nil {
			names[s.in.axisName(0)] = true
			freeBatch = freeBatch || len(s.in.Shape) > 0 && s.in.Shape[0] < 0
		}
	}
	for axis := range c.in.Shape {
		if name := c.in.axisName(axis); name != "" && names[name] {
			c.batch, c.named = axis, true
			return
		}
	}
	switch first := slices.IndexFunc(c.in.Shape, func(d int64) bool { return d < 0 }); {
	case first == 0:
		name := strings.ToLower(c.in.axisName(0))
		if name == "" || names[""] || strings.Contains(name, "batch") {
			c.batch = 0
		}
	case first > 0 && freeBatch && names[""] && c.in.axisName(first) == "":
		c.batch = first
	}
}

// array returns the values for a batch of n samples, which must not be changed.
func (c *constant) array(n int) (typed.Array, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == n {
		return c.last, nil
	}
	made, err := c.make(int64(n))
	if err != nil {
		return made, fault.Usagef("--constant %s=%s: %w", c.given.Input, c.given.Value, err)
	}
	c.last, c.rows = made, n
	return made, nil
}

func (c *constant) make(n int64) (typed.Array, error) {
	given := c.given.Array
	switch {
	case given.Type == typed.Undefined:
		return c.zeros(n)
	case len(given.Shape) == 0 && len(c.in.Shape) > 0:
		return c.spread(n)
	}
	values, err := c.converted(given)
	if err != nil {
		return values, err
	}
	shape := c.in.Shape
	if len(shape) == 0 { // a single number, or nothing is declared
		return values, nil
	}
	if axis := c.batch; axis >= 0 && len(given.Shape) == len(shape)-1 {
		values.Shape = slices.Insert(slices.Clone(given.Shape), axis, 1)
	}
	fits := len(values.Shape) == len(shape)
	for i := 0; fits && i < len(shape); i++ {
		fits = shape[i] < 0 || i == c.batch || values.Shape[i] == shape[i]
	}
	if !fits {
		return values, fmt.Errorf("it has shape %v, and the input takes %s", given.Shape, c.declared())
	}
	switch {
	case c.batch < 0 || values.Shape[c.batch] == n && n == 1:
		return values, nil
	case values.Shape[c.batch] == 1:
		return repeated(values, c.batch, n), nil
	case c.named:
		return values, fmt.Errorf("it has %d rows along the batch axis, and a constant has one, which is repeated",
			values.Shape[c.batch])
	}
	return values, nil // the first axis is not the batch's
}

// declared describes the shape of the input.
func (c *constant) declared() string {
	var axes []string
	for axis, d := range c.in.Shape {
		switch name := c.in.axisName(axis); {
		case d >= 0:
			axes = append(axes, fmt.Sprint(d))
		case axis == c.batch:
			axes = append(axes, "batch")
		case name != "":
			axes = append(axes, name)
		default:
			axes = append(axes, "?")
		}
	}
	return "[" + strings.Join(axes, " ") + "]"
}

// converted returns an array as the input's type.
func (c *constant) converted(a typed.Array) (typed.Array, error) {
	to := c.in.dtype()
	if a.Type == typed.String && to == typed.String {
		return a, nil
	}
	data, err := a.AppendData(nil, to)
	if err != nil {
		return a, fmt.Errorf("%w (input %q)", err, c.in.Name)
	}
	return typed.Array{Type: to, Shape: a.Shape, Data: data}, nil
}

// lengths returns the declared shape for a batch of n. Other free axes have the length free; -1 is an error.
func (c *constant) lengths(n, free int64) ([]int64, error) {
	shape := slices.Clone(c.in.Shape)
	for axis := range shape {
		switch {
		case axis == c.batch:
			shape[axis] = n
		case shape[axis] < 0 && free < 0:
			return nil, fmt.Errorf("one value cannot fill %s, of which axis %d has no length; give the array", c.declared(), axis)
		case shape[axis] < 0:
			shape[axis] = free
		}
	}
	size, err := typed.Elements(shape)
	if err == nil && size > maxConstant {
		err = fmt.Errorf("the input has the shape %v, more than %d values", shape, maxConstant)
	}
	return shape, err
}

// maxConstant is the largest number of values of a constant that a shape alone says: a malformed model could declare any.
const maxConstant = 1 << 26

// zeros returns zeros, or empty texts. Free axes besides the batch have no length, as caches of keys and values begin.
func (c *constant) zeros(n int64) (typed.Array, error) {
	shape, err := c.lengths(n, 0)
	if err != nil {
		return typed.Array{}, err
	}
	return fill(typed.Array{Type: c.in.dtype(), Data: make([]byte, c.in.dtype().Size()), Text: []string{""}}, shape)
}

// spread fills the declared shape with one value.
func (c *constant) spread(n int64) (typed.Array, error) {
	shape, err := c.lengths(n, -1)
	if err != nil {
		return typed.Array{}, err
	}
	value, err := c.converted(c.given.Array)
	if err != nil {
		return value, err
	}
	return fill(value, shape)
}

// fill returns an array of one value.
func fill(value typed.Array, shape []int64) (typed.Array, error) {
	n, err := typed.Elements(shape)
	if err != nil {
		return value, err
	}
	a := typed.Array{Type: value.Type, Shape: shape}
	if a.Type == typed.String {
		a.Text = slices.Repeat(value.Text[:1], int(n))
	} else {
		a.Data = slices.Repeat(value.Data, int(n))
	}
	return a, nil
}

// repeated repeats an array n times along an axis of length 1.
func repeated(a typed.Array, axis int, n int64) typed.Array {
	shape := slices.Clone(a.Shape)
	shape[axis] = n
	r := typed.Array{Type: a.Type, Shape: shape}
	outer, _ := typed.Elements(a.Shape[:axis]) // of an array that exists
	if outer == 0 {
		return r
	}
	if a.Type == typed.String {
		size := len(a.Text) / int(outer)
		for i := range int(outer) {
			r.Text = append(r.Text, slices.Repeat(a.Text[i*size:(i+1)*size], int(n))...)
		}
		return r
	}
	size := len(a.Data) / int(outer)
	for i := range int(outer) {
		r.Data = append(r.Data, slices.Repeat(a.Data[i*size:(i+1)*size], int(n))...)
	}
	return r
}
