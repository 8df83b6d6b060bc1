package ort

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// A library for CUDA is not fetched where no GPU could run it.
func TestNoFetchWithoutGPU(t *testing.T) {
	sourcesBefore, countBefore := cudaSources, countGPUs
	defer func() { cudaSources, countGPUs = sourcesBefore, countBefore }()
	fetches := 0
	cudaSources = []source{{client: "go", pkg: "p", version: InstallVersion,
		files: map[string][]pin{platform(): {{"lib/libonnxruntime.so", ""}}},
		fetch: func(context.Context, string, source) error { fetches++; return errors.New("fetched") }}}
	for _, test := range []struct {
		gpus    int
		err     error
		fetches int
		want    string
	}{
		{0, errors.New("no driver"), 0, "no driver"},
		{0, nil, 0, "finds no GPU"},
		{1, nil, 1, "fetched"},
	} {
		fetches = 0
		countGPUs = func() (int, error) { return test.gpus, test.err }
		opt := Options{CacheDir: t.TempDir(), Install: true, CUDA: true}
		err := checkGPU(opt)
		if err == nil {
			_, err = install(t.Context(), opt)
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || fetches != test.fetches {
			t.Errorf("%d GPUs, %v: got %v after %d fetches, want %q after %d", test.gpus, test.err, err, fetches, test.want,
				test.fetches)
		}
	}
	countGPUs = func() (int, error) { return 0, nil }
	if err := checkGPU(Options{}); err != nil {
		t.Errorf("a library for the CPU needs a GPU: %v", err)
	}
	if err := checkGPU(Options{CUDA: true, WithoutGPU: true}); err != nil {
		t.Errorf("an installation for another machine: %v", err)
	}
	cudaSources[0].files = nil
	if err := checkGPU(Options{CUDA: true}); err != nil { // install says that there is no build
		t.Errorf("got %v, want none", err)
	}
}

// The driver is asked without harm, whether there is one or not.
func TestCountGPUs(t *testing.T) { // not parallel: another test replaces the function
	if n, err := countGPUs(); n < 0 || n > 0 && err != nil {
		t.Errorf("got %d GPUs and %v", n, err)
	} else {
		t.Logf("%d GPUs (%v)", n, err)
	}
}
