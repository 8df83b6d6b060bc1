//go:build unix

package input

import "syscall"

// unblocked opens a FIFO without waiting for its writer.
const unblocked = syscall.O_NONBLOCK
