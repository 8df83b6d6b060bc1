package method

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Params are a method's parameters by name. A missing one has its default. A value is a
// float64, a bool, a string (of a choice), a []float64 (one number for each model), a
// [Gradient], or, in a list, a number or gradient for each model ([]any).
type Params map[string]any

// Number returns a number; the parameters must be complete.
func (p Params) Number(name string) float64 { return p[name].(float64) }

// Bool returns a bool; the parameters must be complete.
func (p Params) Bool(name string) bool { return p[name].(bool) }

// Choice returns a choice; the parameters must be complete.
func (p Params) Choice(name string) string { return p[name].(string) }

// Each returns a parameter that may differ between models as a list of n.
func (p Params) Each(name string, n int) []float64 {
	if list, ok := p[name].([]float64); ok {
		return list
	}
	return slices.Repeat([]float64{p.Number(name)}, n)
}

// Given reports whether a parameter without default was given.
func (p Params) Given(name string) bool { return p[name] != nil }

// Kind is the type of a parameter.
type Kind int

// The kinds.
const (
	Number Kind = iota // the zero value
	Bool
	Choice
)

// Param describes one parameter.
type Param struct {
	Name    string
	Doc     string
	Kind    Kind
	Default any // float64, bool or string; nil if the parameter may be absent
	// Min and Max bound numbers. Both 0 means that any finite one is accepted.
	Min, Max float64
	// Extends says that values beyond Min and Max make sense to who asks for them.
	Extends bool
	Integer bool // only whole numbers
	// PerModel accepts a list with a number for each model, PerTask one for each but the
	// base.
	PerModel, PerTask bool
	Choices           []string
	// Global says that it has one value for all tensors.
	Global bool
}

func (p Param) mustBeWhole(method string) {
	ok := p.Name != "" && p.Doc != ""
	switch d := p.Default.(type) {
	case nil:
	case float64:
		ok = ok && p.Kind == Number && p.within(d)
	case bool:
		ok = ok && p.Kind == Bool
	case string:
		ok = ok && p.Kind == Choice && slices.Contains(p.Choices, d)
	default:
		ok = false
	}
	if !ok {
		panic("method: half-filled parameter " + p.Name + " of " + method)
	}
}

// Range says in words what is accepted.
func (p Param) Range() string {
	var text string
	switch {
	case p.Kind == Bool:
		return "true or false"
	case p.Kind == Choice:
		return strings.Join(p.Choices, ", ")
	case p.Min == 0 && p.Max == 0:
		text = "any number"
	case p.Max == math.MaxFloat64:
		text = fmt.Sprintf("%g or more", p.Min)
	default:
		text = fmt.Sprintf("%g to %g", p.Min, p.Max)
	}
	if p.Integer {
		text += ", whole"
	}
	switch {
	case p.PerModel:
		text += "; or one for each model"
	case p.PerTask:
		text += "; or one for each model after the base"
	}
	return text
}

func (p Param) within(v float64) bool { // not so for NaN
	if p.Integer && v != math.Trunc(v) {
		return false
	}
	if p.Min == 0 && p.Max == 0 {
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return v >= p.Min && v <= p.Max
}

func (p Param) beyond(v float64) bool {
	return p.within(v) || p.Extends && !math.IsNaN(v) && !math.IsInf(v, 0)
}

// Gradient is a parameter that changes with depth: its numbers lie at equal steps from
// the first weight to the last, and between them it is linear.
type Gradient []float64

// At returns the value at a depth of 0 to 1.
func (g Gradient) At(depth float64) float64 {
	if len(g) == 1 {
		return g[0]
	}
	at := depth * float64(len(g)-1)
	i := min(int(at), len(g)-2)
	return g[i] + (g[i+1]-g[i])*(at-float64(i))
}

// MarshalJSON writes {"gradient":[0,1]}.
func (g Gradient) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string][]float64{"gradient": g})
}

// At returns the parameters of a tensor at the given depth, without gradients.
func (p Params) At(depth float64) Params {
	at := Params{}
	for name, v := range p {
		switch v := v.(type) {
		case Gradient:
			at[name] = v.At(depth)
		case []any:
			list := make([]float64, len(v))
			for i, x := range v {
				switch x := x.(type) {
				case Gradient:
					list[i] = x.At(depth)
				case float64:
					list[i] = x
				}
			}
			at[name] = list
		default:
			at[name] = v
		}
	}
	return at
}

// ParamError reports a method or parameter that the user chose wrongly.
type ParamError struct {
	msg string
	// Extrapolates says that [Method.CompleteBeyond] would accept it.
	Extrapolates bool
}

func (e *ParamError) Error() string { return e.msg }

// Param returns the parameter of the given name.
func (m Method) Param(name string) (Param, error) {
	i := slices.IndexFunc(m.Params, func(p Param) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range m.Params {
			names = append(names, p.Name)
		}
		return Param{}, &ParamError{msg: fmt.Sprintf("method %s has no parameter %q; it has: %s", m.Name, name, cmpOr(strings.Join(names, ", "), "none"))}
	}
	return m.Params[i], nil
}

func cmpOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// Complete returns p with defaults filled in. It refuses unknown names and values
// out of range; gradients stay, and are checked number by number.
func (m Method) Complete(p Params) (Params, error) { return m.complete(p, Param.within) }

// CompleteBeyond is Complete for who means to leave the range of a parameter that
// extends: alpha may be 1.2 or -0.1.
func (m Method) CompleteBeyond(p Params) (Params, error) { return m.complete(p, Param.beyond) }

func (m Method) complete(p Params, accepts func(Param, float64) bool) (Params, error) {
	full := Params{}
	for name, v := range p {
		param, err := m.Param(name)
		if err != nil {
			return nil, err
		}
		if full[name], err = m.normal(param, v, accepts); err != nil {
			return nil, err
		}
	}
	for _, param := range m.Params {
		if _, ok := full[param.Name]; !ok && param.Default != nil {
			full[param.Name] = param.Default
		}
	}
	return full, nil
}

// normal checks one value and brings it into the form that Params has.
func (m Method) normal(param Param, v any, accepts func(Param, float64) bool) (any, error) {
	refuse := func(why string) (any, error) {
		return nil, &ParamError{msg: fmt.Sprintf("%s=%v of method %s %s", param.Name, v, m.Name, why)}
	}
	switch param.Kind {
	case Bool:
		if _, ok := v.(bool); !ok {
			return refuse("is neither true nor false")
		}
		return v, nil
	case Choice:
		if text, ok := v.(string); !ok || !slices.Contains(param.Choices, text) {
			return refuse("is none of " + param.Range())
		}
		return v, nil
	}
	number := func(x float64) error {
		if accepts(param, x) {
			return nil
		}
		text := fmt.Sprintf("%s=%g is out of range for method %s: %s", param.Name, x, m.Name, param.Range())
		return &ParamError{text, param.beyond(x)}
	}
	switch v := v.(type) {
	case int:
		return float64(v), number(float64(v))
	case float64:
		return v, number(v)
	case Gradient, map[string]any:
		g, ok := gradient(v)
		if !ok || param.Global {
			return refuse("is no gradient over depth that this parameter takes")
		}
		return g, eachNumber(g, number)
	case []float64:
		if !param.PerModel && !param.PerTask {
			return refuse("is one number for all models")
		}
		return v, eachNumber(v, number)
	case []any:
		if !param.PerModel && !param.PerTask {
			return refuse("is one number for all models")
		}
		return normalList(v, number, refuse)
	}
	return refuse("is no number")
}

func eachNumber(list []float64, check func(float64) error) error {
	for _, v := range list {
		if err := check(v); err != nil {
			return err
		}
	}
	return nil
}

// normalList is normal for a list with an entry for each model: numbers, if there is no
// gradient among them.
func normalList(list []any, number func(float64) error, refuse func(string) (any, error)) (any, error) {
	var numbers []float64
	var mixed []any
	for _, v := range list {
		switch v := v.(type) {
		case int:
			numbers, mixed = append(numbers, float64(v)), append(mixed, float64(v))
		case float64:
			numbers, mixed = append(numbers, v), append(mixed, v)
		default:
			g, ok := gradient(v)
			if !ok {
				return refuse("has an entry that is no number")
			}
			if err := eachNumber(g, number); err != nil {
				return nil, err
			}
			mixed = append(mixed, g)
		}
	}
	if err := eachNumber(numbers, number); err != nil {
		return nil, err
	}
	if len(numbers) == len(list) {
		return numbers, nil
	}
	return mixed, nil
}

// gradient reads a gradient in any of its forms: as itself, and as JSON has it.
func gradient(v any) (Gradient, bool) {
	switch v := v.(type) {
	case Gradient:
		return v, len(v) > 0
	case map[string]any:
		list, ok := v["gradient"].([]any)
		var g Gradient
		for _, x := range list {
			f, isNumber := x.(float64)
			ok = ok && isNumber
			g = append(g, f)
		}
		return g, ok && len(v) == 1 && len(g) > 0
	}
	return nil, false
}

// Parse reads a value as it is written on a command line: 0.5, true, a name, 1,0.5,2
// for one number for each model, and [0,0.5,1] for a gradient over depth.
func (p Param) Parse(text string) (any, error) {
	fail := func() (any, error) {
		return nil, &ParamError{msg: fmt.Sprintf("%s=%s is not understood: it takes %s", p.Name, text, p.Range())}
	}
	switch {
	case p.Kind == Choice:
		return text, nil
	case p.Kind == Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fail()
		}
		return b, nil
	}
	inner, isGradient := strings.CutPrefix(text, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if isGradient != closed {
		return fail()
	}
	var numbers []float64
	for _, field := range strings.Split(inner, ",") {
		v, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err != nil {
			return fail()
		}
		numbers = append(numbers, v)
	}
	switch {
	case isGradient:
		return Gradient(numbers), nil
	case len(numbers) == 1:
		return numbers[0], nil
	}
	return numbers, nil
}
