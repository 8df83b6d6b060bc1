package kernel

// Lerp sets dst[i] = (1-t)*a[i] + t*b[i]. dst may be a or b. The products are
// rounded to float64 before they are added on every architecture: the explicit
// conversions keep compilers from fusing them into one operation, which would make
// results differ between machines.
func Lerp(dst, a, b []float64, t float64) {
	s := 1 - t
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = float64(s*a[i]) + float64(t*b[i])
	}
}
