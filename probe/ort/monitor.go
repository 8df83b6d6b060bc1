package ort

import (
	"runtime"
	"time"
)

const (
	// monitorPatience is how long Go's monitor thread leaves the scheduling context of a thread in a call to C where
	// nothing else wants it (sysmon in runtime/proc.go).
	monitorPatience = 10 * time.Millisecond
	// monitorDelay lets the call to C begin.
	monitorDelay = 100 * time.Microsecond
)

// quietMonitor keeps Go's monitor thread from interrupting a call to C that takes as long as the one before, until the
// returned function is called.
//
// The monitor thread sleeps while no goroutine runs. A call to C counts as running until the monitor takes its scheduling
// context, for which it waits 10 ms, and wakes 50 times. onnxruntime keeps every core busy, and a pass waits for its slowest
// thread: that was 3 to 4 % of the passes of 40 ms of an encoder on two cores (scripts/bench/inputs.py). Stopping the world,
// which [runtime.ReadMemStats] does for some 20 µs, takes the contexts of all calls to C at once.
func quietMonitor(before time.Duration) (stop func()) {
	if before < monitorPatience {
		return func() {}
	}
	t := time.AfterFunc(monitorDelay, func() {
		var unused runtime.MemStats
		runtime.ReadMemStats(&unused)
	})
	return func() { t.Stop() }
}
