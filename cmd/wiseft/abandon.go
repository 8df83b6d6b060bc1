package main

import (
	"context"
	"time"

	"github.com/wiseft/wiseft/internal/output"
)

// grace is how long a command may take to return after Ctrl-C, and again after a file was written.
const grace = 400 * time.Millisecond

// abandonable returns do for a command that computes long between the places where it looks at its context, such as
// pairing 200,000 weights: after Ctrl-C the program does not wait for it, unless it is writing a file.
func abandonable(do action) action {
	type outcome struct {
		result result
		err    error
	}
	return func(ctx context.Context, c *call) (result, error) {
		done := make(chan outcome, 1)
		go func() {
			r, err := do(ctx, c)
			done <- outcome{r, err}
		}()
		var tick <-chan time.Time // nil, so that it never comes, until ctx ends
		idle := 0                 // ticks in a row at which nothing was written: the first may be between writing and returning
		for ended := ctx.Done(); ; {
			select {
			case o := <-done:
				return o.result, o.err
			case <-ended:
				ended, tick = nil, time.Tick(grace)
			case <-tick:
				if idle++; output.InProgress() {
					idle = 0
				}
				if idle == 2 {
					return nil, ctx.Err()
				}
			}
		}
	}
}
