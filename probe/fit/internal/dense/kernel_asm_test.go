//go:build amd64 || arm64

package dense

import "testing"

type runner[T any] interface {
	testing.TB
	Run(name string, f func(T)) bool
}

// forKernels runs f with every kernel that the processor has.
func forKernels[T runner[T]](t T, f func(T)) {
	best := active
	defer func() { active = best }()
	for k := kernelGo; k <= best; k++ {
		active = k
		t.Run(Kernel(), f)
	}
}
