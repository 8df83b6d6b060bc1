//go:build race && linux

package ort_test

func init() { raced = true }
