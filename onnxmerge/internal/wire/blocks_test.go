package wire

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// slowly writes nothing, and takes a time for it.
type slowly time.Duration

func (s slowly) Write(p []byte) (int, error) {
	time.Sleep(time.Duration(s))
	return len(p), nil
}

// The writer waits for slow workers, whose times are added up, and workers do not wait for each other.
func TestTimes(t *testing.T) {
	t.Parallel()
	const blocks = 8
	for _, c := range []struct {
		workers     int
		fill, write time.Duration // of one block
		want        Times
		wantInAll   time.Duration
	}{
		{1, 10, 1, Times{Filling: 80, Waiting: 80 - 7, Writing: 8}, 81},
		{2, 10, 1, Times{Filling: 80, Waiting: 10 + 3*8, Writing: 8}, 42},
		{2, 1, 10, Times{Filling: 8, Waiting: 1, Writing: 80}, 81},
	} {
		synctest.Test(t, func(t *testing.T) {
			slow := part{blocks * BlockSize, func(context.Context, []byte, int64) error {
				time.Sleep(c.fill)
				return nil
			}}
			start := time.Now()
			got, err := writeParts(t.Context(), slowly(c.write), []part{slow}, c.workers)
			if err != nil || got != c.want {
				t.Errorf("%d workers: times %v (%v), want %v", c.workers, got, err, c.want)
			}
			if took := time.Since(start); took != c.wantInAll {
				t.Errorf("%d workers: took %v, want %v", c.workers, took, c.wantInAll)
			}
		})
	}
	if took, err := writeParts(t.Context(), io.Discard, nil, 1); err != nil || took.Filling+took.Writing != 0 {
		t.Errorf("no parts took %v (%v)", took, err)
	}
}
