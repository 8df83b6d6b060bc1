package method

import (
	"fmt"

	"github.com/wiseft/wiseft/internal/registry"
)

// Mix sets dst[i] from src[m][i], the same element of every model m. off is the row-major index in the tensor of the
// first element. Mix may overwrite src, whose slices are copies; dst aliases none of them. It must be safe for
// concurrent use.
type Mix func(dst []float64, src [][]float64, off int64)

// Mixer is the merge of one tensor: a copy of one model's bytes, or a [Mix].
type Mixer struct {
	// Copy copies the stored bytes of model From instead of calling Mix: a formula would lose -0 and turn 0*Inf into
	// NaN.
	Copy bool
	From int
	Mix  Mix
	// Granule is the number of consecutive elements that Mix needs at once: blocks begin at a multiple of Granule and
	// consist of whole granules. 0 and 1 allow any block.
	Granule int64
	// Direct, if not nil, computes the same bytes as Mix from stored bytes, without float64 blocks. finite reports
	// whether all results are finite.
	Direct func(dst []byte, src [][]byte) (finite bool)
}

// Tensor describes the tensor that a method merges. Package onnxmerge fills it in.
type Tensor struct {
	ID     string
	Dims   []int64
	Len    int64   // number of elements
	Models int     // number of models in src, without Fisher information
	Depth  float64 // position in the model: 0 is the first layer, 1 the last merged one
	// Wide makes rank selection compare magnitudes as float64; otherwise they are rounded to float32. It is set for
	// tensors whose values float32 cannot represent.
	Wide bool
	Scan Scan
	// Survey is the result of [Method.Survey]; nil if the method has none.
	Survey any
	// Note reports a fallback that depends on the values, for the user. It is never nil.
	Note func(text string)

	// Lerp, if not nil, sets dst to (1-t)*a + t*b of stored elements of the tensor's dtype, in one pass and
	// rounded as the Mix of the same formula. It is what Mixer.Direct may use. dst may be a or b.
	Lerp func(dst, a, b []byte, t float64) (finite bool)

	masks draw // tests replace random masks by those of a reference
}

// RowLen returns the length of the last axis, 1 for a scalar.
func (t *Tensor) RowLen() int64 {
	if len(t.Dims) == 0 {
		return 1
	}
	return t.Dims[len(t.Dims)-1]
}

// Class is the part of a tensor that a method needs at once, which determines its memory.
type Class int

// The classes.
const (
	Blocks Class = iota + 1 // any block
	Passes                  // any block, after scans of the whole tensor
	Slices                  // rows, or slices of the first axis
	Whole                   // the whole tensor of every model, as float64
)

func (c Class) String() string {
	switch c {
	case Blocks:
		return "blocks: a few hundred KiB for a tensor of any size"
	case Passes:
		return "passes: blocks, after scans that each read the tensor once; some MiB for a tensor of any size"
	case Slices:
		return "slices: as passes, and one row or one slice of the first axis of every model"
	case Whole:
		return "whole tensor: every model's tensor as float64, and the memory of a decomposition"
	}
	return fmt.Sprintf("class %d", int(c))
}

// Method is a merge method. Name, Doc, Formula, Source, MinModels, Class and New are required.
type Method struct {
	Name    string
	Doc     string // one line, without a full stop
	Formula string // in ASCII
	Source  string // paper and equation
	Detail  string // fallbacks, ties, defaults: what the formula does not define
	// MinModels and MaxModels bound the number of models, the base included. A MaxModels of 0 means no bound.
	MinModels, MaxModels int
	Base                 bool // whether task vectors are differences from the first model
	Fisher               bool // whether every model has a diagonal Fisher information
	// Combines means that the result is a sum of the models' elements times numbers that do not depend on elements.
	Combines  bool
	UsesDepth bool // whether New reads Tensor.Depth
	Class     Class
	Params    []Param // Params[0] is the one that a bare number sets
	// Differs lists the deliberate differences from reference implementations.
	Differs []Difference
	// Check refuses parameters that are each in range but do not fit together or do not fit the number of models. May
	// be nil.
	Check func(p Params, models int) error
	// Falls returns what is done to a tensor for which the method is not defined, such as a vector where matrices are
	// decomposed; "" if the method is defined. May be nil.
	Falls func(dims []int64, p Params) string
	// Rescales reports whether elements of task vectors are dropped and the others scaled up. That is unsuitable for
	// running statistics, which a warning then names. May be nil.
	Rescales func(p Params) bool
	// Survey scans all tensors of a merge together before the first is merged. t has neither ID nor Dims; p has the
	// parameters that hold for all tensors. Its result is passed on in Tensor.Survey. May be nil.
	Survey func(t *Tensor, p Params) (any, error)
	// New prepares the merge of one tensor. p has a value for every parameter with a default.
	New func(t *Tensor, p Params) (Mixer, error)
}

// Difference is a deliberate deviation from a reference implementation.
type Difference struct {
	Reference string `json:"reference"`
	Theirs    string `json:"theirs"`
	Ours      string `json:"ours"`
	Reason    string `json:"reason"`
}

var methods = registry.New[Method]("merge method")

// Register adds a merge method under m.Name, usually from an init function, before the first merge starts.
// Afterwards every function of this module that takes the name of a method accepts it. Register panics if the name
// is taken, if a required field is missing, or if a default is out of its parameter's range.
func Register(m Method) {
	if m.Name == "" || m.Doc == "" || m.Formula == "" || m.Source == "" || m.MinModels < 1 || m.Class == 0 ||
		m.New == nil {
		panic("method: incomplete method " + m.Name)
	}
	for _, p := range m.Params {
		p.mustBeComplete(m.Name)
	}
	methods.Register(m.Name, m)
}

// Names returns the names of all methods, sorted.
func Names() []string { return methods.Names() }

// All returns all methods, sorted by name.
func All() []Method { return methods.All() }

// Lookup returns the method with the given name, or an error of kind Usage that lists all names.
func Lookup(name string) (Method, error) { return methods.Lookup(name) }

// Takes returns the accepted numbers of models in words.
func (m Method) Takes() string {
	switch {
	case m.MaxModels == 0:
		return fmt.Sprintf("%d or more", m.MinModels)
	case m.MinModels == m.MaxModels:
		return fmt.Sprint(m.MinModels)
	}
	return fmt.Sprintf("%d to %d", m.MinModels, m.MaxModels)
}

// CheckModels returns a [*ParamError] if the method does not accept the number of models or if p, which must be
// complete, does not fit it.
func (m Method) CheckModels(p Params, models int) error {
	if models < m.MinModels || m.MaxModels > 0 && models > m.MaxModels {
		return &ParamError{msg: fmt.Sprintf("method %s takes %s models, and there are %d", m.Name, m.Takes(), models)}
	}
	for _, param := range m.Params {
		list, ok := p[param.Name].([]float64)
		if want := param.count(models); ok && len(list) != want {
			return &ParamError{msg: fmt.Sprintf("%s of method %s has %d numbers, and needs one for each of %d models",
				param.Name, m.Name, len(list), want)}
		}
	}
	if m.Check == nil {
		return nil
	}
	return m.Check(p, models)
}

// count returns the length of a list of this parameter.
func (p Param) count(models int) int {
	if p.PerTask {
		return models - 1
	}
	return models
}

// copyOf returns a Mixer that copies one model.
func copyOf(model int) Mixer { return Mixer{Copy: true, From: model} }

// blocks returns a Mixer that accepts any block.
func blocks(mix Mix) (Mixer, error) { return Mixer{Mix: mix}, nil }
