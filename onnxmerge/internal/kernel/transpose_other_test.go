//go:build !amd64

package kernel

const transposes = false
