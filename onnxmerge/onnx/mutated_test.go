package onnx

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/wiseft/wiseft/internal/memorytest"
)

// Damaged models take little memory and time, whatever they claim. They are drawn by number, 300 of them, or 20,000 divided by
// WISEFT_CHAOS_STRIDE. Not parallel: it measures what the process allocates.
func TestMutatedModelsTakeLittle(t *testing.T) {
	n := 300
	if set := os.Getenv("WISEFT_CHAOS_STRIDE"); set != "" {
		stride, err := strconv.Atoi(set)
		if err != nil || stride < 1 {
			t.Fatalf("WISEFT_CHAOS_STRIDE=%s: not a number from 1 on", set)
		}
		n = 20_000 / stride
	}
	var models [][]byte
	for _, pattern := range []string{"testdata/*.onnx", "testdata/external/*.onnx", "testdata/stores/*.onnx"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d models (%v)", pattern, len(paths), err)
		}
		for _, path := range paths {
			model, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			models = append(models, model)
		}
	}
	opened := 0
	for i := range n {
		model := mutated(rand.New(rand.NewPCG(uint64(i), 0)), models[i%len(models)])
		var err error
		bytes, took := taken(func() { err = openMutated(model) })
		// An operator of a byte takes some 200; the usual time is a thousandth of a second.
		if limit := int64(8<<20 + 1024*len(model)); bytes > limit || took > 5*time.Second {
			t.Fatalf("mutant %d of %d bytes takes %d bytes and %s (%v)", i, len(model), bytes, took, err)
		}
		if err == nil {
			opened++
		}
	}
	t.Logf("%d damaged models, %d of which are models", n, opened)
	if opened == 0 || opened == n {
		t.Errorf("%d of %d damaged models are read", opened, n)
	}
}

// openMutated opens a model and reads its tensors.
func openMutated(model []byte) error {
	m, err := Open(bytes.NewReader(model), int64(len(model)))
	if err != nil {
		return err
	}
	for _, x := range m.Tensors {
		if !x.Readable() || x.external != nil {
			continue
		}
		if x.SizeBytes() > int64(len(model))*8 {
			return fmt.Errorf("tensor %q has %d bytes in a file of %d", x.ID(), x.SizeBytes(), len(model))
		}
		if err := x.ReadAt(make([]byte, x.SizeBytes()), 0); err != nil {
			return err
		}
	}
	return nil
}

// taken returns what f allocates, whatever is freed in between, and how long it takes.
func taken(f func()) (bytes int64, took time.Duration) {
	bytes = memorytest.Allocated(func() {
		start := time.Now()
		f()
		took = time.Since(start)
	})
	return bytes, took
}

// mutated returns a model with one to four changes: a flipped bit, a length field of many bytes, a part that is missing,
// doubled or repeated often.
func mutated(r *rand.Rand, model []byte) []byte {
	m := bytes.Clone(model)
	for range 1 + r.IntN(4) {
		at := r.IntN(len(m))
		end := min(len(m), at+1+r.IntN(64))
		switch r.IntN(5) {
		case 0:
			m[at] ^= 1 << r.IntN(8)
		case 1:
			m = slices.Replace(m, at, at+1, 0xff, 0xff, 0xff, 0xff, byte(r.IntN(128)))
		case 2:
			m = slices.Delete(m, at, end)
		case 3:
			m = slices.Insert(m, at, m[at:end]...)
		case 4:
			m = slices.Insert(m, at, bytes.Repeat(m[at:end], r.IntN(100))...)
		}
		if len(m) == 0 {
			return model
		}
	}
	return m
}
