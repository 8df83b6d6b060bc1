package corrupt

import "slices"

// ranked is a number and its index.
type ranked struct {
	value float64
	index int
}

// draw sets numbers to one random number for each point.
func (c *Cloud) draw(rng Rand, numbers []ranked) []ranked {
	numbers = resize(numbers, len(c.Points))
	for i := range numbers {
		numbers[i] = ranked{rng.Float64(), i}
	}
	return numbers
}

// pick moves count random points to the front, in random order.
func (c *Cloud) pick(rng Rand, count int) {
	if !c.AnyOrder {
		c.shuffle(rng)
		return
	}
	n := len(c.Points)
	for i := range min(count, n-1) {
		k := i + rng.IntN(n-i)
		c.Points[i], c.Points[k] = c.Points[k], c.Points[i]
	}
}

// shuffle permutes the points as ModelNet-C does: it sorts by one random number for each. Equal numbers would keep
// their order; with 53 random bits there are none.
func (c *Cloud) shuffle(rng Rand) {
	c.scratch.numbers = c.draw(rng, c.scratch.numbers)
	c.sortNumbers(1)
	c.reorder(func(k int) int { return c.scratch.sorted[k].index })
}

// shuffleFarFirst shuffles the points and then orders them by falling distance from the first one: numpy's sort by
// rising distance, reversed. The shuffled order affects the result in two places only and is not computed otherwise:
// the first point is the one with the smallest random number, and equal distances have the order in which numpy's
// sort, which is not stable, leaves them.
func (c *Cloud) shuffleFarFirst(rng Rand) {
	n := len(c.Points)
	draws := c.draw(rng, c.scratch.draws)
	c.scratch.draws = draws
	least := draws[0]
	for _, v := range draws {
		if v.value < least.value {
			least = v
		}
	}
	c.scratch.numbers = resize(c.scratch.numbers, n)
	farthest := c.distances(c.scratch.numbers, c.Points[least.index])
	c.sortNumbers(farthest)
	sorted := c.scratch.sorted
	for k := 1; k < n; k++ {
		if sorted[k].value == sorted[k-1].value {
			c.farFirstAsNumPy(draws)
			return
		}
	}
	c.reorder(func(k int) int { return sorted[n-1-k].index })
}

// distances sets numbers to the squared distances from a point, in float32, and returns the
// largest.
func (c *Cloud) distances(numbers []ranked, from Point) float64 {
	x, y, z := float32(from[0]), float32(from[1]), float32(from[2])
	farthest := float32(0)
	for i := range c.Points {
		p := &c.Points[i]
		dx, dy, dz := float32(p[0])-x, float32(p[1])-y, float32(p[2])-z
		d := float32(dx*dx) + float32(dy*dy) + float32(dz*dz)
		farthest = max(farthest, d)
		numbers[i] = ranked{float64(d), i}
	}
	return float64(farthest)
}

// farFirstAsNumPy shuffles the points by these numbers and sorts them with numpy's own algorithm.
func (c *Cloud) farFirstAsNumPy(draws []ranked) {
	copy(c.scratch.numbers, draws)
	c.sortNumbers(1)
	c.reorder(func(k int) int { return c.scratch.sorted[k].index })
	c.distances(c.scratch.numbers, c.Points[0])
	distance := make([]float32, len(c.Points))
	order := make([]int, len(distance))
	for i, d := range c.scratch.numbers {
		distance[i], order[i] = float32(d.value), i
	}
	introsort(distance, order)
	slices.Reverse(order)
	c.reorder(func(k int) int { return order[k] })
}

// crowded is the number of values in one bucket above which another sort is faster.
const crowded = 64

// sortNumbers writes the numbers of scratch, which lie between 0 and limit, into scratch.sorted in rising order: a
// bucket sort with one number in a bucket on average, followed by an insertion sort. Equal numbers keep their order.
func (c *Cloud) sortNumbers(limit float64) {
	numbers := c.scratch.numbers
	n := len(numbers)
	sorted := resize(c.scratch.sorted, n)
	starts := resize(c.scratch.starts, n+1)
	buckets := resize(c.scratch.buckets, n) // of each number
	c.scratch.sorted, c.scratch.starts, c.scratch.buckets = sorted, starts, buckets
	clear(starts)
	perUnit := float64(n) / limit // infinite where all are 0, and their bucket anything
	most := int32(0)
	for i := range numbers {
		b := max(0, min(int(numbers[i].value*perUnit), n-1))
		buckets[i] = int32(b)
		starts[b+1]++
		most = max(most, starts[b+1])
	}
	if most > crowded {
		copy(sorted, numbers)
		slices.SortStableFunc(sorted, func(a, b ranked) int {
			switch {
			case a.value < b.value:
				return -1
			case a.value > b.value:
				return 1
			}
			return 0
		})
		return
	}
	for i := 1; i <= n; i++ {
		starts[i] += starts[i-1]
	}
	for i, v := range numbers {
		at := &starts[buckets[i]]
		sorted[*at] = v
		*at++
	}
	for i := 1; i < n; i++ {
		v, k := sorted[i], i
		for ; k > 0 && sorted[k-1].value > v.value; k-- {
			sorted[k] = sorted[k-1]
		}
		sorted[k] = v
	}
}
