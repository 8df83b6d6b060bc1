package unit

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/store"
)

// Landscape is the record of a plane of models whose loss is measured beside those of a plan.
type Landscape struct {
	Plane  result.Landscape `json:"plane"`  // without figures
	Points *Spec            `json:"points"` // a plan with a variant for every point of the plane; its test data is validation data
}

// id identifies everything that the figures depend on; "" for nil.
func (l *Landscape) id() store.Key {
	if l == nil {
		return ""
	}
	return store.NewKey([]any{"landscape", l.Plane, l.Points.ID()})
}

// check returns an error if no run can have written the record.
func (l *Landscape) check() error {
	switch {
	case l == nil:
		return nil
	case l.Points == nil || l.Points.Landscape != nil:
		return fmt.Errorf("its landscape has no plan of points")
	case len(l.Points.Variants) != len(l.Plane.Points):
		return fmt.Errorf("its landscape has %d models for %d points", len(l.Points.Variants), len(l.Plane.Points))
	}
	for i, p := range l.Plane.Points {
		if p.Kind == result.PathPoint && p.Alpha == nil {
			return fmt.Errorf("point %d of the landscape has no alpha", i)
		}
	}
	return l.Points.Check()
}
