//go:build unix

package ort_test

import (
	"cmp"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// BenchmarkExtract compares feature extraction with its lower bound: a loop that runs the same session on the same
// batches, prepared in memory. The two alternate, so that other load on the machine affects both; "of-bare" is the
// median of their ratios, 1 if extraction takes no time besides the model's.
func BenchmarkExtract(b *testing.B) {
	orttest.Load(b)
	model, err := os.ReadFile("../../cmd/wiseft/demo/finetuned.onnx")
	if err != nil {
		b.Fatal(err)
	}
	session, err := ort.Engine{}.Open(b.Context(), ort.Source{Bytes: model}, "features")
	if err != nil {
		b.Fatal(err)
	}
	defer session.Close()
	const batch, points = 32, 256
	made, err := shapes.New(shapes.Options{Domain: shapes.CAD, PerClass: 64, Points: points})
	if err != nil {
		b.Fatal(err)
	}
	data, err := datasets.InMemory(b.Context(), made, nil)
	if err != nil {
		b.Fatal(err)
	}
	batches := prepare(b, data, batch)
	bare := func() time.Duration {
		start := time.Now()
		var out []float32
		for _, x := range batches {
			if out, err = session.Extract(b.Context(), out, x); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(start)
	}
	ours := func() time.Duration {
		start := time.Now()
		if _, err := probe.Extract(b.Context(), session, data, probe.ExtractOptions{Batch: batch}); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	bare()
	var ratios []float64
	clouds, spent := 0, time.Duration(0)
	for b.Loop() {
		// Each side goes first as often as the other.
		x, y := bare(), ours()
		y2, x2 := ours(), bare()
		ratios = append(ratios, float64(x+x2)/float64(y+y2))
		clouds, spent = clouds+2*data.Len(), spent+y+y2
	}
	slices.SortFunc(ratios, cmp.Compare[float64])
	b.ReportMetric(ratios[len(ratios)/2], "of-bare")
	b.ReportMetric(float64(clouds)/spent.Seconds(), "clouds/s")
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil {
		b.ReportMetric(float64(usage.Maxrss)/1024, "peak-MiB")
	}
}

// BenchmarkBindings compares the bindings of the build in turns, so that other load on the machine affects all: passes
// of a model with one node, which cost the calls alone, passes of the demo's model, and opening it. "purego-of-cgo" is
// the median of the ratios of their times.
func BenchmarkBindings(b *testing.B) {
	orttest.Load(b)
	engines, err := ort.Engines()
	if err != nil {
		b.Fatal(err)
	}
	if len(engines) != 2 {
		b.Skip("this build has one binding")
	}
	model, err := os.ReadFile("../../cmd/wiseft/demo/finetuned.onnx")
	if err != nil {
		b.Fatal(err)
	}
	tiny := castModel(ort.Float32, ort.Float64, 2)
	small := ort.Array{Type: ort.Float32, Shape: []int64{2, 3}, Data: raw(1, 2, 3, 4, 5, 6)}
	const samples, points = 8, 256
	batch := probe.Batch{X: ramp(samples * points * 3), Shape: []int64{samples, points, 3}}
	for name, prepared := range map[string]func(e ort.Engine) (run func()){
		"call": func(e ort.Engine) func() {
			p := program(b, e, tiny, "x")
			return func() { onePass(b, e, p, small) }
		},
		"pass": func(e ort.Engine) func() {
			s, err := e.Open(b.Context(), ort.Source{Bytes: model}, "features")
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = s.Close() }) // it releases memory alone
			return func() {
				if _, err := s.Extract(b.Context(), nil, batch); err != nil {
					b.Fatal(err)
				}
			}
		},
		"open": func(e ort.Engine) func() {
			return func() {
				s, err := e.Open(b.Context(), ort.Source{Bytes: model}, "features")
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			cgo, pure := prepared(engines["cgo"]), prepared(engines["purego"])
			timed := func(run func()) float64 {
				start := time.Now()
				for range 10 {
					run()
				}
				return float64(time.Since(start))
			}
			var ratios []float64
			for b.Loop() {
				x, y := timed(cgo), timed(pure)
				y2, x2 := timed(pure), timed(cgo)
				ratios = append(ratios, (y+y2)/(x+x2))
			}
			slices.SortFunc(ratios, cmp.Compare[float64])
			b.ReportMetric(ratios[len(ratios)/2], "purego-of-cgo")
		})
	}
}

// prepare builds the batches of a data set in the layout [batch points 3].
func prepare(b *testing.B, data datasets.Dataset, batch int) []probe.Batch {
	b.Helper()
	var list []probe.Batch
	var s datasets.Sample
	for i := range data.Len() {
		if err := data.Read(b.Context(), &s, i); err != nil {
			b.Fatal(err)
		}
		if i%batch == 0 {
			list = append(list, probe.Batch{Shape: []int64{0, int64(s.Shape[0]), 3}})
		}
		last := &list[len(list)-1]
		last.X = append(last.X, s.X...)
		last.Shape[0]++
	}
	return list
}
