//go:build !unix

package main

import (
	"os"
	"syscall"
)

// stopSignals ask the program to end soon and leave nothing half done.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}
