//go:build cgo && !linux

package ort

// returnMemory does nothing: other C libraries hand memory back by themselves.
func returnMemory() {}
