package slab

import (
	"fmt"
	"slices"
	"testing"
)

func TestTake(t *testing.T) {
	t.Parallel()
	var s Slab[int]
	var lists [][]int
	for i := range 5000 {
		n := i % 7
		if i%1000 == 0 {
			n = maxBytes
		}
		list := s.Take(n)
		if len(list) != n || cap(list) != n || slices.ContainsFunc(list, func(v int) bool { return v != 0 }) {
			t.Fatalf("list %d has %d of %d elements: %v", i, len(list), cap(list), list)
		}
		for k := range list {
			list[k] = i
		}
		_ = append(list, -1) // is not in the next list
		lists = append(lists, list)
	}
	for i, list := range lists {
		if slices.ContainsFunc(list, func(v int) bool { return v != i }) {
			t.Fatalf("list %d is %v", i, list)
		}
	}
	if a, b := s.One(), s.One(); a == b || *a != 0 {
		t.Error("two values are one")
	}
}

// The first list may be longer than the first allocation, and any list longer than the next one.
func TestTakeLong(t *testing.T) {
	t.Parallel()
	for n := range maxBytes {
		var first, second Slab[int]
		second.One()
		for i, s := range []*Slab[int]{&first, &second} {
			if list := s.Take(n); len(list) != n || cap(list) != n {
				t.Errorf("list %d has %d of %d elements, want %d", i, len(list), cap(list), n)
			}
		}
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	var s Texts
	var kept, want []string
	for i := range 20_000 {
		text := fmt.Appendf(nil, "%0*d", i%31, i)
		if i%1000 == 0 {
			text = make([]byte, maxSize+i)
		}
		want = append(want, string(text))
		kept = append(kept, s.Keep(text), s.KeepOne([]byte("Add")))
		clear(text) // the copy does not change
	}
	for i, text := range want {
		if kept[2*i] != text || kept[2*i+1] != "Add" {
			t.Fatalf("text %d: got %q and %q, want %q", i, kept[2*i], kept[2*i+1], text)
		}
	}
}

func TestAllocations(t *testing.T) { // not parallel: others' allocations would count
	const count = 1 << 10
	var list Slab[int]
	var large Slab[[maxBytes / 4]byte] // of which few share an allocation
	var huge Slab[[2 * maxBytes]byte]  // of which none do
	var texts Texts
	n := testing.AllocsPerRun(10, func() {
		for range count {
			list.One()
			texts.Keep([]byte("conv1.weight"))
			texts.KeepOne([]byte("Conv"))
		}
	})
	if n > count*8/maxBytes+2 {
		t.Errorf("%v allocations for %d values and texts", n, count)
	}
	if n := testing.AllocsPerRun(100, func() { large.One(); huge.One() }); n > 1.5 {
		t.Errorf("%v allocations for two values", n)
	}
}
