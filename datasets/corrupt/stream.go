package corrupt

import (
	"context"
	"fmt"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt/internal/mt19937"
)

// Stream corrupts as the reference implementations do: on numpy's legacy generator, one
// cloud after the other. What comes out depends on all that was drawn since the seed.
// It must not be used by several goroutines at once.
type Stream struct{ rng *mt19937.Rand }

// NewStream returns the stream that numpy.random.seed(seed) starts.
func NewStream(seed uint32) *Stream { return &Stream{mt19937.New(seed)} }

// State returns where the stream stands: numpy's pos, has_gauss and cached_gaussian.
func (s *Stream) State() (pos int, hasNormal bool, normal float64) { return s.rng.State() }

// Cell corrupts all clouds of ds in order and hands each to yield, which must not keep
// it. The first error of yield, or of reading, ends it. The clouds must have one number
// of points where the corruption begins by choosing some.
func (s *Stream) Cell(ctx context.Context, ds datasets.Dataset, c Corruption, severity int, yield func(i int, cloud *Cloud) error) error {
	if err := c.check(severity); err != nil {
		return err
	}
	var (
		sample datasets.Sample
		cloud  Cloud
		chosen []int
		first  int // points of the first cloud
	)
	for i := range ds.Len() {
		if err := ds.Read(ctx, &sample, i); err != nil {
			return err
		}
		if err := cloud.load(&sample, c.Name, ds.Info().Name, i); err != nil {
			return err
		}
		if n := len(cloud.Points); i == 0 {
			first = n
			if c.Choose > n {
				return &datasets.FormatError{Path: ds.Info().Name,
					Detail: fmt.Sprintf("sample 0 has %d points, but the reference's %s begins with %d of them", n, c.Name, c.Choose)}
			}
			if c.Choose > 0 {
				chosen = s.rng.Perm(n)[:c.Choose]
			}
		} else if n != first && c.Choose > 0 {
			return &datasets.FormatError{Path: ds.Info().Name,
				Detail: fmt.Sprintf("sample %d has %d points, the first %d: the reference takes the same ones of each", i, n, first)}
		}
		if c.Choose > 0 {
			cloud.reorder(chosen)
		}
		c.Cloud(s.rng, severity, &cloud)
		if err := yield(i, &cloud); err != nil {
			return err
		}
	}
	return nil
}
