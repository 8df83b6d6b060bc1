//go:build !amd64

package kernel

import "unsafe"

// widen converts the first n elements of src, stored as float32, to dst and returns n, which is all or 0.
func widen(dst []float64, src []byte) int {
	numbers := float32Slice(src, len(dst))
	for i, v := range numbers {
		dst[i] = float64(v)
	}
	return len(numbers)
}

// narrow stores the first n elements of src in dst as float32 and returns n, which is all or 0, and whether all
// results are finite. Any NaN may be stored.
func narrow(dst []byte, src []float64) (n int, finite bool) {
	numbers := float32Slice(dst, len(src))
	var e0, e1, e2, e3 float32 // as in lerpFloat32s
	d, v := numbers, src
	for ; len(d) >= 4 && len(v) >= 4; d, v = d[4:], v[4:] {
		r0, r1, r2, r3 := float32(v[0]), float32(v[1]), float32(v[2]), float32(v[3])
		d[0], d[1], d[2], d[3] = r0, r1, r2, r3
		e0 += r0 - r0
		e1 += r1 - r1
		e2 += r2 - r2
		e3 += r3 - r3
	}
	for i, x := range v[:len(d)] {
		d[i] = float32(x)
		e0 += d[i] - d[i]
	}
	return len(numbers), e0+e1+e2+e3 == 0
}

// lerpWide has no elements.
func lerpWide(_, _, _ []byte, _, _ float64) (size int, finite bool) { return 0, true }

// float32Slice is [float32Block] for n elements; nil if the conversion is not possible.
func float32Slice(stored []byte, n int) []float32 {
	if n == 0 {
		return nil
	}
	p := unsafe.Pointer(&stored[:4*n][0])
	if !isLittleEndian || uintptr(p)%unsafe.Alignof(float32(0)) != 0 {
		return nil
	}
	return unsafe.Slice((*float32)(p), n)
}
