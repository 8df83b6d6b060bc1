package onnx

import (
	"fmt"
	"testing"

	"github.com/wiseft/wiseft/internal/slab"
)

// More names than expected make the table grow, and keep their numbers.
func TestNamesGrow(t *testing.T) {
	t.Parallel()
	const count = 1000
	s := newNames(0)
	var texts slab.Texts
	for i := range count {
		for range 2 { // known the second time
			if got := s.number(fmt.Append(nil, "value", i), &texts); int(got) != i {
				t.Fatalf("name %d has number %d", i, got)
			}
		}
	}
	for i := range count {
		if got, ok := s.find(fmt.Sprint("value", i)); !ok || int(got) != i {
			t.Fatalf("name %d has number %d (%v)", i, got, ok)
		}
	}
	if _, ok := s.find("another"); ok {
		t.Error("a name that was not numbered has a number")
	}
}
