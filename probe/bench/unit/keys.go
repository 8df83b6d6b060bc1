package unit

import (
	"slices"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/store"
)

// The kinds of units. A generation is raised when the same inputs give other bits.
const (
	Features = "features"
	Probe    = "probe"
	Scores   = "scores"
	Transfer = "transfer" // the outcome of a task on a transfer set
	Samples  = "samples"  // samples of the first test set, for pictures
	Weights  = "weights"  // how far fine-tuning moved the weights

	generation         = 1 // of features
	probeGeneration    = 3 // of probes and scores
	transferGeneration = 1 // of outcomes
)

// Role is the purpose of a data set.
type Role int

// The roles. Their numbers are in no file.
const (
	Training   Role = iota // probes are fitted on it
	Validation             // alpha is chosen on it
	OnTest                 // test data; it chooses nothing
	OnTransfer             // other data, on which protocols measure features
)

// View is one of the data sets that pass through every variant.
type View struct {
	Role Role
	// Set is the index of a validation, test or transfer set, Cell that of its condition; 0 is the clean one. Of a
	// transfer set, Cell is the index of a part; all parts are one unit, that of the first.
	Set, Cell int
}

// Views lists the data sets in the order in which they pass through a model.
func (s *Spec) Views() []View {
	var list []View
	if s.Settings.Train != nil {
		list = append(list, View{Role: Training})
	}
	list = append(list, viewsOf(Validation, s.Vals)...)
	list = append(list, viewsOf(OnTest, s.Tests)...)
	for t := range s.Settings.Transfers {
		list = append(list, View{Role: OnTransfer, Set: t})
	}
	return list
}

// ViewsOf lists those that pass through a variant.
func (s *Spec) ViewsOf(v int) []View {
	views := s.Views()
	if !s.Variants[v].Control {
		return views
	}
	return slices.DeleteFunc(views, func(w View) bool {
		return w.Role == Validation || w.Role == OnTest && w.Set > 0
	})
}

func viewsOf(role Role, sets []Set) (list []View) {
	for i := range sets {
		for c := range sets[i].Cells {
			list = append(list, View{Role: role, Set: i, Cell: c})
		}
	}
	return list
}

// set returns the validation or test set of w.
func (s *Spec) set(w View) Set {
	if w.Role == Validation {
		return s.Vals[w.Set]
	}
	return s.Tests[w.Set]
}

// Cell describes the data of w.
func (s *Spec) Cell(w View) Cell {
	d := s.Settings.Train
	switch w.Role {
	case Training:
	case OnTransfer:
		d = s.Settings.Transfers[w.Set].Parts()[w.Cell]
	default:
		return s.set(w).Cells[w.Cell]
	}
	return Cell{SHA256: d.SHA256, N: d.N}
}

// Name names w in progress and errors.
func (s *Spec) Name(w View) string {
	name := ""
	switch {
	case w.Role == Training:
		return "training data"
	case w.Role == OnTransfer:
		return "transfer data " + s.Settings.Transfers[w.Set].Name
	case w.Role == Validation:
		name = "validation data"
		if len(s.Vals) > 1 {
			name += " " + s.Vals[w.Set].Name
		}
	case len(s.Tests) > 1:
		name = s.Tests[w.Set].Name
	}
	switch {
	case name == "":
		return s.Cell(w).String()
	case w.Role == Validation && w.Cell == 0:
		return name
	}
	return name + ", " + s.Cell(w).String()
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
		Pool                      *probe.Pooling `json:",omitempty"` // keys without it stay those of before there was one
	}{Features, s.Variants[v].Key, s.Settings.Tensor, data,
		s.Settings.Layout, s.Settings.Batch, s.Settings.Runtime, generation, s.Settings.Pool})
}

// probeKey is what a probe depends on. Its JSON is hashed: the order of the fields must not change.
type probeKey struct {
	Unit       string
	Features   store.Key
	Classes    []string // names, which are stored in the probe
	Rows       string   // "": the probe is fitted on all rows
	Fit        fit.Options
	Start      store.Key // key of the probe from which the fit starts; "" = zero
	Generation int
}

// Probe returns the key of the probe of variant v. With WarmStart its fit starts from that of the variant before.
func (s *Spec) Probe(v int) store.Key {
	return remember(&s.probes, v, func() store.Key {
		k := s.probeKey(v)
		if s.Settings.WarmStart && v > 0 && !s.Variants[v].Control {
			k.Start = s.Probe(v - 1)
		}
		return store.NewKey(k)
	})
}

func (s *Spec) probeKey(v int) probeKey {
	return probeKey{Probe, s.Features(v, View{Role: Training}), s.Settings.Train.Classes, "", s.Settings.Fit,
		store.Key(s.Settings.Start), probeGeneration}
}

// FurtherProbe returns the key of a further head of variant v, an index of Settings.Probes.
func (s *Spec) FurtherProbe(v, head int) store.Key {
	k, set := s.probeKey(v), s.Settings.Probes[head]
	k.Fit, k.Start = set.Fit, store.Key(set.Start)
	return store.NewKey(k)
}

// FurtherScores returns the key of the scores of w by a further head of variant v.
func (s *Spec) FurtherScores(v, head int, w View) store.Key {
	return store.NewKey(scoresKey{Scores, s.FurtherProbe(v, head), s.Features(v, w), "", probeGeneration})
}

// Further returns how many further heads w is for: training data and the first test set.
func (s *Spec) Further(w View) int {
	if w.Role == Training || w.Role == OnTest && w.Set == 0 {
		return len(s.Settings.Probes)
	}
	return 0
}

// BentProbe returns the key of the probe that a search fits for variant v on features of which only those of the rows
// near are extracted, nil = all; the others are interpolated between variants 0 and last.
func (s *Spec) BentProbe(v, last int, near []int) store.Key {
	at := func(v int) store.Key { return s.Features(v, View{Role: Training}) }
	key := s.probeKey(v)
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

// Scores returns the key of the scores of w, validation or test data, under variant v.
func (s *Spec) Scores(v int, w View) store.Key {
	probe := store.Key("own head")
	switch {
	case s.Settings.Score != nil:
		probe = store.Key(s.Settings.Score.Key())
	case !s.Settings.OwnHead:
		probe = s.Probe(v)
	case s.Settings.HeadLabels != nil:
		probe = store.NewKey(struct {
			Probe  string
			Labels map[int64]int64 // in JSON by rising class
		}{"own head", s.Settings.HeadLabels})
	}
	return store.NewKey(scoresKey{Scores, probe, s.Features(v, w), "", probeGeneration})
}

// HeadScores returns the key of the scores of w by the own head of variant v.
func (s *Spec) HeadScores(v int, w View) store.Key { return s.HeadScoresOf(v, s.Cell(w).SHA256) }

// HeadScoresOf returns the key of the scores of a data set with the hash data by the own head of variant v.
func (s *Spec) HeadScoresOf(v int, data string) store.Key {
	return store.NewKey(scoresKey{Scores, "own head of the features", s.FeaturesOf(v, data), "", generation})
}

// scoresKey is what scores depend on. Its JSON is hashed: the order of the fields must not change.
type scoresKey struct {
	Unit            string
	Probe, Features store.Key
	Rows            string // "": all rows are scored
	Generation      int
}
