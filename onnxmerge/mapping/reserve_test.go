package mapping

import "testing"

// The halves of a reserve are taken one by one or together, and never twice.
func TestReserve(t *testing.T) {
	t.Parallel()
	r := &reserve{half: 100}
	first, freeFirst := r.take(100)
	second, freeSecond := r.take(1)
	if len(first) != 100 || len(second) != 1 || &first[99] == &second[0] {
		t.Fatalf("%d and %d bytes, want 100 and 1 apart", len(first), len(second))
	}
	refuses := func(size int64) {
		t.Helper()
		if data, _ := r.take(size); data != nil {
			t.Errorf("has %d bytes, which are not free", size)
		}
	}
	refuses(1)
	freeFirst()
	refuses(101)
	freeSecond()
	refuses(201)
	whole, freeWhole := r.take(101)
	if len(whole) != 101 || &whole[0] != &first[0] {
		t.Errorf("%d bytes, want 101 of the same memory", len(whole))
	}
	refuses(100)
	freeWhole()
	if data, _ := (*reserve)(nil).take(1); data != nil {
		t.Error("no reserve has memory")
	}
}
