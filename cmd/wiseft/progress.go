package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/internal/text"
)

// lineEvery is the time between two lines of progress if standard error is not a terminal, as in the log of a batch
// job.
const lineEvery = 5 * time.Second

// firstLine is the time until the first line: short work prints none.
const firstLine = time.Second

// progress shows how far a long call is: a bar on a terminal, lines elsewhere. Its methods may be called by several
// goroutines.
type progress struct {
	w      io.Writer
	isTerm bool

	mu    sync.Mutex
	bar   *progressbar.ProgressBar // nil until there is something to show
	at    wiseft.Progress
	start time.Time // of work in this unit
	last  time.Time // when a line was written
}

func newProgress(con console) *progress { return &progress{w: con.err, isTerm: con.isTerm} }

// set shows the state of a call. A change of the unit starts another bar.
func (p *progress) set(to wiseft.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case to.Unit != p.at.Unit:
		p.clear()
		p.start = time.Now()
		p.last = p.start.Add(firstLine - lineEvery)
	case to.Done < p.at.Done && to.Total == p.at.Total && to.What == p.at.What:
		return // reports of parallel workers may arrive out of order
	}
	p.at = to
	if !p.isTerm {
		p.writeLine()
		return
	}
	if to.Total == 0 {
		return
	}
	if p.bar == nil {
		p.bar = p.newBar()
	}
	p.bar.Describe(text.Visible(to.What))
	p.bar.ChangeMax(to.Total)
	_ = p.bar.Set(to.Done) // a closed terminal does not stop the call
}

func (p *progress) newBar() *progressbar.ProgressBar {
	return progressbar.NewOptions(p.at.Total,
		progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(p.at.What),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(p.at.Unit),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionFullWidth(), progressbar.OptionSetPredictTime(true))
}

// writeLine writes a line, if the last one is old enough.
func (p *progress) writeLine() {
	if now := time.Now(); now.Sub(p.last) >= lineEvery {
		p.last = now
		fmt.Fprintln(p.w, text.Visible(p.line(now)))
	}
}

func (p *progress) line(now time.Time) string {
	a := p.at
	if a.Done == 0 {
		return fmt.Sprintf("%s: %d %s to do", a.What, a.Total, a.Unit)
	}
	rate := float64(a.Done) / now.Sub(p.start).Seconds()
	left := time.Duration(float64(a.Total-a.Done)/rate) * time.Second
	return fmt.Sprintf("%s: %d/%d %s, %.1f %s/s, %s left", a.What, a.Done, a.Total, a.Unit, rate, a.Unit, left)
}

// end removes the bar from the terminal.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}
