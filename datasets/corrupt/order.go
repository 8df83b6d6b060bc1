package corrupt

import (
	"math"
	"slices"
)

// shuffle puts the points into random order as ModelNet-C does: it sorts one random
// number for each.
func (c *Cloud) shuffle(rng Rand) {
	n := len(c.Points)
	draws := resize(c.scratch.floats, n)
	for i := range draws {
		draws[i] = rng.Float64()
	}
	c.scratch.floats = draws
	c.scratch.order = c.rank(draws)
	c.reorder(c.scratch.order)
}

// rank returns the indices of draws, which are uniform in [0, 1), in rising order: a
// bucket for each on average, and an insertion sort over all. Equal draws keep
// their order; among 53 random bits there are none.
func (c *Cloud) rank(draws []float64) []int {
	n := len(draws)
	starts := resize(c.scratch.buckets, n+1)
	clear(starts)
	bucket := func(u float64) int { return min(int(u*float64(n)), n-1) }
	for _, u := range draws {
		starts[bucket(u)+1]++
	}
	for i := 1; i <= n; i++ {
		starts[i] += starts[i-1]
	}
	order := resize(c.scratch.order, n)
	for i, u := range draws {
		at := &starts[bucket(u)]
		order[*at] = i
		*at++
	}
	for i := 1; i < n; i++ {
		at, k := order[i], i
		for ; k > 0 && draws[order[k-1]] > draws[at]; k-- {
			order[k] = order[k-1]
		}
		order[k] = at
	}
	c.scratch.buckets = starts
	return order
}

// farFirst orders the points by falling distance from the first one, as ModelNet-C
// does: numpy's sort of rising distances, turned round. Equal distances come in the
// order that this sort, which is not stable, leaves them in.
func (c *Cloud) farFirst() {
	distance := resize(c.scratch.singles, len(c.Points))
	for i, p := range c.Points {
		distance[i] = squaredDistance(p, c.Points[0])
	}
	c.scratch.singles = distance
	order := c.argsort(distance)
	slices.Reverse(order)
	c.scratch.order = order
	c.reorder(order)
}

// argsort is numpy.argsort of numbers that are not negative. Where all differ, every
// sort gives the same, so a fast one comes first.
func (c *Cloud) argsort(v []float32) []int {
	// The bits of a float that is not negative order as it does: one integer holds
	// number and index.
	keys := resize(c.scratch.keys, 2*len(v))
	from, to := keys[:len(v)], keys[len(v):]
	for i, x := range v {
		from[i] = uint64(math.Float32bits(x))<<32 | uint64(i)
	}
	from = radixSort(from, to)
	order := resize(c.scratch.order, len(v))
	equal := false
	for k, key := range from {
		order[k] = int(uint32(key))
		equal = equal || k > 0 && key>>32 == from[k-1]>>32
	}
	c.scratch.keys = keys
	if equal {
		for i := range order {
			order[i] = i
		}
		introsort(v, order)
	}
	return order
}

// radixSort sorts keys by their upper halves, using spare, which is as long, and returns
// the one of the two that holds the result.
func radixSort(keys, spare []uint64) []uint64 {
	const digit = 11
	for shift := 32; shift < 64; shift += digit {
		var starts [1<<digit + 1]int32
		for _, k := range keys {
			starts[k>>shift&(1<<digit-1)+1]++
		}
		for i := 1; i < len(starts); i++ {
			starts[i] += starts[i-1]
		}
		for _, k := range keys {
			at := &starts[k>>shift&(1<<digit-1)]
			spare[*at] = k
			*at++
		}
		keys, spare = spare, keys
	}
	return keys
}
