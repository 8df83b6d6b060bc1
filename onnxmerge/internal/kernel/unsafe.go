package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// float32Block returns the stored elements of a block as float32, without a copy. ok is false on big-endian machines
// and for unaligned blocks. Go loads a float32 from bytes through an integer register, which limits the merge of
// float32 to the throughput of one execution port; float32Block makes it 1.25 times as fast. This function and
// float32Slice are the package's only unsafe code.
func float32Block(block []byte) (numbers *[blockSize / 4]float32, ok bool) {
	b := (*[blockSize]byte)(block)
	p := unsafe.Pointer(b)
	if !isLittleEndian || uintptr(p)%unsafe.Alignof(float32(0)) != 0 {
		return nil, false
	}
	return (*[blockSize / 4]float32)(p), true
}

var isLittleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// lerpFloat32s is lerpBlock32 on float32 arrays.
func lerpFloat32s(d, x, y *[blockSize / 4]float32, s, t float64) (finite bool) {
	var e0, e1, e2, e3 float32 // 0 while all results are finite: Inf - Inf is NaN
	for i := 0; i < len(d); i += 4 {
		r0 := float32(float64(s*float64(x[i])) + float64(t*float64(y[i])))
		r1 := float32(float64(s*float64(x[i+1])) + float64(t*float64(y[i+1])))
		r2 := float32(float64(s*float64(x[i+2])) + float64(t*float64(y[i+2])))
		r3 := float32(float64(s*float64(x[i+3])) + float64(t*float64(y[i+3])))
		d[i], d[i+1], d[i+2], d[i+3] = r0, r1, r2, r3
		e0 += r0 - r0
		e1 += r1 - r1
		e2 += r2 - r2
		e3 += r3 - r3
	}
	if e0+e1+e2+e3 == 0 {
		return true
	}
	for i, v := range d {
		if v != v {
			d[i] = math.Float32frombits(nan32)
		}
	}
	return false
}
