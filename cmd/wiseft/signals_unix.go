//go:build unix

package main

import (
	"os"
	"syscall"
)

// stopSignals end the program without partial outputs. Slurm sends SIGUSR1 before a time limit, if the job sets that,
// and SIGTERM at the limit.
var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGUSR1}
