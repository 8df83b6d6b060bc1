// Package slab allocates many small values together. A model of 200,000 tensors has millions of names, operators and
// short lists, whose allocations one by one would take most of the time in which the model is read and paired.
//
// Values of one allocation are kept as long as any of them is used.
package slab

import (
	"strings"
	"unsafe"
)

// Slab allocates short lists of one type. Its zero value is ready for use; it is not safe for concurrent use.
type Slab[T any] struct {
	spare []T
	size  int // of the last allocation, in elements
}

// The first allocation is of minCount elements, and each one is twice as large as the last, up to maxBytes.
//
// That is a page less the header that the runtime writes in front of memory with pointers. In a larger allocation the
// first access to a page can be that of the garbage collector or of its write barrier, which reads: then the kernel maps
// the page twice. For 200,000 tensors that took a tenth of the time.
const minCount, maxBytes = 8, 4<<10 - 8

// One returns a zero value.
func (s *Slab[T]) One() *T { return &s.Take(1)[0] }

// Take returns a list of n zero elements, of which each append makes a copy.
func (s *Slab[T]) Take(n int) []T {
	if n > len(s.spare) {
		var one T
		most := maxBytes / max(1, int(unsafe.Sizeof(one)))
		if n > most/8 {
			return make([]T, n)
		}
		s.size = min(max(minCount, 2*s.size, n), most)
		s.spare = make([]T, s.size)
	}
	list := s.spare[:n:n]
	s.spare = s.spare[n:]
	return list
}

// Texts keeps copies of texts. Its zero value is ready for use; it is not safe for concurrent use.
type Texts struct {
	slab  strings.Builder
	known map[string]string // of [Texts.KeepOne]
}

// The same in bytes of texts.
const minSize, maxSize = 256, 32 << 10

// Keep returns a copy of a text.
func (t *Texts) Keep(text []byte) string {
	if len(text) > maxSize/8 {
		return string(text)
	}
	if size := t.slab.Cap(); size-t.slab.Len() < len(text) {
		t.slab = strings.Builder{} // the old one stays as long as a copy in it
		t.slab.Grow(max(len(text), minSize, min(2*size, maxSize)))
	}
	from := t.slab.Len()
	_, _ = t.slab.Write(text) // never fails
	return t.slab.String()[from:]
}

// KeepOne returns the only copy of a text, for texts of which there are few.
func (t *Texts) KeepOne(text []byte) string {
	if known, ok := t.known[string(text)]; ok {
		return known
	}
	if t.known == nil {
		t.known = map[string]string{}
	}
	kept := t.Keep(text)
	t.known[kept] = kept
	return kept
}
