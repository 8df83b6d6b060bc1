package method

import (
	"math"
	"slices"
)

// measure sets magnitudes[s][i], which must not be negative, from a block. NaN counts as the largest.
type measure func(magnitudes, src [][]float64, off int64)

// orderStatistics returns the magnitudes of given ranks in each of several streams: ranks[s] lists ranks in stream s,
// where 0 is the smallest magnitude. It is an exact radix selection over the bits of the magnitudes, which order as
// the numbers do: each scan counts the 2^16 values of the next digit for each known prefix. It takes two scans for
// magnitudes rounded to float32 and four for float64, and memory for counts only (256 KiB per stream and prefix).
//
// If a magnitude is beyond float32, such as the square of a weight near 1e36, it sets t.Wide: an infinite threshold would
// select nothing.
func orderStatistics(t *Tensor, granule int64, ranks [][]int64, measure measure) ([][]float64, error) {
	s := newSelection(t.Wide, ranks)
	for s.shift > 0 {
		s.shift -= digitBits
		var free []*counts
		err := t.Scan(granule,
			func() Part {
				if n := len(free); n > 0 {
					c := free[n-1]
					free = free[:n-1]
					return c
				}
				return s.newCounts(measure)
			},
			func(p Part) {
				s.take(p.(*counts))
				free = append(free, p.(*counts))
			})
		if err != nil {
			return nil, err
		}
		if !t.Wide && s.shift == digitBits && s.hasInfinite() {
			t.Wide = true
			return orderStatistics(t, granule, ranks, measure)
		}
		s.descend()
	}
	return s.values(), nil
}

// hasInfinite reports whether a magnitude of the first scan is infinite as float32.
func (s *selection) hasInfinite() bool {
	return slices.ContainsFunc(s.streams, func(st stream) bool { return st.total[0][0x7f800000>>digitBits] > 0 })
}

const (
	digitBits = 16
	digits    = 1 << digitBits
)

// selection is the state of a radix selection.
type selection struct {
	wide    bool
	shift   uint // position of the digit that the next scan counts
	streams []stream
}

// stream is the selection in one stream: target k has the leading digits prefix[k] and rank rank[k] among the
// magnitudes with these digits.
type stream struct {
	rank   []int64
	prefix []uint64
	known  []uint64   // distinct prefixes
	total  [][]uint64 // by known prefix: number of magnitudes by next digit
}

func newSelection(wide bool, ranks [][]int64) *selection {
	s := &selection{wide: wide, shift: 2 * digitBits}
	if wide {
		s.shift = 4 * digitBits
	}
	for _, r := range ranks {
		st := stream{rank: slices.Clone(r), prefix: make([]uint64, len(r))}
		st.restart()
		s.streams = append(s.streams, st)
	}
	return s
}

// restart prepares the counts of the next digit.
func (st *stream) restart() {
	st.known = slices.Compact(slices.Sorted(slices.Values(st.prefix)))
	st.total = nil
	for range st.known {
		st.total = append(st.total, make([]uint64, digits))
	}
}

// counts counts digits in one stretch.
type counts struct {
	s       *selection
	measure measure
	n       [][][]uint32
	blocks  [][]float64
}

func (s *selection) newCounts(measure measure) *counts {
	c := &counts{s: s, measure: measure}
	for _, st := range s.streams {
		var n [][]uint32
		for range st.known {
			n = append(n, make([]uint32, digits))
		}
		c.n = append(c.n, n)
	}
	return c
}

// Add implements Part.
func (c *counts) Add(src [][]float64, off int64) {
	if len(c.blocks) == 0 || len(c.blocks[0]) < len(src[0]) {
		c.blocks = scratch(len(c.s.streams), src[0])
	}
	magnitudes := make([][]float64, len(c.blocks))
	for i := range magnitudes {
		magnitudes[i] = c.blocks[i][:len(src[0])]
	}
	c.measure(magnitudes, src, off)
	for i, st := range c.s.streams {
		for k, prefix := range st.known {
			if c.s.wide {
				count64(c.n[i][k], magnitudes[i], prefix, c.s.shift)
			} else {
				count32(c.n[i][k], magnitudes[i], uint32(prefix), c.s.shift)
			}
		}
	}
}

// count32 counts the digit at shift of the magnitudes whose higher digits equal prefix.
func count32(n []uint32, magnitudes []float64, prefix uint32, shift uint) {
	n = n[:digits]
	if shift == digitBits {
		for _, v := range magnitudes {
			n[math.Float32bits(float32(v))>>digitBits]++
		}
		return
	}
	for _, v := range magnitudes {
		if key := math.Float32bits(float32(v)); key>>digitBits == prefix {
			n[key&(digits-1)]++
		}
	}
}

func count64(n []uint32, magnitudes []float64, prefix uint64, shift uint) {
	n = n[:digits]
	for _, v := range magnitudes {
		if key := math.Float64bits(v); key>>shift>>digitBits == prefix {
			n[key>>shift&(digits-1)]++
		}
	}
}

// take adds the counts of a stretch and clears them.
func (s *selection) take(c *counts) {
	for i := range s.streams {
		for k, n := range c.n[i] {
			total := s.streams[i].total[k]
			for d, count := range n {
				total[d] += uint64(count)
			}
			clear(n)
		}
	}
}

// descend determines the next digit of every target.
func (s *selection) descend() {
	for i := range s.streams {
		st := &s.streams[i]
		for k, prefix := range st.prefix {
			at, _ := slices.BinarySearch(st.known, prefix)
			digit, rest := 0, uint64(st.rank[k])
			for total := st.total[at]; digit < digits-1 && rest >= total[digit]; digit++ {
				rest -= total[digit]
			}
			st.prefix[k], st.rank[k] = prefix<<digitBits|uint64(digit), int64(rest)
		}
		st.restart()
	}
}

func (s *selection) values() [][]float64 {
	out := make([][]float64, len(s.streams))
	for i, st := range s.streams {
		for _, key := range st.prefix {
			v := math.Float64frombits(key)
			if !s.wide {
				v = float64(math.Float32frombits(uint32(key)))
			}
			out[i] = append(out[i], v)
		}
	}
	return out
}

// rounded returns a magnitude as orderStatistics compares it.
func (t *Tensor) rounded(v float64) float64 {
	if t.Wide {
		return v
	}
	return float64(float32(v))
}
