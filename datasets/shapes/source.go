package shapes

import (
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
)

// source is the stream of random numbers of one sample.
type source struct{ *rand.Rand }

// newSource seeds a ChaCha8 generator with everything that identifies a sample.
func newSource(seed uint64, domain Domain, split, class string, index int) *source {
	key := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s\n%s\n%s\n%d", Version, seed, domain, split, class, index))
	return &source{rand.New(rand.NewChaCha8(key))}
}

// span returns a number between lo and hi.
func (r *source) span(lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// count returns a whole number from lo to hi, both included.
func (r *source) count(lo, hi int) int { return lo + r.IntN(hi-lo+1) }

// chance reports true with probability p.
func (r *source) chance(p float64) bool { return r.Float64() < p }

// side returns -1 or 1.
func (r *source) side() float64 { return float64(2*r.IntN(2) - 1) }

// angle returns an angle between plus and minus deg degrees, in radians.
func (r *source) angle(deg float64) float64 { return r.span(-deg, deg) * (math.Pi / 180) }

// normal returns a vector of three independent normals of deviation sigma.
func (r *source) normal(sigma float64) vec {
	return vec{sigma * r.NormFloat64(), sigma * r.NormFloat64(), sigma * r.NormFloat64()}
}
