package corrupt

import (
	"context"
	"fmt"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt/internal/mt19937"
)

// Stream corrupts as the reference implementations do: with numpy's legacy generator, one cloud after the other. A
// result depends on everything that was drawn since the seed. A Stream must not be used by several goroutines
// concurrently.
type Stream struct{ rng *mt19937.Rand }

// NewStream returns the stream that numpy.random.seed(seed) starts.
func NewStream(seed uint32) *Stream { return &Stream{mt19937.New(seed)} }

// State returns the state of the stream: numpy's pos, has_gauss and cached_gaussian.
func (s *Stream) State() (pos int, hasNormal bool, normal float64) { return s.rng.State() }

// Rows corrupts all clouds of ds in order. For a corruption with Choose, all clouds must have the same number of
// points. If the iteration stops early, the stream has advanced by the clouds that were drawn.
func (s *Stream) Rows(ctx context.Context, ds datasets.Dataset, c Corruption, severity int) Rows {
	return func(yield func(*Cloud, error) bool) {
		if err := c.checkCloud(severity); err != nil {
			yield(nil, err)
			return
		}
		var (
			sample datasets.Sample
			cloud  Cloud
			chosen []int
			first  int // points of the first cloud
		)
		for i := range ds.Len() {
			err := ds.Read(ctx, &sample, i)
			if err == nil {
				err = cloud.load(&sample, c.Name, ds.Info().Name, i)
			}
			if n := len(cloud.Points); err == nil && c.Choose > 0 {
				if i == 0 {
					first = n
				}
				if err = checkChoice(ds.Info().Name, &c, i, n, first); err == nil && i == 0 {
					chosen = s.rng.Perm(n)[:c.Choose]
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if chosen != nil {
				cloud.choose(chosen)
			}
			c.Cloud(s.rng, severity, &cloud)
			if !yield(&cloud, nil) {
				return
			}
		}
	}
}

// checkChoice refuses clouds from which the reference could not choose the same indices.
func checkChoice(name string, c *Corruption, i, points, first int) error {
	var detail string
	switch {
	case points < c.Choose:
		detail = fmt.Sprintf("sample %d has %d points, but the reference's %s first chooses %d points",
			i, points, c.Name, c.Choose)
	case points != first:
		detail = fmt.Sprintf("sample %d has %d points, but sample 0 has %d; the reference's %s chooses the same "+
			"indices of every cloud", i, points, first, c.Name)
	default:
		return nil
	}
	return &datasets.FormatError{Path: name, Detail: detail}
}
