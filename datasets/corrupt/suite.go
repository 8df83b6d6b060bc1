package corrupt

import (
	"slices"

	"github.com/wiseft/wiseft/internal/registry"
)

// Suite is a benchmark's list of corruptions.
type Suite struct {
	Name        string
	Doc         string   // one line
	Corruptions []string // names, in the order of evaluation
	Severities  int      // the highest severity: 1 to 5
	// Stream lists the corruptions in the order in which the reference implementation draws them from one
	// random stream, each with all its severities before the next. nil means that there is no reference
	// stream. It may hold names that are not in Corruptions, and lacks those without a reference.
	Stream []string
	Seed   uint32 // of the reference's stream
	// Layout is how the published data set is stored: "hdf5" or "npy"; "" if it is not published.
	Layout string
	// Stored is set if the suite is for data that are stored corrupted: not all of its corruptions are registered.
	Stored bool
}

var suites = registry.New[Suite]("suite")

// RegisterSuite adds a suite, under a name that no other suite has. Its corruptions are registered before it is
// used. RegisterSuite panics if a required field is not set or the name is taken.
func RegisterSuite(s Suite) {
	if s.Name == "" || s.Doc == "" || len(s.Corruptions) == 0 || s.Severities < 1 || s.Severities > Severities {
		panic("corrupt: a field of the suite " + s.Name + " is not set")
	}
	suites.Register(s.Name, s)
}

// LookupSuite returns the suite of a name. Its slices belong to the caller. The error, of the kind Usage of
// wiseft.KindOf, lists the names.
func LookupSuite(name string) (Suite, error) {
	s, err := suites.Lookup(name)
	return s.clone(), err
}

// Suites returns all suites, sorted by name. Their slices belong to the caller.
func Suites() []Suite {
	all := suites.All()
	for i, s := range all {
		all[i] = s.clone()
	}
	return all
}

func (s Suite) clone() Suite {
	s.Corruptions, s.Stream = slices.Clone(s.Corruptions), slices.Clone(s.Stream)
	return s
}
