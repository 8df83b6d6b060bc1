//go:build unix

package main

import (
	"os"
	"syscall"
)

// stopSignals ask the program to end soon and leave nothing half done. Slurm sends SIGUSR1
// ahead of a time limit where a job asks for it, and SIGTERM at it.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1}
