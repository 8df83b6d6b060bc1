package feature

import (
	"fmt"
	"math"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
)

// Convention is a published protocol for measuring the features of self-supervised point-cloud models by a linear
// support vector machine.
type Convention struct {
	Name   string
	Doc    string // one line: features, solver and C
	Source string
	Solver string
	C      float64
	// Form is how a row is made from the tokens, as surgery.Positions describes it.
	Form string

	special int // tokens before those of the patches: class tokens and the like
	pool    func(dst []float32, special, patches [][]float32) []float32
}

var conventions = registry.New[Convention]("convention")

func init() {
	for _, c := range []Convention{
		{
			Name: "point-m2ae", Doc: "mean + max over the tokens of the last stage; SVC linear, C 0.012",
			Source: "Point-M2AE, ModelNet40", Solver: "svc-ovo", C: 0.012,
			Form: "mean + maximum of all positions",
			pool: func(dst []float32, _, patches [][]float32) []float32 { return append(dst, meanPlusMax(patches)...) },
		},
		{
			Name: "recon", Doc: "max over the three special tokens next to max + mean over the patches; LinearSVC, C 0.075",
			Source: "ReCon", Solver: "svc-ovr", C: 0.075, special: 3,
			Form: "maximum of positions 0 to 2, mean + maximum of positions 3 and up",
			pool: func(dst []float32, special, patches [][]float32) []float32 {
				return append(append(dst, maxOf(special)...), meanPlusMax(patches)...)
			},
		},
		{
			Name: "point-mae", Doc: "the class token next to max over the patches; LinearSVC, C 1",
			Source: "Point-MAE", Solver: "svc-ovr", C: 1, special: 1,
			Form: "position 0, maximum of positions 1 and up",
			pool: func(dst []float32, special, patches [][]float32) []float32 {
				return append(append(dst, special[0]...), maxOf(patches)...)
			},
		},
	} {
		conventions.Register(c.Name, c)
	}
}

// Conventions returns all conventions, sorted by name.
func Conventions() []Convention { return conventions.All() }

// LookupConvention returns the convention of a name, or a [*registry.UnknownError].
func LookupConvention(name string) (Convention, error) { return conventions.Lookup(name) }

// Pool returns features pooled by the convention, from rows of tokens tokens of equal size, the special ones first. f
// is unchanged.
func (c Convention) Pool(f *Set, tokens int) (*Set, error) {
	if tokens <= c.special || f.Dim%tokens != 0 {
		return nil, fault.Inputf("%s: %d values a sample are not %d tokens of equal size, %d of them special",
			f.name(), f.Dim, tokens, c.special)
	}
	size := f.Dim / tokens
	out := &Set{Y: f.Y, Meta: f.Meta}
	for i := range f.Len() {
		row, rows := f.Row(i), make([][]float32, tokens)
		for t := range rows {
			rows[t] = row[t*size : (t+1)*size]
		}
		out.X = c.pool(out.X, rows[:c.special], rows[c.special:])
	}
	out.Dim = len(out.X) / max(1, f.Len())
	out.Meta.Data.History = append(f.Meta.Data.History[:len(f.Meta.Data.History):len(f.Meta.Data.History)],
		fmt.Sprintf("pooled from %d tokens as %s does", tokens, c.Name))
	return out, nil
}

func maxOf(tokens [][]float32) []float32 {
	out := make([]float32, len(tokens[0]))
	for j := range out {
		out[j] = float32(math.Inf(-1))
		for _, t := range tokens {
			out[j] = max(out[j], t[j])
		}
	}
	return out
}

func meanPlusMax(tokens [][]float32) []float32 {
	out := maxOf(tokens)
	for j := range out {
		sum := 0.0
		for _, t := range tokens {
			sum += float64(t[j])
		}
		out[j] = float32(float64(out[j]) + sum/float64(len(tokens)))
	}
	return out
}
