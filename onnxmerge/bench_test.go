package onnxmerge

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/wiseft/wiseft/onnxmerge/internal/kernel"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// benchDims is the shape of a float32 weight of 1 MiB.
var benchDims = []int64{256, 1024}

// memorySources returns readers of n weights in memory. Each differs from the one before by normal numbers of standard
// deviation 0.002, a tenth of that of the weights.
func memorySources(n int) []reader {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, benchDims[0]*benchDims[1])
	for i := range values {
		values[i] = 0.02 * rng.NormFloat64()
	}
	list := make([]reader, n)
	for k := range list {
		data := make([]byte, 4*len(values))
		kernel.Float32.Encode(data, values)
		list[k] = func(dst []byte, off int64) error {
			copy(dst, data[off:])
			return nil
		}
		for i := range values {
			values[i] += 0.002 * rng.NormFloat64()
		}
	}
	return list
}

// mergeInMemory prepares a method for the sources and mixes them, as one worker of a plan does.
func mergeInMemory(b *testing.B, how method.Method, p method.Params, models int, sources []reader, dst []byte) {
	b.Helper()
	m := &mixer{dst: &onnx.Tensor{Name: "w", DType: onnx.Float32, Dims: benchDims}, codec: kernel.Float32,
		models: models}
	for _, read := range sources {
		m.sources = append(m.sources, newInput(read, onnx.Float32))
	}
	m.pool.New = func() any { return newScratch(len(sources)) }
	t := &method.Tensor{ID: "w", Dims: benchDims, Len: m.dst.Len(), Models: models, Lerp: m.codec.Lerp,
		Note: func(string) {}, Scan: scanner(b.Context(), []*mixer{m}, 1)}
	full, err := how.Complete(p)
	if err == nil && how.Survey != nil {
		t.Survey, err = how.Survey(t, full)
	}
	if err == nil {
		m.method, err = how.New(t, full)
	}
	for at := 0; at < len(dst) && err == nil; at += onnx.BlockSize {
		err = m.fill(dst[at:min(at+onnx.BlockSize, len(dst))], int64(at))
	}
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkAgainstLinear runs every method and linear alternately, on the same number of models, and reports the ratio
// of linear's best time to the method's. Sources are in memory and nothing is written; the ratio of whole merges is
// closer to 1.
func BenchmarkAgainstLinear(b *testing.B) {
	linear, err := method.Lookup("linear")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range method.Names() {
		b.Run("method="+name, func(b *testing.B) {
			m, err := method.Lookup(name)
			if err != nil {
				b.Fatal(err)
			}
			p := method.Params{}
			if _, err := m.Param("lambda"); err == nil {
				p["lambda"] = 0.3 // with one task vector and lambda 1 the method copies instead of mixing
			}
			models := max(2, m.MinModels)
			sources := memorySources(models)
			all := sources
			if m.Fisher {
				all = memorySources(2 * models)
			}
			dst := make([]byte, 4*benchDims[0]*benchDims[1])
			var best, bestLinear time.Duration
			b.SetBytes(int64(len(dst)))
			for b.Loop() {
				start := time.Now()
				mergeInMemory(b, linear, nil, models, sources, dst)
				middle := time.Now()
				mergeInMemory(b, m, p, models, all, dst)
				end := time.Now()
				if t := middle.Sub(start); best == 0 || t < bestLinear {
					bestLinear = t
				}
				if t := end.Sub(middle); best == 0 || t < best {
					best = t
				}
			}
			b.ReportMetric(float64(bestLinear)/float64(best), "of-linear")
			b.ReportMetric(float64(models), "models")
		})
	}
}
