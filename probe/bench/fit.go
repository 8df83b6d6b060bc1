package bench

import (
	"context"

	"github.com/wiseft/wiseft/probe"
)

// FitSettings are the options of a fit that change the probe.
type FitSettings struct {
	Solver       string    `json:"solver"`
	C            float64   `json:"C"`
	Standardize  bool      `json:"standardize"`
	Balanced     bool      `json:"balanced,omitempty"`
	ClassWeights []float64 `json:"class_weights,omitempty"`
	Neighbors    int       `json:"neighbors,omitempty"`
	Hidden       []int     `json:"hidden,omitempty"`
	Dropout      float64   `json:"dropout,omitempty"`
	Epochs       int       `json:"epochs,omitempty"`
	Seed         uint64    `json:"seed,omitempty"`
	MaxIter      int       `json:"max_iter,omitempty"`
	Tol          float64   `json:"tol,omitempty"`
}

// newFitSettings returns the settings of opt, with the defaults that people look for
// filled in.
func newFitSettings(opt probe.FitOptions) FitSettings {
	s := FitSettings{opt.Solver, opt.C, opt.Standardize, opt.Balanced, opt.ClassWeights, opt.Neighbors, opt.Hidden,
		opt.Dropout, opt.Epochs, opt.Seed, opt.MaxIter, opt.Tol}
	if s.Solver == "" {
		s.Solver = "logistic"
	}
	if s.C == 0 {
		s.C = 1
	}
	return s
}

// options are the fit options of which s are the settings.
func (s FitSettings) options() probe.FitOptions {
	return probe.FitOptions{Solver: s.Solver, C: s.C, Standardize: s.Standardize, Balanced: s.Balanced, ClassWeights: s.ClassWeights,
		Neighbors: s.Neighbors, Hidden: s.Hidden, Dropout: s.Dropout, Epochs: s.Epochs, Seed: s.Seed, MaxIter: s.MaxIter, Tol: s.Tol}
}

// fit fits a probe from start, which may be nil. The time that it took is forgotten, so
// that equal inputs give equal probes.
func fit(ctx context.Context, f *probe.Features, opt probe.FitOptions, start *probe.Classifier) (*probe.Classifier, error) {
	opt.Init = start
	cl, report, err := probe.Fit(ctx, f, opt)
	if err != nil {
		return nil, err
	}
	report.Seconds = 0
	cl.Meta.Fit = &report
	return cl, nil
}
