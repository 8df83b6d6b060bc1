//go:build cgo && linux

package ort_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// A sweep opens a session for every alpha, so that a leak in one counts a thousand times. The test is not
// parallel, because others would allocate memory, too.
func TestClosedSessionsLeaveNoMemoryBehind(t *testing.T) {
	orttest.Load(t)
	model, err := os.ReadFile("../../cmd/wiseft/demo/finetuned.onnx")
	if err != nil {
		t.Fatal(err)
	}
	const (
		sessions = 60
		// 6 to 7 MiB were measured, most of them the library's own; without returnMemory 30 to 33 MiB.
		maxTaken = 16 << 20
	)
	before := privateBytes(t)
	var most int64
	for range sessions {
		useSession(t, model)
		most = max(most, privateBytes(t)-before)
	}
	t.Logf("%d sessions took %.1f MiB", sessions, float64(most)/(1<<20))
	if most > maxTaken {
		t.Errorf("%d sessions, one after the other, took %d bytes, want at most %d", sessions, most, maxTaken)
	}
}

// useSession opens a model, runs it on two shapes, and closes it.
func useSession(t *testing.T, model []byte) {
	t.Helper()
	s, err := ort.Engine{Threads: 2}.Open(t.Context(), model, "features")
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
