// Package method holds the ways to merge weights, one file each.
//
// A [Method] makes a [Mix] for one tensor: a function over blocks of float64. The
// caller decodes the stored numbers, calls Mix block by block in any order, and
// rounds the result once to the stored dtype. Models come in the order in which the
// user named them: for two models, the pre-trained one first.
package method

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Params are a method's parameters by name. A missing one has its default.
type Params map[string]float64

// Param describes one parameter.
type Param struct {
	Name    string
	Doc     string
	Default float64
	// Min and Max bound what is accepted.
	Min, Max float64
}

// Mix sets dst[i] from src[m][i], the same element of every model m. It may be
// called by several goroutines at once; dst may be one of the sources.
type Mix func(dst []float64, src [][]float64)

// Method is one way to merge weights.
type Method struct {
	Name    string
	Doc     string // one line
	Formula string // in ASCII
	Source  string // paper and equation
	Models  int    // how many models it takes
	Params  []Param
	// New makes the mix of one merge. p holds every parameter.
	New func(p Params) Mix
	// Copies says that for these parameters the result is model m itself, so that
	// its bytes are copied: 0*Inf and -0 would not survive the formula. May be nil.
	Copies func(p Params) (m int, ok bool)
}

var methods = map[string]Method{}

// register adds a method; a duplicate or half-filled one is a bug.
func register(m Method) {
	if _, dup := methods[m.Name]; dup || m.Name == "" || m.Doc == "" || m.Formula == "" || m.Source == "" || m.Models < 1 || m.New == nil {
		panic("method: duplicate or half-filled " + m.Name)
	}
	methods[m.Name] = m
}

// Names returns the names of all methods, sorted.
func Names() []string { return slices.Sorted(maps.Keys(methods)) }

// Lookup returns the method with the given name.
func Lookup(name string) (Method, error) {
	m, ok := methods[name]
	if !ok {
		return Method{}, &ParamError{fmt.Sprintf("no merge method is named %q; there are: %s", name, strings.Join(Names(), ", "))}
	}
	return m, nil
}

// ParamError reports a method or parameter that the user chose wrongly.
type ParamError struct{ msg string }

func (e *ParamError) Error() string { return e.msg }

// Complete returns p with defaults filled in. It refuses unknown names and values
// out of range.
func (m Method) Complete(p Params) (Params, error) {
	full := Params{}
	for _, param := range m.Params {
		v, ok := p[param.Name]
		if !ok {
			v = param.Default
		}
		if !(v >= param.Min && v <= param.Max) { // NaN is out of range too
			return nil, &ParamError{fmt.Sprintf("%s=%g is out of range for method %s: %g to %g", param.Name, v, m.Name, param.Min, param.Max)}
		}
		full[param.Name] = v
	}
	for name := range p {
		if _, ok := full[name]; !ok {
			return nil, &ParamError{fmt.Sprintf("method %s has no parameter %q", m.Name, name)}
		}
	}
	return full, nil
}
