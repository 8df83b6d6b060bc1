package method

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkMix measures every method on decoded blocks that fit the cache.
func BenchmarkMix(b *testing.B) {
	const n = 1 << 10
	rng := rand.New(rand.NewPCG(1, 2))
	for _, m := range All() {
		models := max(2, m.MinModels)
		if m.MaxModels == 0 && m.Base {
			models = max(3, models)
		}
		sources := models
		if m.Fisher {
			sources *= 2
		}
		src := make([][]float64, sources)
		for i := range src {
			src[i] = make([]float64, n)
			for k := range src[i] {
				src[i][k] = rng.NormFloat64()
			}
		}
		p, err := m.Complete(nil)
		if err != nil {
			b.Fatal(err)
		}
		t := &Tensor{ID: "w", Dims: []int64{32, 32}, Len: n, Models: models, Scan: ScanSlices(src, 0), Note: func(string) {}}
		if m.Survey != nil {
			if t.Survey, err = m.Survey(t, p); err != nil {
				b.Fatal(err)
			}
		}
		mixer, err := m.New(t, p)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(m.Name, func(b *testing.B) {
			b.SetBytes(int64(8 * n * sources))
			b.ReportAllocs()
			dst := make([]float64, n)
			blocks := scratch(sources, dst)
			for b.Loop() {
				for i := range src {
					copy(blocks[i], src[i]) // Mix may overwrite them
				}
				mixer.Mix(dst, blocks, 0)
			}
		})
	}
}

// BenchmarkDraw measures the random numbers.
func BenchmarkDraw(b *testing.B) {
	g := newGenerator(1, "w", 0)
	u := make([]uint32, 1<<10)
	b.SetBytes(4 << 10)
	for b.Loop() {
		g.draw(u, 0)
	}
}
