// Package corrupt damages point clouds and images as robustness benchmarks do.
//
// A [Corruption] changes one sample at one of five severities; a [Suite] is a named list of corruptions in the order
// in which a benchmark evaluates them. Both register themselves, one file each. A program registers its own with
// [Register] and [RegisterSuite].
//
// Every corruption is one function, which draws random numbers from a [Rand] in the order of the reference
// implementation. There are two generators. [Wrap] corrupts a data set with a keyed generator: a sample depends only
// on the seed, the corruption's name, the severity and the sample's index, and not on order, threads, shards or the
// kind of processor, since functions are rounded correctly (package precise) and products are rounded before they are
// added, or added by one fused operation on every processor. [Stream] repeats the reference implementations: numpy's
// legacy generator, one cloud after the other, with float32 where numpy has float32, the order in which numpy's sorts
// leave equal distances, and its fused products. Of 1.2 million values of the reference arrays 24 differ, in the last
// bits, where glibc does not round correctly. Where a reference sorts all points to select some, the keyed generator
// only selects.
//
// The counts of points that some corruptions add or remove are published for clouds of 1,024 points. For n points the
// count is count*n/1024, rounded down, which is exact at 1,024. A corruption never removes the last point.
//
// Data made by this package is marked as self-made (Info.SelfMade), because a self-made set is not the published one.
package corrupt

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/mt19937"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/registry"
)

// Severities is how many severities every corruption has: 1 to 5.
const Severities = 5

// Rand is the source of all randomness of a corruption.
type Rand interface {
	Float64() float64     // uniform in [0, 1)
	NormFloat64() float64 // standard normal
	IntN(n int) int       // uniform in [0, n)
	Perm(n int) []int     // 0 to n-1 in random order
}

var (
	_ Rand = (*rand.Rand)(nil)
	_ Rand = (*mt19937.Rand)(nil)
)

// Corruption changes a sample, a cloud or an image, at one of five severities.
type Corruption struct {
	Name   string
	Doc    string // one line: what happens to the sample
	Source string // where the definition comes from
	// Note is the difference from the source, apart from random numbers; "" means none.
	Note string
	// Levels holds the parameter of each severity, with its unit.
	Levels [Severities]string
	// Unordered is set if a higher severity is not a stronger change at every size of clouds.
	Unordered bool
	// Fixed is set if nothing is random.
	Fixed bool
	// Choose is how many points the reference chooses from every cloud first, the same indices of each; 0 means all.
	// Only Stream chooses; Wrap uses clouds as they are.
	Choose int
	// Cloud changes a cloud of at least one point in place, and Image an image, whose values are clipped to 0 to 1
	// afterwards. Exactly one of the two is set. They draw all random numbers from rng and keep no state, so that
	// several calls may run concurrently. severity is 1 to 5.
	Cloud func(rng Rand, severity int, c *Cloud)
	Image func(rng Rand, severity int, m *Image)
}

var corruptions = registry.New[Corruption]("corruption")

// Register adds a corruption, under a name that no other corruption has. A corruption of another program is
// registered before it is used, for example in an init function. Register panics if Name, Doc, Source or one of
// Levels is empty, if not exactly one of Cloud and Image is set, or if the name is taken.
func Register(c Corruption) {
	if c.Name == "" || c.Doc == "" || c.Source == "" || slices.Contains(c.Levels[:], "") ||
		(c.Cloud == nil) == (c.Image == nil) {
		panic("corrupt: a field of the corruption " + c.Name + " is not set")
	}
	corruptions.Register(c.Name, c)
}

// Lookup returns the corruption of a name. The error, of the kind Usage of wiseft.KindOf, lists the names.
func Lookup(name string) (Corruption, error) { return corruptions.Lookup(name) }

// All returns all corruptions, sorted by name.
func All() []Corruption { return corruptions.All() }

// check refuses a severity out of range, and a corruption without a function.
func (c *Corruption) check(severity int) error {
	if severity < 1 || severity > Severities {
		return fault.Usagef("corruption %s: severity is %d, want 1 to %d", c.Name, severity, Severities)
	}
	if c.Cloud == nil && c.Image == nil {
		return fault.Usagef("corruption %q has no function; registered corruptions: %s", c.Name,
			strings.Join(corruptions.Names(), ", "))
	}
	return nil
}

// checkCloud is check for uses that need a corruption of clouds.
func (c *Corruption) checkCloud(severity int) error {
	if err := c.check(severity); err != nil {
		return err
	}
	if c.Cloud == nil {
		return fault.Usagef("corruption %s is for images, and only clouds are written to files", c.Name)
	}
	return nil
}

// uniform returns a number from low to high, as numpy's uniform does.
func uniform(rng Rand, low, high float64) float64 {
	return low + float64((high-low)*rng.Float64())
}

// sign returns -1 or 1.
func sign(rng Rand) float64 { return float64(2*rng.IntN(2) - 1) }

// scaled converts a count that is published for 1,024 points into the count for n.
func scaled(count, n int) int { return count * n / 1024 }
