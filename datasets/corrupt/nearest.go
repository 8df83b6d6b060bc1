package corrupt

import "math"

// hole removes points around random ones, and leaves the others in their order. It works on float32 coordinates in
// three arrays, one for each axis, for speed.
type hole struct {
	x, y, z   []float32
	index     []int32  // of each in the cloud
	distances []uint32 // their bits, which order as the numbers do, none being negative
	near      []uint32
}

// load sets h to the points of a cloud.
func (h *hole) load(points []Point) {
	n := len(points)
	h.x, h.y, h.z = resize(h.x, n), resize(h.y, n), resize(h.z, n)
	h.index, h.distances = resize(h.index, n), resize(h.distances, n)
	for i, p := range points {
		h.x[i], h.y[i], h.z[i], h.index[i] = float32(p[0]), float32(p[1]), float32(p[2]), int32(i)
	}
}

// dropNearest removes the size points that are nearest to a point, itself included; of equal distances, those that
// come first.
func (h *hole) dropNearest(centre, size int) {
	if size == 0 {
		return
	}
	n := len(h.x)
	x, y, z, index, distances := h.x, h.y[:n], h.z[:n], h.index[:n], h.distances[:n]
	cx, cy, cz := x[centre], y[centre], z[centre]
	for i := range x {
		dx, dy, dz := x[i]-cx, y[i]-cy, z[i]-cz
		distances[i] = math.Float32bits(float32(dx*dx) + float32(dy*dy) + float32(dz*dz))
	}
	limit, at := h.limit(distances, size)
	kept := 0
	for i, d := range distances {
		if d < limit {
			continue
		}
		if d == limit && at > 0 {
			at--
			continue
		}
		x[kept], y[kept], z[kept], index[kept] = x[i], y[i], z[i], index[i]
		kept++
	}
	h.x, h.y, h.z, h.index, h.distances = x[:kept], y[:kept], z[:kept], index[:kept], distances[:kept]
}

// binBits are the leading bits of a distance that select its bin: 8 of the exponent and 2 of the mantissa.
const binBits = 10

// limit returns the size-th smallest distance, and how many of the size smallest are equal
// to it.
func (h *hole) limit(distances []uint32, size int) (limit uint32, at int) {
	const shift = 31 - binBits // the sign is 0
	var bins [1 << binBits]int32
	for _, d := range distances {
		bins[d>>shift&(1<<binBits-1)]++
	}
	bin, below := uint32(0), 0
	for below+int(bins[bin]) < size {
		below += int(bins[bin])
		bin++
	}
	near := h.near[:0]
	for _, d := range distances {
		if d>>shift == bin {
			near = append(near, d)
		}
	}
	h.near = near
	limit = nth(near, size-below-1)
	at = size - below
	for _, d := range near {
		if d < limit {
			at--
		}
	}
	return limit, at
}

// nth returns the k-th smallest of v, counted from 0, and reorders v: Hoare's selection with the middle element as
// pivot. Many equal numbers do not make it slow.
func nth(v []uint32, k int) uint32 {
	for low, high := 0, len(v)-1; low < high; {
		pivot := v[low+(high-low)/2]
		i, j := low, high
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			high = j
		case k >= i:
			low = i
		default:
			return v[k]
		}
	}
	return v[k]
}
