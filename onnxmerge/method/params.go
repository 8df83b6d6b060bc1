package method

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
)

// Params maps names of parameters to values; a missing one has its default. A value is a float64, a bool, a string
// (for a choice), a []float64 (one number per model), a [Gradient], or a []any with a number or a gradient per model.
type Params map[string]any

// Number returns a number of complete parameters. It panics if the value has another type.
func (p Params) Number(name string) float64 { return p[name].(float64) }

// Bool returns a bool of complete parameters. It panics if the value has another type.
func (p Params) Bool(name string) bool { return p[name].(bool) }

// Choice returns a choice of complete parameters. It panics if the value has another type.
func (p Params) Choice(name string) string { return p[name].(string) }

// Each returns a parameter as a list of n numbers, repeating a single number.
func (p Params) Each(name string, n int) []float64 {
	if list, ok := p[name].([]float64); ok {
		return list
	}
	return slices.Repeat([]float64{p.Number(name)}, n)
}

// Given reports whether a parameter without a default is present.
func (p Params) Given(name string) bool { return p[name] != nil }

// Kind is the type of a parameter.
type Kind int

// The kinds.
const (
	Number Kind = iota // Number is the zero value
	Bool
	Choice
)

// Param describes one parameter.
type Param struct {
	Name    string
	Doc     string
	Kind    Kind
	Default any // float64, bool or string; nil if the parameter may be absent
	// Min and Max bound numbers. If both are 0, any finite number is accepted.
	Min, Max float64
	// Extends allows finite values beyond Min and Max with [Method.CompleteBeyond].
	Extends bool
	Integer bool // whole numbers only
	// PerModel accepts a list of one number per model, PerTask a list of one number per model after the base.
	PerModel, PerTask bool
	Choices           []string
	// Global means that all tensors have the same value.
	Global bool
}

func (p Param) mustBeComplete(method string) {
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
		panic("method: incomplete parameter " + p.Name + " of " + method)
	}
}

// Range returns the accepted values in words.
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

func (p Param) within(v float64) bool { // false for NaN
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

// Gradient is a parameter value that depends on depth: its numbers are equally spaced from the first weight to the
// last, with linear interpolation between them.
type Gradient []float64

// At returns the value at a depth from 0 to 1.
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

// At returns the parameters at the given depth, with gradients evaluated.
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

// ParamError reports a parameter or a number of models that a method does not accept. Its kind is Usage.
type ParamError struct {
	msg string
	// Extrapolates means that [Method.CompleteBeyond] would accept the value.
	Extrapolates bool
}

func (e *ParamError) Error() string { return e.msg }

// Kind returns fault.Usage.
func (e *ParamError) Kind() fault.Kind { return fault.Usage }

// Hint names the flag that allows the value if the error Extrapolates; otherwise it is "".
func (e *ParamError) Hint() string {
	if e.Extrapolates {
		return "allow values out of range with --extrapolate"
	}
	return ""
}

// Param returns the parameter of the given name, or a [*ParamError].
func (m Method) Param(name string) (Param, error) {
	i := slices.IndexFunc(m.Params, func(p Param) bool { return p.Name == name })
	if i < 0 {
		var names []string
		for _, p := range m.Params {
			names = append(names, p.Name)
		}
		return Param{}, &ParamError{msg: fmt.Sprintf("method %s has no parameter %q; it has: %s", m.Name, name,
			cmpOr(strings.Join(names, ", "), "none"))}
	}
	return m.Params[i], nil
}

func cmpOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// Complete returns p with defaults filled in, or a [*ParamError] for unknown names and values out of range. Gradients
// are checked number by number and kept.
func (m Method) Complete(p Params) (Params, error) { return m.complete(p, Param.within) }

// CompleteBeyond is [Method.Complete] without the bounds of parameters that extend: alpha may be 1.2 or -0.1.
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

// normal checks one value and converts it to the type that Params documents.
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
			return refuse("is not a gradient over depth, or the parameter does not accept one")
		}
		return g, eachNumber(g, number)
	case []float64:
		if !param.PerModel && !param.PerTask {
			return refuse("has several numbers; the parameter has one for all models")
		}
		return v, eachNumber(v, number)
	case []any:
		if !param.PerModel && !param.PerTask {
			return refuse("has several numbers; the parameter has one for all models")
		}
		return normalList(v, number, refuse)
	}
	return refuse("is not a number")
}

func eachNumber(list []float64, check func(float64) error) error {
	for _, v := range list {
		if err := check(v); err != nil {
			return err
		}
	}
	return nil
}

// normalList is normal for a list of one entry per model. The result is []float64 if no entry is a gradient.
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
				return refuse("has an entry that is not a number")
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

// gradient converts a Gradient or its JSON form.
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

// Parse converts the command line's form of a value: 0.5, true, a choice, 1,0.5,2 for one number per model, and
// [0,0.5,1] for a gradient.
func (p Param) Parse(text string) (any, error) {
	fail := func() (any, error) {
		return nil, &ParamError{msg: fmt.Sprintf("%s=%s is malformed: want %s", p.Name, text, p.Range())}
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

// Format writes a value so that [Param.Parse] gives it back. Values that Parse never gives, such as a gradient for one of
// several models, are an error.
func Format(value any) (string, error) {
	numbers := func(list []float64) string {
		var words []string
		for _, v := range list {
			words = append(words, strconv.FormatFloat(v, 'g', -1, 64))
		}
		return strings.Join(words, ",")
	}
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return numbers([]float64{v}), nil
	case int:
		return strconv.Itoa(v), nil
	case []float64:
		if len(v) > 1 {
			return numbers(v), nil
		}
	case Gradient:
		return "[" + numbers(v) + "]", nil
	}
	return "", fmt.Errorf("method: %v cannot be written as the value of a flag", value)
}
