package digest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

// The expected values are those of the XXH3 reference for the empty input and of FIPS 180 for "abc".
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		alg      Algorithm
		in, want string
	}{
		{XXH3, "", "99aa06d3014798d86001c324468d497f"},
		{SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
	} {
		h := c.alg.New()
		_, _ = io.WriteString(h, c.in)
		if got := Hex(h); got != c.want || len(got) != c.alg.Size() {
			t.Errorf("%s(%q) = %s (of %d digits), want %s", c.alg, c.in, got, c.alg.Size(), c.want)
		}
	}
}

// The hash does not depend on how the file is read: in order, backwards, concurrently, in part, with gaps, twice, not
// at all.
func TestTapDoesNotDependOnTheReader(t *testing.T) {
	t.Parallel()
	data := make([]byte, 20<<20+12345)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(data)
	sum := sha256.Sum256(data)
	want := hex.EncodeToString(sum[:])
	const block = 100_000
	type reads func(read func(off, n int))
	for name, how := range map[string]reads{
		"not at all": func(func(off, n int)) {},
		"in order": func(read func(off, n int)) {
			for off := 0; off < len(data); off += block {
				read(off, block)
			}
		},
		"backwards": func(read func(off, n int)) {
			for off := len(data); off > 0; off -= block {
				read(max(off-block, 0), block)
			}
		},
		"swapped": func(read func(off, n int)) {
			for off := 0; off < len(data); off += 2 * block {
				read(off+block, block)
				read(off, block)
			}
		},
		"overlapping": func(read func(off, n int)) {
			for off := 0; off < len(data); off += block / 3 {
				read(off, block)
			}
		},
		"small gaps": func(read func(off, n int)) {
			for off := 10; off < len(data); off += block + 1000 {
				read(off, block)
			}
		},
		"large gaps": func(read func(off, n int)) {
			for off := block; off < len(data); off += 2 * block {
				read(off, block)
			}
		},
		"many readers": func(read func(off, n int)) {
			var wg sync.WaitGroup
			for w := range 4 {
				wg.Go(func() {
					for off := w * block; off < len(data); off += 4 * block {
						read(off, block)
					}
				})
			}
			wg.Wait()
		},
	} {
		for _, limit := range []int{0, 150_000, 1 << 20, 8 << 20} {
			tap := NewTap(bytes.NewReader(data), int64(len(data)), SHA256)
			tap.Start(limit)
			how(func(off, n int) {
				if off >= len(data) {
					return
				}
				p := make([]byte, min(n, len(data)-off))
				if _, err := tap.ReadAt(p, int64(off)); err != nil {
					t.Error(err)
				}
				tap.mu.Lock()
				if tap.earlyBytes > limit {
					t.Errorf("%s: %d bytes wait, the limit is %d", name, tap.earlyBytes, limit)
				}
				tap.mu.Unlock()
			})
			for range 2 {
				if got, err := tap.Sum(t.Context()); err != nil || got != want {
					t.Errorf("%s: hash %s (%v), want %s", name, got, err, want)
				}
			}
			if tap.earlyBytes != 0 {
				t.Errorf("%s: %d bytes still wait", name, tap.earlyBytes)
			}
		}
	}
}

func TestTapReportsAShorterFile(t *testing.T) {
	t.Parallel()
	tap := NewTap(bytes.NewReader(make([]byte, 10)), 20, XXH3)
	if _, err := tap.Sum(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want io.ErrUnexpectedEOF", err)
	}
}

// The pieces that wait are bounded in number, whatever their order: the time is not quadratic.
func TestManySmallPiecesDoNotWait(t *testing.T) {
	t.Parallel()
	const n, step, bound = 50_000, 100_000, 4096
	tap := NewTap(zeros{}, n*step, XXH3)
	tap.Start(8 << 20)
	most := 0
	for i := n - 1; i > 0; i-- { // backwards, with gaps too large to read at once
		off := int64(i%64)*step + int64(i/64)*16 + smallGap + 1
		if _, err := tap.ReadAt(make([]byte, shortPiece), off); err != nil {
			t.Fatal(err)
		}
		most = max(most, len(tap.early))
	}
	if most == 0 || most > bound {
		t.Errorf("%d pieces wait, want some, and at most %d", most, bound)
	}
}

type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	read int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.read += len(p)
	return c.ReaderAt.ReadAt(p, off)
}

// A reader that falls behind others, further than pieces wait, costs only what it had to read and some blocks; looks at a few
// elements ahead cost nothing.
func TestTapCatchesUp(t *testing.T) {
	t.Parallel()
	const block, limit, few = 100_000, 1 << 20, 5
	data := make([]byte, 200*block)
	file := &counted{ReaderAt: bytes.NewReader(data)}
	tap := NewTap(file, int64(len(data)), XXH3)
	tap.Start(limit)
	read := func(off, n int) {
		if _, err := tap.ReadAt(make([]byte, n), int64(off)); err != nil {
			t.Fatal(err)
		}
	}
	for off := 0; off < len(data); off += block {
		if off == len(data)/2 {
			continue
		}
		read(off, block)
		for _, ahead := range []int{limit / 2, len(data) / 3} {
			read((off+ahead)%(len(data)-4), 4)
		}
		if off == len(data)/2+3*limit/block*block {
			read(len(data)/2, block)
		}
	}
	if _, err := tap.Sum(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := file.read - len(data) - 2*4*199; again > few*block {
		t.Errorf("%d bytes were read twice, of a file of %d in blocks of %d", again, len(data), block)
	}
}
