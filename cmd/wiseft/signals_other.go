//go:build !unix

package main

import (
	"os"
	"syscall"
)

// stopSignals end the program without partial outputs.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}
