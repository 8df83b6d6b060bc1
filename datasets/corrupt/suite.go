package corrupt

import (
	"maps"
	"slices"
)

// Suite is a benchmark's list of corruptions.
type Suite struct {
	Name        string
	Doc         string
	Corruptions []string // names, in the order of evaluation
	Severities  int      // 1 to this
	// Stream lists the corruptions in the order in which the reference draws them from one
	// stream, severities inside; nil = there is no reference stream. It may hold
	// names that are not in Corruptions, and lack some that have no reference here.
	Stream []string
	Seed   uint32 // of the reference
	// Layout is how the published set is stored: "hdf5" or "npy"; "" = not at all.
	Layout string
}

var suites = map[string]Suite{}

func registerSuite(s Suite) {
	if s.Name == "" || s.Doc == "" || len(s.Corruptions) == 0 || s.Severities < 1 || s.Severities > Severities {
		panic("corrupt: half-filled suite " + s.Name)
	}
	if _, ok := suites[s.Name]; ok {
		panic("corrupt: suite registered twice: " + s.Name)
	}
	suites[s.Name] = s
}

// LookupSuite returns the suite of that name. Its lists belong to the caller.
func LookupSuite(name string) (Suite, bool) {
	s, ok := suites[name]
	s.Corruptions, s.Stream = slices.Clone(s.Corruptions), slices.Clone(s.Stream)
	return s, ok
}

// Suites returns all suites, sorted by name.
func Suites() []Suite {
	names := slices.Sorted(maps.Keys(suites))
	all := make([]Suite, len(names))
	for i, name := range names {
		all[i], _ = LookupSuite(name)
	}
	return all
}
