//go:build !amd64 && !arm64

package dense

import "testing"

type runner[T any] interface {
	testing.TB
	Run(name string, f func(T)) bool
}

func forKernels[T runner[T]](t T, f func(T)) { t.Run(Kernel(), f) }
