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
	"math"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
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
	// Extends says that values beyond Min and Max make sense to who asks for them.
	Extends bool
}

// Mix sets dst[i] from src[m][i], the same element of every model m. It may be
// called by several goroutines at once; dst may be one of the sources.
type Mix func(dst []float64, src [][]float64)

// Direct is a Mix over the stored bytes of one dtype, for methods that can save the way
// over float64 blocks. It writes the same bytes, and reports whether all results are
// finite.
type Direct func(dst []byte, src [][]byte) (finite bool)

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
	// NewDirect makes the mix of one dtype without decoded blocks, nil if there is none.
	// May be nil.
	NewDirect func(p Params, c kernel.Codec) Direct
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
		return Method{}, &ParamError{msg: fmt.Sprintf("no merge method is named %q; there are: %s", name, strings.Join(Names(), ", "))}
	}
	return m, nil
}

// ParamError reports a method or parameter that the user chose wrongly.
type ParamError struct {
	msg string
	// Extrapolates says that [Method.CompleteBeyond] would accept it.
	Extrapolates bool
}

func (e *ParamError) Error() string { return e.msg }

// Complete returns p with defaults filled in. It refuses unknown names and values
// out of range.
func (m Method) Complete(p Params) (Params, error) { return m.complete(p, Param.within) }

// CompleteBeyond is Complete for who means to leave the range of a parameter that
// extends: alpha may be 1.2 or -0.1.
func (m Method) CompleteBeyond(p Params) (Params, error) { return m.complete(p, Param.beyond) }

func (m Method) complete(p Params, accepts func(Param, float64) bool) (Params, error) {
	full := Params{}
	for _, param := range m.Params {
		v, ok := p[param.Name]
		if !ok {
			v = param.Default
		}
		if !accepts(param, v) {
			text := fmt.Sprintf("%s=%g is out of range for method %s: %g to %g", param.Name, v, m.Name, param.Min, param.Max)
			return nil, &ParamError{text, param.beyond(v)}
		}
		full[param.Name] = v
	}
	for name := range p {
		if _, ok := full[name]; !ok {
			return nil, &ParamError{msg: fmt.Sprintf("method %s has no parameter %q", m.Name, name)}
		}
	}
	return full, nil
}

func (p Param) within(v float64) bool { return v >= p.Min && v <= p.Max } // not so for NaN

func (p Param) beyond(v float64) bool {
	return p.within(v) || p.Extends && !math.IsNaN(v) && !math.IsInf(v, 0)
}
