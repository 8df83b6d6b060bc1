//go:build linux

package ort_test

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// A sweep opens a session for every alpha, so that a leak in one counts a thousand times. The tests of this file are
// not parallel, because others would allocate memory, too.
func TestClosedSessionsLeaveNoMemoryBehind(t *testing.T) {
	model, err := os.ReadFile("../../cmd/wiseft/demo/finetuned.onnx")
	if err != nil {
		t.Fatal(err)
	}
	const (
		sessions = 60
		// 6 to 7 MiB were measured, most of them the library's own; without returnMemory 30 to 33 MiB.
		maxTaken = 16 << 20
	)
	eachBinding(t, func(t *testing.T, e ort.Engine) []string {
		before := privateBytes(t)
		var most int64
		for range sessions {
			useSession(t, e, model)
			most = max(most, privateBytes(t)-before)
		}
		t.Logf("%d sessions took %.1f MiB", sessions, float64(most)/(1<<20))
		if most > maxTaken {
			t.Errorf("%d sessions, one after the other, took %d bytes, want at most %d", sessions, most, maxTaken)
		}
		return nil
	})
}

// A pass that leaks an object of C leaks it in every batch: 100,000 passes of a model with one node, a million with
// WISEFT_EXHAUSTIVE=1.
func TestPassesLeaveNoMemoryBehind(t *testing.T) {
	if raced {
		t.Skip("the race detector keeps memory for every pass")
	}
	// Up to 2.7 MiB were measured after 100,000 passes and 2.9 after a million, with garbage of Go.
	const warmup = 5_000
	passes, maxTaken := 100_000, int64(4<<20)
	if os.Getenv("WISEFT_EXHAUSTIVE") != "" {
		passes, maxTaken = 1_000_000, 16<<20
	}
	model := castModel(ort.Float32, ort.Float64, 2)
	eachBinding(t, func(t *testing.T, e ort.Engine) []string {
		p := program(t, e, model, "x")
		a := ort.Array{Type: ort.Float32, Shape: []int64{2, 3}, Data: raw(1, 2, 3, 4, 5, 6)}
		var before, start = int64(0), time.Now()
		for i := range warmup + passes {
			if i == warmup {
				runtime.GC()
				before, start = privateBytes(t), time.Now()
			}
			onePass(t, e, p, a)
		}
		took := time.Since(start)
		runtime.GC()
		taken := privateBytes(t) - before
		t.Logf("%d passes took %.1f MiB and %v each", passes, float64(taken)/(1<<20), took/time.Duration(passes))
		if taken > maxTaken {
			t.Errorf("%d passes took %d bytes, want at most %d", passes, taken, maxTaken)
		}
		return nil
	})
}

// raced is set by the build with the race detector.
var raced bool

// useSession opens a model, runs it on two shapes, and closes it.
func useSession(t *testing.T, e ort.Engine, model []byte) {
	t.Helper()
	e.Threads = 2
	s, err := e.Open(t.Context(), ort.Source{Bytes: model}, "features")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{8, 2} {
		const points = 256
		if _, err := s.Extract(t.Context(), nil, probe.Batch{Shape: []int64{int64(n), points, 3},
			X: ramp(n * points * 3)}); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

var rssAnon = regexp.MustCompile(`(?m)^RssAnon:\s+(\d+) kB$`)

// privateBytes returns the resident memory that no file backs.
func privateBytes(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	found := rssAnon.FindSubmatch(status)
	if found == nil {
		t.Fatal("/proc/self/status has no RssAnon")
	}
	n, err := strconv.ParseInt(string(found[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
