package bench

import (
	"context"
	"encoding/json"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// liveHeap returns the reachable heap in bytes.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // the first collection moves pooled values aside, the second frees them
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heapAtEnd runs a plan of n mixes and returns the live heap during the last forward pass and with the result, and
// the size of the result's JSON in bytes.
func heapAtEnd(t *testing.T, n int) (working, done, size int64) {
	t.Helper()
	plan := fakePlan()
	plan.Suite = "" // clean data alone
	plan.Tests = testOn(&ellipsoids{"test", 900, 2})
	plan.Fit.MaxIter = 2
	plan.Variants = nil
	for i := range n {
		plan.Variants = append(plan.Variants, variant{alpha: float64(i) / float64(n)})
	}
	e := &engine{}
	plan.Engine = e
	perVariant := int64((90+15)/16 + (900+15)/16) // batches of the two data sets
	e.hook = func(pass int64) {
		if pass == int64(n)*perVariant {
			working = liveHeap()
		}
	}
	res := mustRun(t, plan)
	done = liveHeap()
	text, err := json.Marshal(res)
	if err != nil {
		t.Fatal(err)
	}
	if working == 0 {
		t.Fatalf("%d variants made no pass %d", n, int64(n)*perVariant)
	}
	return working, done, int64(len(text))
}

// A sweep may have a thousand alphas: during the sweep, each may keep its name and keys in memory, but no features,
// probe or scores; afterwards, its part of the result. The test is not parallel, because others would allocate memory.
func TestMemoryDoesNotGrowWithVariants(t *testing.T) {
	heapAtEnd(t, 2) // allocates what exists once
	const few, many = 5, 105
	working, done, size := heapAtEnd(t, few)
	moreWorking, moreDone, moreSize := heapAtEnd(t, many)
	perWorking, perDone, perSize := (moreWorking-working)/(many-few), (moreDone-done)/(many-few),
		(moreSize-size)/(many-few)
	t.Logf("for each variant: %d bytes at work, %d with the result, which has %d as JSON", perWorking, perDone, perSize)
	// Features of the test data have 10,800 bytes and their labels 7,200. A name, parameters and keys were measured
	// to take 565.
	const maxWorking = 1500
	if perWorking > maxWorking {
		t.Errorf("a variant that is done keeps %d bytes, want at most %d", perWorking, maxWorking)
	}
	// About the size of the JSON was measured. The answers on the test data would be as much again.
	if perDone > perSize*3/2 {
		t.Errorf("a variant's result keeps %d bytes, want at most 1.5 times the %d of its JSON", perDone, perSize)
	}
}

// counted counts the reads of a data set.
type counted struct {
	*ellipsoids
	reads atomic.Int64
}

func (d *counted) Read(ctx context.Context, dst *datasets.Sample, i int) error {
	d.reads.Add(1)
	return d.ellipsoids.Read(ctx, dst, i)
}

// HeldBytes decides how often samples are read, and no figure.
func TestHeldBytes(t *testing.T) {
	t.Parallel()
	run := func(held int64) (figures string, reads int64) {
		d := &counted{ellipsoids: &ellipsoids{"test", 45, 2}}
		plan := fakePlan()
		plan.Tests, plan.HeldBytes = testOn(d), held
		return asJSON(t, mustRun(t, plan).Models), d.reads.Load()
	}
	kept, once := run(0)
	again, often := run(1)
	if kept != again {
		t.Error("the figures depend on what is held")
	}
	// 45 samples under 36 conditions, for each of three variants; a few are read to look at shapes besides.
	if once > 45*36*3/2 || often < 45*36*3 {
		t.Errorf("held: %d reads, want about %d; not held: %d, want about %d", once, 45*36, often, 45*36*3)
	}
}
