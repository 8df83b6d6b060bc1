package onnx

import "strings"

// A model of 200,000 tensors has a million names and lists of one to three elements. Allocated one by one they would take
// most of the time in which the model is read.

// slab allocates short lists together. Its zero value is ready for use.
type slab[T any] struct {
	spare []T
	size  int // of the last allocation, in elements
}

// maxSlab is the largest number of elements that are allocated at once. The first allocation is of minSlab, and each one
// is twice as large as the last.
const minSlab, maxSlab = 8, 1 << 10

// take returns a list of n zero elements that cannot grow in place.
func (s *slab[T]) take(n int) []T {
	if n > maxSlab/8 {
		return make([]T, n)
	}
	if n > len(s.spare) {
		s.size = max(n, minSlab, min(2*s.size, maxSlab))
		s.spare = make([]T, s.size)
	}
	list := s.spare[:n:n]
	s.spare = s.spare[n:]
	return list
}

// texts keeps copies of texts. Its zero value is ready for use.
type texts struct {
	slab  strings.Builder
	known map[string]string // of [texts.keepOne]
}

// maxTexts is the largest number of bytes that are allocated at once, as maxSlab is.
const minTexts, maxTexts = 256, 32 << 10

// keep returns a copy of a text.
func (t *texts) keep(text []byte) string {
	if len(text) > maxTexts/8 {
		return string(text)
	}
	if size := t.slab.Cap(); size-t.slab.Len() < len(text) {
		t.slab = strings.Builder{} // the old one stays as long as a copy in it
		t.slab.Grow(max(len(text), minTexts, min(2*size, maxTexts)))
	}
	from := t.slab.Len()
	_, _ = t.slab.Write(text) // never fails
	return t.slab.String()[from:]
}

// keepOne returns the only copy of a text, for texts of which there are few.
func (t *texts) keepOne(text []byte) string {
	if known, ok := t.known[string(text)]; ok {
		return known
	}
	if t.known == nil {
		t.known = map[string]string{}
	}
	kept := t.keep(text)
	t.known[kept] = kept
	return kept
}
