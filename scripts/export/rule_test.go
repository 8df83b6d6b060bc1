package export

import (
	"math"
	"strings"
	"testing"
)

// uniform returns number i in [0, 1) of the sequence that a key names: splitmix64 of
// the key's FNV-1a hash plus i, as rule.py makes it.
func uniform(hash uint64, i int) float64 {
	z := hash + uint64(i) + 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	z ^= z >> 31
	return float64(z>>11) * 0x1p-53
}

func fnv1a(key string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, b := range []byte(key) {
		h = (h ^ uint64(b)) * 0x100000001b3
	}
	return h
}

// weight returns the function that makes element i of a float32 tensor from its name
// and shape, as value in rule.py does.
func weight(name string, shape []int64) func(i int) float32 {
	hash := fnv1a(name)
	leaf := name[strings.LastIndexByte(name, '.')+1:]
	switch {
	case leaf == "weight" && len(shape) > 1:
		inputs := 1.0
		for _, d := range shape[1:] {
			inputs *= float64(d)
		}
		bound := math.Sqrt(3 / inputs)
		return func(i int) float32 { return float32((2*uniform(hash, i) - 1) * bound) }
	case leaf == "weight":
		return func(i int) float32 { return float32(0.75 + 0.5*uniform(hash, i)) }
	case leaf == "running_var":
		return func(i int) float32 { return float32(0.5 + uniform(hash, i)) }
	}
	return func(i int) float32 { return float32((2*uniform(hash, i) - 1) * 0.1) }
}

// The rule gives the values that are published with its definition.
func TestRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		shape []int64
		i     int
		want  uint32
	}{
		{"norm.weight", []int64{384}, 0, 0x3f61a845},
		{"norm.weight", []int64{384}, 1, 0x3f9aaa0c},
		{"encoder.first_conv.0.weight", []int64{128, 3, 1}, 0, 0x3e7b83bc},
		{"encoder.first_conv.0.weight", []int64{128, 3, 1}, 383, 0xbd81adcb},
		{"encoder.first_conv.0.bias", []int64{128}, 0, 0x3d3516ef},
		{"encoder.first_conv.1.running_mean", []int64{128}, 0, 0xbcd13e25},
		{"encoder.first_conv.1.running_var", []int64{128}, 0, 0x3f626e7e},
		{"cls_token", []int64{1, 1, 384}, 383, 0xbb9261bc},
		{"blocks.blocks.11.attn.qkv.weight", []int64{1152, 384}, 442367, 0x3bfbd231},
	} {
		if got := math.Float32bits(weight(c.name, c.shape)(c.i)); got != c.want {
			t.Errorf("%s[%d] is %#x, want %#x", c.name, c.i, got, c.want)
		}
	}
}
