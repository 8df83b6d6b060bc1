package kernel

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

// benchBytes is the stored size that a merge processes at a time.
const benchBytes = 256 << 10

var benchKinds = []string{"normal", "zeros", "subnormal", "random"}

// benchData returns stored elements: weights with standard deviation 0.02, the same with every other one zero,
// float16 subnormals with both signs, or random bits.
func benchData(c Codec, kind string, seed uint64) []byte {
	rng := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, benchBytes)
	if kind == "random" || kind == "subnormal" {
		mask := ^uint64(0)
		if kind == "subnormal" {
			mask = 0x83ff83ff83ff83ff
		}
		for i := 0; i < len(data); i += 8 {
			binary.LittleEndian.PutUint64(data[i:], rng.Uint64()&mask)
		}
		return data
	}
	v := make([]float64, benchBytes*8/c.Bits)
	for i := range v {
		v[i] = rng.NormFloat64() * 0.02
		if kind == "zeros" && rng.IntN(2) == 0 {
			v[i] = 0
		}
	}
	c.Encode(data, v)
	return data
}

func BenchmarkLerp(b *testing.B) {
	for _, c := range codecs {
		for _, kind := range benchKinds {
			if kind == "subnormal" && c.name != "float16" {
				continue
			}
			b.Run("dtype="+c.name+"/data="+kind, func(b *testing.B) {
				dst, x, y := make([]byte, benchBytes), benchData(c.Codec, kind, 1), benchData(c.Codec, kind, 2)
				b.SetBytes(benchBytes)
				b.ReportAllocs()
				for b.Loop() {
					c.Lerp(dst, x, y, 0.3)
				}
			})
		}
	}
}

// BenchmarkLerpRatio compares types in one run on the same number of bytes: the byte rate of the 16-bit types
// relative to float32, and of float32 relative to a plain copy. A 16-bit type at 0.5 has the element rate of float32.
func BenchmarkLerpRatio(b *testing.B) {
	for _, kind := range []string{"normal", "zeros", "random"} {
		b.Run("data="+kind, func(b *testing.B) {
			types := []Codec{Float32, Float16, BFloat16}
			dst := make([]byte, benchBytes)
			var x, y [3][]byte
			for i, c := range types {
				x[i], y[i] = benchData(c, kind, 1), benchData(c, kind, 2)
			}
			var spent [4]time.Duration
			b.SetBytes(3 * benchBytes)
			b.ReportAllocs()
			for b.Loop() {
				for i, c := range types {
					start := time.Now()
					c.Lerp(dst, x[i], y[i], 0.3)
					spent[i] += time.Since(start)
				}
				start := time.Now()
				copy(dst, x[0])
				spent[3] += time.Since(start)
			}
			b.ReportMetric(float64(spent[0])/float64(spent[1]), "float16/float32")
			b.ReportMetric(float64(spent[0])/float64(spent[2]), "bfloat16/float32")
			b.ReportMetric(float64(spent[3])/float64(spent[0]), "float32/copy")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range codecs {
		b.Run("dtype="+c.name, func(b *testing.B) {
			data, v := benchData(c.Codec, "normal", 1), make([]float64, 1<<10)
			b.SetBytes(int64(c.SizeBytes(len(v))))
			b.ReportAllocs()
			for b.Loop() {
				c.Decode(v, data)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range codecs {
		b.Run("dtype="+c.name, func(b *testing.B) {
			data, v := benchData(c.Codec, "normal", 1), make([]float64, 1<<10)
			c.Decode(v, data)
			b.SetBytes(int64(c.SizeBytes(len(v))))
			b.ReportAllocs()
			for b.Loop() {
				c.Encode(data, v)
			}
		})
	}
}
