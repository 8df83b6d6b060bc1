// Command data performs one operation on a data set and prints how long it took. scripts/bench/data.py runs it in
// turns with the same operation in Python.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run takes read|corrupt|stream|fps, a path, a split or "", and for fps the number of
// points.
func run(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: data read|corrupt|stream|fps PATH SPLIT [POINTS]")
	}
	ctx := context.Background()
	start := time.Now()
	ds, err := datasets.Open(ctx, args[1], datasets.OpenOptions{Split: args[2]})
	if err != nil {
		return err
	}
	defer ds.Close()
	switch args[0] {
	case "read":
		err = read(ctx, ds)
	case "corrupt", "stream":
		err = corruptAll(ctx, ds, args[0] == "stream")
	case "fps":
		var points int
		if points, err = strconv.Atoi(args[len(args)-1]); err == nil {
			err = farthest(ctx, ds, points)
		}
	default:
		err = fmt.Errorf("unknown mode %q", args[0])
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"seconds": time.Since(start).Seconds(), "n": ds.Len(), "peak_mib": peak()})
}

// peak returns the peak resident memory of the process in MiB, or 0 if the system does not report it. The process
// measures itself because the figure that a parent gets for a child includes the parent's own memory, from the time
// before the child's program starts.
func peak() float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

func read(ctx context.Context, ds datasets.Dataset) error {
	var s datasets.Sample
	for i := range ds.Len() {
		if err := ds.Read(ctx, &s, i); err != nil {
			return err
		}
	}
	return nil
}

// corruptAll computes all cells of modelnet-c and discards them. The clouds are read once, as in Python.
func corruptAll(ctx context.Context, ds datasets.Dataset, stream bool) error {
	ds, err := datasets.InMemory(ctx, ds, nil)
	if err != nil {
		return err
	}
	suite, _ := corrupt.LookupSuite("modelnet-c")
	numpy := corrupt.NewStream(0)
	for _, name := range suite.Corruptions {
		c, _ := corrupt.Lookup(name)
		for severity := 1; severity <= suite.Severities; severity++ {
			rows := corrupt.KeyedRows(ctx, ds, c, severity, 0)
			if stream {
				rows = numpy.Rows(ctx, ds, c, severity)
			}
			for _, err := range rows {
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func farthest(ctx context.Context, ds datasets.Dataset, points int) error {
	var s datasets.Sample
	for i := range ds.Len() {
		if err := ds.Read(ctx, &s, i); err != nil {
			return err
		}
		datasets.FarthestPoints(s.X, points)
	}
	return nil
}
