// Package method holds the ways to merge weights, one file each.
//
// A [Method] makes a [Mixer] for one tensor: a function over blocks of float64. The
// caller decodes the stored numbers, calls Mix block by block in any order, and rounds
// the result once to the stored dtype. What a method must know of a tensor before it
// mixes the first block (norms, thresholds) it gathers with [Tensor.Scan].
//
// Models come in the order in which the user named them: the pre-trained one, which
// methods of task vectors call the base, first, and the fine-tuned one whose file is
// written last. tau_i is the task vector of model i: theta_i - base.
package method

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
)

// Mix sets dst[i] from src[m][i], the same element of every model m. off is the index
// in the tensor, row-major, of the first of them. It may change src, which are copies;
// dst is none of them. It may be called by several goroutines at once.
type Mix func(dst []float64, src [][]float64, off int64)

// Mixer is how one tensor is mixed: by copying a model, or by Mix.
type Mixer struct {
	// Copy says that the result is model From itself, so that its bytes are copied:
	// 0*Inf and -0 would not survive a formula.
	Copy bool
	From int
	Mix  Mix
	// Granule is how many elements Mix must see together: blocks begin at a multiple of
	// it and are whole multiples long. 0 and 1 mean any block.
	Granule int64
	// Direct, if not nil, is Mix over stored bytes: it writes the same bytes without the
	// way over float64 blocks, and reports whether all results are finite.
	Direct func(dst []byte, src [][]byte) (finite bool)
}

// Tensor is what a method may know of the weight that it is to mix.
type Tensor struct {
	ID     string
	Dims   []int64
	Len    int64   // elements
	Models int     // how many sources a block has, without those of a Fisher information
	Depth  float64 // where in the model it is used: 0 is the first layer, 1 the last that is merged
	Codec  kernel.Codec
	// Wide says that magnitudes are compared as float64, because float32 cannot hold the
	// tensor's numbers.
	Wide bool
	Scan Scan
	// Survey is what [Method.Survey] found.
	Survey any
	// Note tells the user of a fallback that depends on the numbers. Never nil.
	Note func(text string)

	masks draw // of tests, which put the masks of a reference in the place of a draw
}

// RowLen returns the length of the last axis, 1 for a scalar.
func (t *Tensor) RowLen() int64 {
	if len(t.Dims) == 0 {
		return 1
	}
	return t.Dims[len(t.Dims)-1]
}

// Class is how much of a tensor a method must see at once, which decides the memory it
// takes.
type Class int

// The classes.
const (
	Blocks Class = iota + 1 // any block by itself
	Passes                  // any block, after passes that gather a few numbers
	Slices                  // rows, or what lies under one index of the first axis
	Whole                   // the whole tensor of every model, as float64
)

func (c Class) String() string {
	switch c {
	case Blocks:
		return "blocks: a few hundred KiB, whatever the tensor's size"
	case Passes:
		return "passes: blocks, read again for each pass before; some MiB, whatever the tensor's size"
	case Slices:
		return "slices: like passes, and one row or slice of the first axis of every model"
	case Whole:
		return "whole tensor: every model's as float64, and what a decomposition takes"
	}
	return fmt.Sprintf("class %d", int(c))
}

// Method is one way to merge weights.
type Method struct {
	Name    string
	Doc     string // one line
	Formula string // in ASCII
	Source  string // paper and equation
	Detail  string // what else a user must know: fallbacks, ties, differences from the reference
	// MinModels and MaxModels bound how many models it takes, the base included; a
	// MaxModels of 0 is no bound.
	MinModels, MaxModels int
	Base                 bool // whether the first model is one that others are compared with
	Fisher               bool // whether it takes a diagonal Fisher information for every model
	UsesDepth            bool // whether New reads Tensor.Depth
	Class                Class
	Params               []Param // the first is the one that a bare number sets
	// Differs lists where it does not do what the reference does, and why.
	Differs []Difference
	// Check refuses parameters that are each in range and do not fit together, or not
	// with this number of models. May be nil.
	Check func(p Params, models int) error
	// Falls says what is done to a tensor for which the method has no meaning, such as
	// a vector where matrices are decomposed; "" where it has. May be nil.
	Falls func(dims []int64, p Params) string
	// Rescales says whether numbers of a task vector are dropped and the others scaled up,
	// which is meant for weights: running statistics do not stand it. May be nil.
	Rescales func(p Params) bool
	// Survey looks at all tensors of a merge at once, before the first is mixed. t has
	// neither ID nor Dims. p has what is set for all tensors. May be nil.
	Survey func(t *Tensor, p Params) (any, error)
	// New prepares the mix of one tensor. p holds every parameter.
	New func(t *Tensor, p Params) (Mixer, error)
}

// Difference is one deliberate deviation from a reference implementation.
type Difference struct{ Reference, Theirs, Ours, Reason string }

var methods = map[string]Method{}

// register adds a method; a duplicate or half-filled one is a bug.
func register(m Method) {
	if _, dup := methods[m.Name]; dup || m.Name == "" || m.Doc == "" || m.Formula == "" || m.Source == "" ||
		m.MinModels < 1 || m.Class == 0 || m.New == nil {
		panic("method: duplicate or half-filled " + m.Name)
	}
	for _, p := range m.Params {
		p.mustBeWhole(m.Name)
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

// Takes says how many models the method takes, in words.
func (m Method) Takes() string {
	switch {
	case m.MaxModels == 0:
		return fmt.Sprintf("%d or more", m.MinModels)
	case m.MinModels == m.MaxModels:
		return fmt.Sprint(m.MinModels)
	}
	return fmt.Sprintf("%d to %d", m.MinModels, m.MaxModels)
}

// CheckModels refuses a number of models that the method does not take, and
// parameters that do not fit it. p is complete.
func (m Method) CheckModels(p Params, models int) error {
	if models < m.MinModels || m.MaxModels > 0 && models > m.MaxModels {
		return &ParamError{msg: fmt.Sprintf("method %s takes %s models, and there are %d", m.Name, m.Takes(), models)}
	}
	for _, param := range m.Params {
		list, ok := p[param.Name].([]float64)
		if want := param.count(models); ok && len(list) != want {
			return &ParamError{msg: fmt.Sprintf("%s of method %s has %d numbers, and needs one for each of %d models", param.Name, m.Name, len(list), want)}
		}
	}
	if m.Check == nil {
		return nil
	}
	return m.Check(p, models)
}

// count is how many numbers a list of the parameter has.
func (p Param) count(models int) int {
	if p.PerTask {
		return models - 1
	}
	return models
}

// copyOf is the mixer that copies one model.
func copyOf(model int) Mixer { return Mixer{Copy: true, From: model} }

// blocks is the mixer of a function that takes any block.
func blocks(mix Mix) (Mixer, error) { return Mixer{Mix: mix}, nil }
