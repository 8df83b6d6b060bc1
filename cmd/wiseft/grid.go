package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft"
)

// parseGrid reads "0:1:0.1" (first, last, step) or "0,0.25,1". The values of a range are rounded to as many decimals as
// its three numbers have, so that 3 * 0.1 is 0.3.
func parseGrid(text string) ([]float64, error) {
	if !strings.Contains(text, ":") {
		var list []float64
		for _, part := range strings.Split(text, ",") {
			v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
			if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("%q is not a number", part)
			}
			list = append(list, v)
		}
		return list, nil
	}
	parts := strings.Split(text, ":")
	var v [3]float64
	if len(parts) != 3 {
		return nil, fmt.Errorf("%q is not FIRST:LAST:STEP", text)
	}
	digits := 0
	for i, part := range parts {
		var err error
		if v[i], err = strconv.ParseFloat(part, 64); err != nil || math.IsNaN(v[i]) || math.IsInf(v[i], 0) {
			return nil, fmt.Errorf("%q is not a number", part)
		}
		if _, decimals, ok := strings.Cut(strconv.FormatFloat(v[i], 'f', -1, 64), "."); ok { // of 1e-3: 001
			digits = max(digits, len(decimals))
		}
	}
	first, last, step := v[0], v[1], v[2]
	if !(step > 0) || last < first || (last-first)/step > wiseft.MaxGrid {
		return nil, fmt.Errorf("%q has no values, or more than %d", text, wiseft.MaxGrid)
	}
	var list []float64
	for i := 0; ; i++ {
		x, err := strconv.ParseFloat(strconv.FormatFloat(first+float64(i)*step, 'f', min(digits, 17), 64), 64)
		if err != nil || x > last {
			return list, err
		}
		list = append(list, x)
	}
}

// parseLogGrid reads values of C: "1", "0.1,1,10" or "1e-6:1e6:45log" (first, last, count; evenly spaced in the
// logarithm).
func parseLogGrid(text string) ([]float64, error) {
	parts := strings.Split(text, ":")
	if len(parts) == 1 {
		list, err := parseGrid(text)
		for _, v := range list {
			if !(v > 0) {
				return nil, fmt.Errorf("%g is not positive", v)
			}
		}
		return list, err
	}
	count, ok := strings.CutSuffix(parts[len(parts)-1], "log")
	if len(parts) != 3 || !ok {
		return nil, fmt.Errorf("%q is not FIRST:LAST:COUNTlog, such as 1e-6:1e6:45log", text)
	}
	first, errFirst := strconv.ParseFloat(parts[0], 64)
	last, errLast := strconv.ParseFloat(parts[1], 64)
	n, errCount := strconv.Atoi(count)
	isRange := errFirst == nil && errLast == nil && first > 0 && last > first && !math.IsInf(last, 0)
	if !isRange || errCount != nil || n < 2 || n > wiseft.MaxGrid {
		return nil, fmt.Errorf("%q is not a range of positive values with a count from 2 to %d", text, wiseft.MaxGrid)
	}
	list := make([]float64, n)
	for i := range list {
		x := first * math.Pow(last/first, float64(i)/float64(n-1))
		list[i] = rounded(x)
	}
	list[0], list[n-1] = first, last
	return list, nil
}

// rounded returns x with 12 decimal digits, which powers have: 0.001 for 0.0009999999999999998.
func rounded(x float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	if err != nil {
		return x
	}
	return r
}

// parseSizes reads "256,128": the sizes of one or two layers.
func parseSizes(text string) ([]int, error) {
	var sizes []int
	for _, part := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > wiseft.MaxGrid {
			return nil, fmt.Errorf("%q is not a size from 1 to %d", part, wiseft.MaxGrid)
		}
		sizes = append(sizes, n)
	}
	if len(sizes) > 2 {
		return nil, fmt.Errorf("%q has more than two layers", text)
	}
	return sizes, nil
}

// parseSeverities reads "1-5", "3" or "1,5".
func parseSeverities(text string, highest int) ([]int, error) {
	var list []int
	for _, part := range strings.Split(text, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		a, errA := strconv.Atoi(strings.TrimSpace(from))
		b, errB := strconv.Atoi(strings.TrimSpace(to))
		if errA != nil || errB != nil || a < 1 || b > highest || a > b {
			return nil, fmt.Errorf("severity %q is not within 1-%d", part, highest)
		}
		for s := a; s <= b; s++ {
			list = append(list, s)
		}
	}
	return list, nil
}
