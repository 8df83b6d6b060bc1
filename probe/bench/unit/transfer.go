package unit

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/store"
)

// Outcome returns the key of the outcome of a task on transfer set t under variant v.
func (s *Spec) Outcome(v, t int, task result.TransferTask) store.Key {
	set := s.Settings.Transfers[t]
	key := struct {
		Unit, Protocol, Task, Options string
		Seed                          uint64
		Features                      []store.Key
		Classes                       []string // names: as many classes as they are, at least
		Generation                    int
	}{Unit: Transfer, Protocol: task.Protocol, Task: task.Name, Options: task.Options, Seed: set.Seed,
		Generation: transferGeneration}
	for _, d := range TaskParts(set, task) {
		key.Features = append(key.Features, s.FeaturesOf(v, d.SHA256))
		key.Classes = d.Classes
	}
	return store.NewKey(key)
}

// TaskParts returns the parts of a transfer set that a task is measured on: those of its published folds, or else train
// and test data.
func TaskParts(set *result.TransferSet, task result.TransferTask) (list []*result.Data) {
	for _, f := range set.Folds {
		if f.Task == task.Name {
			list = append(list, f.Train, f.Test)
		}
	}
	if list == nil {
		list = set.Parts()
	}
	return list
}

// transferID identifies one figure of a variant on a transfer set.
type transferID struct {
	Variant, Set string
	Outcome      store.Key
}

func (s *Spec) transferIDs() (list []transferID) {
	for v, variant := range s.Variants {
		for t, set := range s.Settings.Transfers {
			for _, task := range set.Tasks {
				list = append(list, transferID{variant.ID, set.Name, s.Outcome(v, t, task)})
			}
		}
	}
	return list
}

// checkTransfers returns an error if a description of a transfer set lacks data or tasks.
func checkTransfers(sets []*result.TransferSet) error {
	for i, set := range sets {
		if set == nil || len(set.Tasks) == 0 || set.Train == nil && len(set.Folds) == 0 {
			return fmt.Errorf("transfer set %d is not described", i)
		}
		for _, f := range set.Folds {
			if f == nil || f.Train == nil || f.Test == nil {
				return fmt.Errorf("a fold of transfer set %q is not described", set.Name)
			}
		}
	}
	return nil
}
