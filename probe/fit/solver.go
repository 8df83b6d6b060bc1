package fit

import (
	"context"
	"maps"
	"slices"
)

// Solver is a way to fit a classifier, named for the optimum that it reaches. Adding
// one is a file that registers it.
type Solver struct {
	Name string
	Doc  string // one line: what is minimised
	// Start says what FitOptions.Init is to the solver; "" = it has no use for a start.
	Start string

	fit func(ctx context.Context, p *problem) (*solution, error)
}

var solvers = map[string]Solver{}

func register(s Solver) {
	if s.Name == "" || s.Doc == "" || s.fit == nil {
		panic("probe: solver is half filled")
	}
	if _, ok := solvers[s.Name]; ok {
		panic("probe: solver is registered twice")
	}
	solvers[s.Name] = s
}

// LookupSolver returns a solver by name.
func LookupSolver(name string) (Solver, bool) {
	s, ok := solvers[name]
	return s, ok
}

// SolverNames returns the names of all solvers, sorted.
func SolverNames() []string { return slices.Sorted(maps.Keys(solvers)) }
