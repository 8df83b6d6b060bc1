package fit

import (
	"context"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
)

// Solver is a way to fit a classifier, named for the objective that it minimises. A solver is added by one file that
// registers it.
type Solver struct {
	Name string
	Doc  string // one line: what is minimised
	// Start describes the use of Options.Init; "" = the solver does not use it.
	Start string
	// Epochs is set if a fit passes Options.Epochs times over the rows, whatever they are.
	Epochs bool
	// Binary is set if only two classes can be fitted.
	Binary bool

	fit func(ctx context.Context, p *problem) (*solution, error)
}

var solvers = registry.New[Solver]("solver")

func register(s Solver) {
	if s.Doc == "" || s.fit == nil {
		panic("fit: a solver without a text or a function")
	}
	solvers.Register(s.Name, s)
}

// solve fits a classifier.
func (s Solver) solve(ctx context.Context, p *problem) (*solution, error) {
	if s.Binary && p.K != 2 {
		return nil, fault.Inputf("the solver %s fits two classes, and %d have samples", s.Name, p.K).WithHint(
			"use the solver " + DefaultSolver)
	}
	return s.fit(ctx, p)
}

// LookupSolver returns the solver of a name, or a [*registry.UnknownError].
func LookupSolver(name string) (Solver, error) { return solvers.Lookup(name) }

// Solvers returns all solvers, sorted by name.
func Solvers() []Solver { return solvers.All() }

// SolverNames returns the names of all solvers, sorted.
func SolverNames() []string { return solvers.Names() }
