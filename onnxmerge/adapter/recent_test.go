package adapter

import (
	"errors"
	"sync"
	"testing"
)

// Only the latest terms hold factors; one that was dropped reads them again.
func TestRecent(t *testing.T) {
	t.Parallel()
	r, reads := &recent{}, 0
	terms := make([]*term, 3*heldFactors)
	for i := range terms {
		terms[i] = &term{}
	}
	use := func(x *term) {
		f, err := r.use(x, func() (*factors, error) {
			reads++
			return &factors{}, nil
		})
		if f == nil || err != nil {
			t.Error(f, err)
		}
	}
	var all sync.WaitGroup
	for _, x := range terms {
		all.Go(func() { use(x) })
	}
	all.Wait()
	held := 0
	var dropped *term
	for _, x := range terms {
		if x.factors != nil {
			held++
		} else {
			dropped = x
		}
	}
	if held != heldFactors || reads != len(terms) {
		t.Errorf("%d terms hold factors after %d reads, want %d after %d", held, reads, heldFactors, len(terms))
	}
	oldest := r.terms[0]
	use(oldest)
	use(dropped)
	if oldest.factors == nil || dropped.factors == nil || reads != len(terms)+1 {
		t.Errorf("%d reads, want one more: the oldest term was used again before another was dropped", reads)
	}
	wrong := errors.New("no factors")
	if _, err := r.use(&term{}, func() (*factors, error) { return nil, wrong }); !errors.Is(err, wrong) {
		t.Errorf("%v, want %v", err, wrong)
	}
}
