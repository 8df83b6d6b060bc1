// Package mmap has ranges of files in memory, shared with the system's cache of them: nothing is copied.
//
// A matrix that is transposed is needed in another order than that of its file. Reading it into memory first takes three times as long
// as passing over it in the cache, and another copy of it in memory; scripts/bench/README.md has the figures.
package mmap

import (
	"errors"
	"os"
	"runtime/debug"
)

// Range is a range of a file in memory. Close it. It is safe for concurrent use until then.
type Range struct {
	data  []byte // the range
	pages []byte // of the system's memory that it lies in
}

// Open returns size > 0 bytes of a file from off on, which may be closed before the range. errors.ErrUnsupported is for systems and
// files that do not have it.
func Open(f *os.File, off, size int64) (*Range, error) {
	before := off % int64(os.Getpagesize())
	if int64(int(before+size)) != before+size {
		return nil, errors.ErrUnsupported // more than this processor addresses
	}
	pages, err := open(f, off-before, int(before+size))
	if err != nil {
		return nil, err
	}
	return &Range{pages[before:], pages}, nil
}

// errFault is for memory that the system cannot read from the file.
var errFault = errors.New("it cannot be read any longer: it was made shorter by another program, or its disk has a fault")

// Use calls f with the bytes, which f may not change nor keep. It returns an error if the file does not have them any
// more; bytes up to the end of the system's page in which a file ends that was made shorter are 0.
func (r *Range) Use(f func(data []byte)) (err error) {
	// The kernel raises a signal where a read of the file would return an error.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // of a fault, which other memory has not
			err = errFault
		default:
			panic(p)
		}
	}()
	f(r.data)
	return nil
}

// Close ends the use of the range.
func (r *Range) Close() error {
	pages := r.pages
	r.data, r.pages = nil, nil
	return closePages(pages)
}
