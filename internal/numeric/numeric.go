// Package numeric converts between the number types of files and of arithmetic.
package numeric

import "math"

// Round32 returns x rounded to float32. What is beyond float32 becomes infinite.
func Round32(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// Widen64 returns x as float64, which is exact.
func Widen64(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// Whole returns a float as an integer. ok is false unless it is a whole number below 2^53 in magnitude, up to which
// float64 has all of them.
func Whole(v float64) (n int64, ok bool) {
	if v != math.Trunc(v) || math.Abs(v) >= 1<<53 {
		return 0, false
	}
	return int64(v), true
}
