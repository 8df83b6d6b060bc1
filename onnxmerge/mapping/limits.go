package mapping

import "cmp"

// DefaultMemory is Limits.MemoryBytes where that is 0.
const DefaultMemory = 256 << 20

// Limits bound what a search and the evaluation of expressions take.
type Limits struct {
	MemoryBytes int64 // for the elements of tensors, however large these are; 0 is DefaultMemory
	Workers     int   // goroutines; 0 is 1. Results do not depend on it
}

func (l Limits) memory() int64 { return cmp.Or(l.MemoryBytes, DefaultMemory) }

// workersFor returns how many goroutines evaluate so many elements.
func (l Limits) workersFor(elements int64) int {
	if elements < fewWork {
		return 1
	}
	return max(l.Workers, 1)
}
