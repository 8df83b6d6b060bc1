package unit

import (
	"fmt"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/store"
)

// ValidationFraction is the share of the training data that validates if there is no validation data.
const ValidationFraction = 0.2

// The kinds of units. generation is raised when the same inputs give other bits.
const (
	Features = "features"
	Probe    = "probe"
	Scores   = "scores"

	generation = 1
)

// Role is the purpose of a data set.
type Role int

// The roles. Their numbers are in no file.
const (
	Training            Role = iota // probes are fitted on it
	Validation                      // alpha is chosen on it
	CorruptedValidation             // validation data under a corruption, for rules that choose by robustness
	OnTest                          // test data, clean or corrupted; it chooses nothing
)

// View is one of the data sets that pass through every variant.
type View struct {
	Role       Role
	Test, Cell int // Test and Cell are indices for OnTest; Cell also for CorruptedValidation, which has one data set
}

// Views lists the data sets in the order in which they pass through a variant.
func (s *Spec) Views() []View {
	var list []View
	if s.Settings.Train != nil {
		list = append(list, View{Role: Training})
	}
	if s.Settings.Val != nil {
		list = append(list, View{Role: Validation})
	}
	for c := range s.ValCells {
		list = append(list, View{Role: CorruptedValidation, Cell: c})
	}
	for t := range s.Tests {
		for c := range s.Tests[t].Cells {
			list = append(list, View{Role: OnTest, Test: t, Cell: c})
		}
	}
	return list
}

// Cell describes the data of w.
func (s *Spec) Cell(w View) Cell {
	switch w.Role {
	case Training:
		return Cell{SHA256: s.Settings.Train.SHA256, N: s.Settings.Train.N}
	case Validation:
		return Cell{SHA256: s.Settings.Val.SHA256, N: s.Settings.Val.N}
	case CorruptedValidation:
		return s.ValCells[w.Cell]
	}
	return s.Tests[w.Test].Cells[w.Cell]
}

// Name names w in progress and errors.
func (s *Spec) Name(w View) string {
	switch w.Role {
	case Training:
		return "training data"
	case Validation:
		return "validation data"
	case CorruptedValidation:
		return "validation data, " + s.Cell(w).String()
	}
	if len(s.Tests) > 1 {
		return s.Tests[w.Test].Name + ", " + s.Cell(w).String()
	}
	return s.Cell(w).String()
}

// HeldOut reports whether the validation data is a part of the training data.
func (s *Spec) HeldOut() bool { return s.Settings.Val == nil && s.Settings.Train != nil }

// rowsHeld and rowsRest are the names of the parts of the training data in keys.
func (s *Spec) rowsHeld() string {
	return fmt.Sprintf("held: stratified %g, seed %d", ValidationFraction, s.Settings.Seed)
}

func (s *Spec) rowsRest() string {
	return fmt.Sprintf("rest: stratified %g, seed %d", ValidationFraction, s.Settings.Seed)
}

// Features returns the key of the features of w under variant v.
func (s *Spec) Features(v int, w View) store.Key { return s.FeaturesOf(v, s.Cell(w).SHA256) }

// FeaturesOf returns the key of the features of a data set with the hash data under variant v.
func (s *Spec) FeaturesOf(v int, data string) store.Key {
	return store.NewKey(struct {
		Unit, Model, Tensor, Data string
		Layout                    probe.Layout
		Batch                     int
		Runtime                   string
		Generation                int
	}{Features, s.Variants[v].Key, s.Settings.Tensor, data,
		s.Settings.Layout, s.Settings.Batch, s.Settings.Runtime, generation})
}

// probeKey is what a probe depends on. Its JSON is hashed: the order of the fields must not change.
type probeKey struct {
	Unit       string
	Features   store.Key
	Classes    []string // names, which are stored in the probe
	Rows       string   // "" = all
	Fit        fit.Options
	Start      store.Key // key of the probe from which the fit starts; "" = zero
	Generation int
}

// HeldProbe returns the key of the probe of variant v that is fitted without the held-out samples.
func (s *Spec) HeldProbe(v int) store.Key {
	return remember(&s.held, v, func() store.Key {
		k := s.probeKey(v, s.rowsRest())
		if s.Settings.WarmStart && v > 0 {
			k.Start = s.HeldProbe(v - 1)
		}
		return store.NewKey(k)
	})
}

// Probe returns the key of the probe of variant v that is tested. Its fit starts from the probe that was validated;
// without one, with WarmStart, from that of the variant before.
func (s *Spec) Probe(v int) store.Key {
	return remember(&s.tested, v, func() store.Key {
		k := s.probeKey(v, "")
		switch {
		case s.HeldOut():
			k.Start = s.HeldProbe(v)
		case s.Settings.WarmStart && v > 0:
			k.Start = s.Probe(v - 1)
		}
		return store.NewKey(k)
	})
}

func (s *Spec) probeKey(v int, rows string) probeKey {
	return probeKey{Probe, s.Features(v, View{Role: Training}), s.Settings.Train.Classes, rows, s.Settings.Fit, "",
		generation}
}

// BentProbe returns the key of the probe that a search fits for variant v on features of which only those of the rows
// near are extracted, nil = all; the others are interpolated between variants 0 and last.
func (s *Spec) BentProbe(v, last int, near []int) store.Key {
	at := func(v int) store.Key { return s.Features(v, View{Role: Training}) }
	key := s.probeKey(v, s.rowsRest())
	key.Unit = "probe of bent features"
	return store.NewKey(struct {
		Probe probeKey
		Ends  [2]store.Key
		Near  []int
	}{key, [2]store.Key{at(0), at(last)}, near})
}

// remember returns the key of variant v in known, or makes and adds it, so that the keys of a chain of 1,000 probes
// are made once.
func remember(known *map[int]store.Key, v int, key func() store.Key) store.Key {
	if k, ok := (*known)[v]; ok {
		return k
	}
	k := key()
	if *known == nil {
		*known = map[int]store.Key{}
	}
	(*known)[v] = k
	return k
}

// ScoringProbe returns the key of the probe that scores w. Held-out validation samples are never scored by a probe
// that was fitted on them.
func (s *Spec) ScoringProbe(v int, w View) store.Key {
	switch {
	case s.Settings.OwnHead:
		return "own head"
	case s.HeldOut() && (w.Role == Training || w.Role == CorruptedValidation):
		return s.HeldProbe(v)
	}
	return s.Probe(v)
}

// Scores returns the key of the scores of w under variant v. For training data these are the scores of the held-out
// samples; without held-out samples there are none, and the key of the probe is returned.
func (s *Spec) Scores(v int, w View) store.Key {
	if w.Role == Training && !s.HeldOut() {
		return s.Probe(v)
	}
	rows := ""
	if w.Role == Training {
		rows = s.rowsHeld()
	}
	return store.NewKey(struct {
		Unit            string
		Probe, Features store.Key
		Rows            string
		Generation      int
	}{Scores, s.ScoringProbe(v, w), s.Features(v, w), rows, generation})
}
