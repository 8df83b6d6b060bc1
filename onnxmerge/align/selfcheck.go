package align

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// Run runs the model with replaced tensors, on the same inputs each time, and returns the largest difference of the
// values that [Compared] names from those of the model itself, relative to the largest number of each. An error means
// that the changed model cannot be run, unless the context is done.
type Run func(ctx context.Context, replaced []onnx.Replacement) (difference float64, err error)

// CheckOptions set how groups are checked.
type CheckOptions struct {
	Tolerance float64 // largest difference that is rounding; 0 means [Tolerance] of the model
	Seed      uint64  // of the random permutations
}

// Checked is the result of [Groups.Check].
type Checked struct {
	Difference float64 // of the groups that stayed, all permuted at once
	Runs       int
	Broken     []string // one line for each group that was frozen, with its weights and what happened
}

// maxRounds is how often permutations are drawn again after a group was frozen: each round must pass with all groups.
const maxRounds = 5

// Check permutes all groups at random and runs the model. If its results change, it finds the groups that change them
// by bisection and moves them to Frozen. Every unit moves in every permutation (they are cycles), so that no group
// passes by chance. A model without groups is not run. The error is that of the context, or of kind Mismatch: the model
// differs from itself, or no set of groups passes twice.
func (g *Groups) Check(ctx context.Context, m *onnx.Model, run Run, opt CheckOptions) (*Checked, error) {
	if opt.Tolerance == 0 {
		opt.Tolerance = Tolerance(m)
	}
	c := &check{groups: g, run: run, opt: opt, result: &Checked{}, broken: map[int]string{}}
	for round := range maxRounds {
		c.rng = rand.New(rand.NewPCG(opt.Seed, uint64(round)))
		c.kept, c.drawn = nil, nil
		for _, group := range g.List {
			c.drawn = append(c.drawn, cycle(c.rng, group.Size))
		}
		before := len(c.broken)
		var all []int
		for i := range g.List {
			if c.broken[i] == "" {
				all = append(all, i)
			}
		}
		if err := c.add(ctx, all); err != nil {
			return nil, err
		}
		if len(c.broken) == before {
			for _, i := range slices.Sorted(maps.Keys(c.broken)) {
				c.result.Broken = append(c.result.Broken, Frozen{g.List[i].Size, g.List[i].Members, c.broken[i]}.String())
			}
			g.freeze(c.broken)
			return c.result, nil
		}
	}
	return nil, fault.Mismatchf("units cannot be checked: after %d draws some still change the results", maxRounds)
}

// Tolerance returns the difference up to which results of a model count as equal: 1e-5, or 8 units in the last place of
// the coarsest floating-point type of its weights.
func Tolerance(m *onnx.Model) float64 {
	tolerance := 1e-5
	for _, t := range m.Tensors {
		switch {
		case t.Len() <= 1:
		case t.DType == onnx.Float16:
			tolerance = max(tolerance, 8./(1<<11))
		case t.DType == onnx.BFloat16:
			tolerance = max(tolerance, 8./(1<<8))
		}
	}
	return tolerance
}

// saturating operators hide changes of what they are computed from, or turn rounding into another result.
var saturating = []string{"Sigmoid", "HardSigmoid", "Softmax", "ArgMax", "ArgMin", "Hardmax", "Identity", "Cast"}

// Compared returns the values of a model whose equality [Groups.Check] relies on: its outputs, but of probabilities and
// of indices of classes what they are computed from.
func Compared(m *onnx.Model) (names []string) {
	for _, out := range m.Graph.Outputs {
		name := out.Name
		if isInner(m, name) {
			continue // in another order
		}
		for p := m.Graph.Producer(name); p != nil && slices.Contains(saturating, p.Op()) &&
			m.Graph.Producer(p.Inputs[0]) != nil; p = m.Graph.Producer(name) {
			name = p.Inputs[0]
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// cycle returns a random permutation that moves every unit (Sattolo's algorithm).
func cycle(rng *rand.Rand, n int) Permutation {
	p := identity(n)
	for i := n - 1; i > 0; i-- {
		k := rng.IntN(i)
		p[i], p[k] = p[k], p[i]
	}
	return p
}

// check is one round: groups that pass together are kept.
type check struct {
	groups *Groups
	run    Run
	opt    CheckOptions
	result *Checked
	broken map[int]string // what happened, by group
	rng    *rand.Rand
	drawn  Permutations
	kept   []int
}

// add adds groups to those that pass together: all, or by halves as far as they pass.
func (c *check) add(ctx context.Context, set []int) error {
	if len(set) == 0 {
		return nil
	}
	what, err := c.try(ctx, append(slices.Clone(c.kept), set...))
	switch {
	case err != nil:
		return err
	case what == "":
		c.kept = append(c.kept, set...)
	case len(set) == 1:
		if err := c.deterministic(ctx); err != nil {
			return err
		}
		c.broken[set[0]] = "permuted, " + what
	default:
		half := len(set) / 2
		if err := c.add(ctx, set[:half]); err != nil {
			return err
		}
		return c.add(ctx, set[half:])
	}
	return nil
}

// deterministic returns an error if the model differs from itself, once: then no group can be checked.
func (c *check) deterministic(ctx context.Context) error {
	if len(c.broken) > 0 {
		return nil
	}
	what, err := c.try(ctx, nil)
	if err != nil || what == "" {
		return err
	}
	return fault.Mismatchf("units cannot be checked: without any permutation, %s", what).
		WithHint("export the model in evaluation mode, without random numbers")
}

// try runs the model with the groups of a set permuted, and says what is wrong with the results; "" if nothing.
func (c *check) try(ctx context.Context, set []int) (string, error) {
	p := make(Permutations, len(c.groups.List))
	for _, i := range set {
		p[i] = c.drawn[i]
	}
	replaced, err := c.groups.Replacements(p)
	if err != nil {
		return "", err
	}
	c.result.Runs++
	difference, err := c.run(ctx, replaced)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return fmt.Sprintf("the model cannot be run: %v", err), nil
	case !(difference <= c.opt.Tolerance): // NaN, too
		return fmt.Sprintf("its results differ by %.2g of the largest", difference), nil
	}
	if len(set) > 0 {
		c.result.Difference = difference
	}
	return "", nil
}

// freeze moves groups to Frozen and numbers the others again.
func (g *Groups) freeze(broken map[int]string) {
	var list []Group
	for i, group := range g.List {
		if what := broken[i]; what != "" {
			g.Frozen = append(g.Frozen, Frozen{Size: group.Size, Members: group.Members, Reason: what})
			continue
		}
		group.ID = len(list)
		list = append(list, group)
	}
	g.List = list
}
