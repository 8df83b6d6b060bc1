package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/internal/hub"
)

// fetch replaces references to the Hugging Face Hub by the paths of what they name, in the arguments and in the values of
// flags; what is missing is downloaded.
func (c *call) fetch(ctx context.Context, flags []cli.Flag) error {
	if err := c.fetchAll(ctx, c.args); err != nil {
		return err
	}
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			value := []string{*f.Destination}
			if err := c.fetchAll(ctx, value); err != nil {
				return err
			}
			*f.Destination = value[0]
		case *cli.StringSliceFlag:
			values := c.StringSlice(f.Name)
			if !hasReference(values) {
				continue
			}
			if err := c.fetchAll(ctx, values); err != nil {
				return err
			}
			if err := f.Action(c.Context, values); err != nil { // sets the option
				return err
			}
		}
	}
	return nil
}

func hasReference(values []string) bool {
	for _, value := range values {
		if strings.Contains(value, hub.Scheme) {
			return true
		}
	}
	return false
}

// fetchAll replaces the references in values: the whole value, what follows NAME=, and what precedes the suffix of a flag
// that takes one, such as :svm.
func (c *call) fetchAll(ctx context.Context, values []string) error {
	for i, value := range values {
		before, rest, found := strings.Cut(value, hub.Scheme)
		if !found || before != "" && !strings.HasSuffix(before, "=") {
			continue
		}
		inner, suffix, cut := strings.Cut(rest, ":")
		if cut {
			suffix = ":" + suffix
		}
		file, err := wiseft.Fetch(ctx, hub.Scheme+inner, c.monitor())
		if err != nil {
			return err
		}
		values[i] = before + file + suffix
	}
	return nil
}
