package main

import (
	"context"
	"time"

	"github.com/wiseft/wiseft/internal/output"
)

// grace is how long a command may take to return after Ctrl-C.
const grace = 500 * time.Millisecond

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
		for ended := ctx.Done(); ; {
			select {
			case o := <-done:
				return o.result, o.err
			case <-ended:
				ended, tick = nil, time.Tick(grace)
			case <-tick:
				if !output.InProgress() {
					return nil, ctx.Err()
				}
			}
		}
	}
}
