package corrupt

// The two functions here leave equal numbers in the same order as numpy 1.24 (numpy/core/src/npysort, without its
// AVX-512 variants), because published corruptions depend on that order.

// smallSort is the length up to which a part is sorted by insertion.
const smallSort = 16

// introsort sorts the indices in order by the numbers of v at them: quicksort with the median of three as pivot, the
// larger part later. numpy changes to heapsort after 2*log2(n) bad pivots, which only adversarial input causes; this
// function does not.
func introsort(v []float32, order []int) {
	for len(order) > smallSort {
		high := len(order) - 1
		mid := high / 2
		swapIfLess(v, order, mid, 0)
		swapIfLess(v, order, high, mid)
		swapIfLess(v, order, mid, 0)
		pivot := v[order[mid]]
		order[mid], order[high-1] = order[high-1], order[mid]
		i, k := 0, high-1
		for {
			for i++; v[order[i]] < pivot; i++ {
			}
			for k--; pivot < v[order[k]]; k-- {
			}
			if i >= k {
				break
			}
			order[i], order[k] = order[k], order[i]
		}
		order[i], order[high-1] = order[high-1], order[i]
		if i < high-i {
			introsort(v, order[:i])
			order = order[i+1:]
		} else {
			introsort(v, order[i+1:])
			order = order[:i]
		}
	}
	for i := 1; i < len(order); i++ {
		at, k := order[i], i
		for ; k > 0 && v[at] < v[order[k-1]]; k-- {
			order[k] = order[k-1]
		}
		order[k] = at
	}
}

// swapIfLess exchanges order[a] and order[b] if the number of a is the smaller.
func swapIfLess(v []float32, order []int, a, b int) {
	if v[order[a]] < v[order[b]] {
		order[a], order[b] = order[b], order[a]
	}
}

// argpartition returns the indices of v with those of the k smallest numbers first and that of the next one at k:
// numpy.argpartition(v, k), 0 <= k < len(v). numpy chooses another pivot after 2*log2(n) bad ones, which only
// adversarial input causes; this function does not.
func argpartition(v []float32, k int) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	if k < 3 {
		selectFirst(v, order, k)
		return order
	}
	if k == len(v)-1 {
		last := 0
		for i := range v {
			if v[i] >= v[last] {
				last = i
			}
		}
		order[k], order[last] = order[last], order[k]
		return order
	}
	low, high := 0, len(v)-1
	for low+1 < high {
		left, right := partition(v, order, low, high)
		if right >= k {
			high = right - 1
		}
		if right <= k {
			low = left
		}
	}
	if high == low+1 {
		swapIfLess(v, order, high, low)
	}
	return order
}

// partition moves a pivot to its sorted position, at right, between the smaller numbers and the larger ones, which
// begin at left.
func partition(v []float32, order []int, low, high int) (left, right int) {
	mid := low + (high-low)/2
	swapIfLess(v, order, high, mid)
	swapIfLess(v, order, high, low)
	swapIfLess(v, order, low, mid) // the median goes to low
	order[mid], order[low+1] = order[low+1], order[mid]
	pivot := v[order[low]]
	left, right = low+1, high
	for {
		for left++; v[order[left]] < pivot; left++ {
		}
		for right--; pivot < v[order[right]]; right-- {
		}
		if right < left {
			break
		}
		order[left], order[right] = order[right], order[left]
	}
	order[low], order[right] = order[right], order[low]
	return left, right
}

// selectFirst moves the k+1 smallest to the front, one after the other.
func selectFirst(v []float32, order []int, k int) {
	for i := range k + 1 {
		least := i
		for j := i + 1; j < len(order); j++ {
			if v[order[j]] < v[order[least]] {
				least = j
			}
		}
		order[i], order[least] = order[least], order[i]
	}
}
