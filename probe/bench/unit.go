package bench

import (
	"fmt"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/store"
)

// The kinds of units. The number is raised when the same inputs give other bits.
const (
	featuresUnit = "features"
	probeUnit    = "probe"
	scoresUnit   = "scores"

	generation = 1
)

// role is what a data set is for.
type role int

const (
	training role = iota
	validation
	corruptedValidation
	onTest
)

// view is one of the data sets that pass through every variant.
type view struct {
	role       role
	test, cell int // of onTest; of corruptedValidation too, which has one set
}

// views lists the data sets in the order in which a variant sees them.
func (s *Spec) views() []view {
	var list []view
	if s.Settings.Train != nil {
		list = append(list, view{role: training})
	}
	if s.Settings.Val != nil {
		list = append(list, view{role: validation})
	}
	for c := range s.ValCells {
		list = append(list, view{role: corruptedValidation, cell: c})
	}
	for t := range s.Tests {
		for c := range s.Tests[t].Cells {
			list = append(list, view{role: onTest, test: t, cell: c})
		}
	}
	return list
}

// cell describes what w holds.
func (s *Spec) cell(w view) Cell {
	switch w.role {
	case training:
		return Cell{SHA256: s.Settings.Train.SHA256, N: s.Settings.Train.N}
	case validation:
		return Cell{SHA256: s.Settings.Val.SHA256, N: s.Settings.Val.N}
	case corruptedValidation:
		return s.ValCells[w.cell]
	}
	return s.Tests[w.test].Cells[w.cell]
}

// name says what w is, for progress and errors.
func (s *Spec) name(w view) string {
	switch w.role {
	case training:
		return "training data"
	case validation:
		return "validation data"
	case corruptedValidation:
		return "validation data, " + s.cell(w).String()
	}
	if len(s.Tests) > 1 {
		return s.Tests[w.test].Name + ", " + s.cell(w).String()
	}
	return s.cell(w).String()
}

// heldOut reports whether the validation data is a part of the training data.
func (s *Spec) heldOut() bool { return s.Settings.Val == nil && s.Settings.Train != nil }

// rowsHeld and rowsRest name the parts of the training data.
func (s *Spec) rowsHeld() string {
	return fmt.Sprintf("held: stratified %g, seed %d", validationFraction, s.Settings.Seed)
}

func (s *Spec) rowsRest() string {
	return fmt.Sprintf("rest: stratified %g, seed %d", validationFraction, s.Settings.Seed)
}

// features returns the key of the features of w under variant v.
func (s *Spec) features(v int, w view) store.Key { return s.featuresOf(v, s.cell(w).SHA256) }

// featuresOf returns the key of the features of a data set, by its hash, under variant v.
func (s *Spec) featuresOf(v int, data string) store.Key {
	return store.NewKey(struct {
		Unit, Model, Tensor, Data string
		Layout                    probe.Layout
		Batch                     int
		Runtime                   string
		Generation                int
	}{featuresUnit, s.Variants[v].Key, s.Settings.Tensor, data,
		s.Settings.Layout, s.Settings.Batch, s.Settings.Runtime, generation})
}

// probeKey is what a probe depends on.
type probeKey struct {
	Unit       string
	Features   store.Key
	Classes    []string // names, which are kept in the probe
	Rows       string   // "" = all
	Fit        FitSettings
	Start      store.Key // the probe that the fit started from; "" = zero
	Generation int
}

// heldProbe returns the key of the probe of variant v that was fitted without the samples
// that are held out.
func (s *Spec) heldProbe(v int) store.Key {
	return s.remember(s.held, v, func() store.Key {
		k := s.probeKey(v, s.rowsRest())
		if s.Settings.WarmStart && v > 0 {
			k.Start = s.heldProbe(v - 1)
		}
		return store.NewKey(k)
	})
}

// probe returns the key of the probe of variant v that is tested. It starts from the one that
// was validated, or else, in a chain, from that of the variant before.
func (s *Spec) probe(v int) store.Key {
	return s.remember(s.tested, v, func() store.Key {
		k := s.probeKey(v, "")
		switch {
		case s.heldOut():
			k.Start = s.heldProbe(v)
		case s.Settings.WarmStart && v > 0:
			k.Start = s.probe(v - 1)
		}
		return store.NewKey(k)
	})
}

func (s *Spec) probeKey(v int, rows string) probeKey {
	return probeKey{probeUnit, s.features(v, view{role: training}), s.Settings.Train.Classes, rows, s.Settings.Fit, "", generation}
}

// remember keeps keys that are made of others, so that a chain of a thousand is not followed a
// thousand times. known is nil for a spec that was not prepared, and nothing is kept.
func (s *Spec) remember(known map[int]store.Key, v int, key func() store.Key) store.Key {
	if k, ok := known[v]; ok {
		return k
	}
	k := key()
	if known != nil {
		known[v] = k
	}
	return k
}

// judge returns the key of the probe that scores w: where validation samples are held out of
// the training data, they are never scored by a probe that was fitted on them.
func (s *Spec) judge(v int, w view) store.Key {
	switch {
	case s.Settings.OwnHead:
		return "own head"
	case s.heldOut() && (w.role == training || w.role == corruptedValidation):
		return s.heldProbe(v)
	}
	return s.probe(v)
}

// scores returns the key of the scores of w under variant v. Those of training data are
// those of the samples that are held out; where none are, training data has no scores, and
// the key stands for the probe.
func (s *Spec) scores(v int, w view) store.Key {
	if w.role == training && !s.heldOut() {
		return s.probe(v)
	}
	rows := ""
	if w.role == training {
		rows = s.rowsHeld()
	}
	return store.NewKey(struct {
		Unit            string
		Probe, Features store.Key
		Rows            string
		Generation      int
	}{scoresUnit, s.judge(v, w), s.features(v, w), rows, generation})
}
