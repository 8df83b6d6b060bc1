package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
)

// proveOptions are flags of the proof of a pairing by running.
type proveOptions struct {
	wiseft.ProveOptions
	dataOptions
	prove bool
	data  string
}

// flags returns the flags; name is that of the one that asks for the proof.
func (o *proveOptions) flags(name string) []cli.Flag {
	return append(section("Proof:",
		define(&o.prove, name, "prove the pairing by running both models: the last one's graph with the weights of "+
			"another must compute that one's features").env(),
		define(&o.ProveOptions.Seed, "prove-seed", "seed of the proof's random inputs").env(),
		define(&o.data, "data", "run on the first samples of `DATA` instead of random inputs"),
		libraryFlag(&o.Runtime.Library),
	), o.dataOptions.flags()...)
}

// options returns the library's options; nil if no proof is asked for.
func (o *proveOptions) options(c *call) *wiseft.ProveOptions {
	if !o.prove {
		return nil
	}
	opt := o.ProveOptions
	opt.Data, opt.Layout, opt.Monitor = o.at(o.data), o.layout, c.monitor()
	return &opt
}

func noProveFlag(dst *bool) definition {
	return define(dst, "no-prove", "do not prove the pairing by running before anything is measured").env()
}

// writeProofs writes one line for each proof.
func writeProofs(w io.Writer, one *wiseft.Proof, more []wiseft.Proof) {
	if one != nil {
		more = []wiseft.Proof{*one}
	}
	for _, p := range more {
		fmt.Fprintln(w, p)
	}
}
