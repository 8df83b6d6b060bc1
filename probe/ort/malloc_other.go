//go:build cgo && !linux

package ort

// returnMemory does nothing: other C libraries return memory themselves.
func returnMemory() {}
