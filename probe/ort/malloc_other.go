//go:build !linux || !(amd64 || arm64)

package ort

// returnMemory does nothing: other C libraries return memory themselves.
func returnMemory() {}
