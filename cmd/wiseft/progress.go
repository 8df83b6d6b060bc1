package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// lineEvery is the pace of progress where there is no terminal, such as in the log
// of a batch job.
const lineEvery = 5 * time.Second

// firstLine is when progress is first told: short work stays silent.
const firstLine = time.Second

// progress shows how far a long work is: a bar on a terminal, a line now and then
// elsewhere, nothing with --quiet. Its methods may be called by several goroutines.
type progress struct {
	mu     sync.Mutex
	w      io.Writer
	isTerm bool
	bar    *progressbar.ProgressBar // nil until there is something to show
	unit   string
	what   string
	start  time.Time
	last   time.Time // when a line was written
	done   int
	total  int
}

// newProgress begins showing work. It is nil with --quiet; a nil progress does nothing.
func (c *call) newProgress(what, unit string) *progress {
	if c.Bool("quiet") {
		return nil
	}
	now := time.Now()
	return &progress{w: c.err, isTerm: c.isTerm, unit: unit, what: what, start: now, last: now.Add(firstLine - lineEvery)}
}

// newBar begins the bar, once the total is known.
func (p *progress) newBar() *progressbar.ProgressBar {
	return progressbar.NewOptions(p.total,
		progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(p.what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(p.unit),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionFullWidth(), progressbar.OptionSetPredictTime(true))
}

// set says that done of total units are finished. total replaces the earlier one.
func (p *progress) set(done, total int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if done < p.done && p.total == total {
		return // reports of parallel workers may come late
	}
	p.done, p.total = done, total
	if p.isTerm && total > 0 {
		if p.bar == nil {
			p.bar = p.newBar()
		}
		p.bar.ChangeMax(total)
		_ = p.bar.Set(done) // a terminal that went away is no failure of the work
		return
	}
	if now := time.Now(); !p.isTerm && now.Sub(p.last) >= lineEvery {
		p.last = now
		fmt.Fprintln(p.w, p.line(now))
	}
}

// describe changes what is being worked on.
func (p *progress) describe(what string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what = what
	if p.bar != nil {
		p.bar.Describe(what)
	}
}

func (p *progress) line(now time.Time) string {
	if p.done == 0 {
		return fmt.Sprintf("%s: %d %s to do", p.what, p.total, p.unit)
	}
	rate := float64(p.done) / now.Sub(p.start).Seconds()
	left := time.Duration(float64(p.total-p.done)/rate) * time.Second
	return fmt.Sprintf("%s: %d/%d %s, %.1f %s/s, %s left", p.what, p.done, p.total, p.unit, rate, p.unit, left)
}

// end removes the bar.
func (p *progress) end() {
	if p != nil && p.bar != nil {
		_ = p.bar.Clear()
	}
}
