package precise

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bits is the precision of the oracles, which compute with math/big.
const bits = 200

func exact(x float64) *big.Float { return new(big.Float).SetPrec(bits).SetFloat64(x) }

func newBig() *big.Float { return new(big.Float).SetPrec(bits) }

// bigLog is 2 atanh((x-1)/(x+1)) of x reduced to [1/2, 1), plus k log(2).
func bigLog(x float64) *big.Float {
	z, k := math.Frexp(x)
	out := bigAtanhLog(z)
	two := bigAtanhLog(0.5)
	return out.Sub(out, newBig().Mul(two, exact(float64(k))))
}

func bigAtanhLog(z float64) *big.Float {
	t := newBig().Quo(newBig().Sub(exact(z), exact(1)), newBig().Add(exact(z), exact(1)))
	t2, power, out := newBig().Mul(t, t), newBig().Set(t), newBig()
	for n := 1; n < 150; n += 2 {
		out.Add(out, newBig().Quo(power, exact(float64(n))))
		power.Mul(power, t2)
	}
	return out.Mul(out, exact(2))
}

func bigExp(x *big.Float) *big.Float {
	r := newBig().Quo(x, exact(1<<10))
	term, out := exact(1), exact(1)
	for n := 1; n < 60; n++ {
		term.Quo(term.Mul(term, r), exact(float64(n)))
		out.Add(out, term)
	}
	for range 10 {
		out.Mul(out, out)
	}
	return out
}

// bigSincos sums the series of an angle of up to 8 without reduction.
func bigSincos(x float64) (sin, cos *big.Float) {
	sin, cos = newBig(), newBig()
	term := exact(1)
	for n := 0; n < 120; n++ {
		into, sign := cos, n%4 < 2
		if n%2 == 1 {
			into = sin
		}
		if sign {
			into.Add(into, term)
		} else {
			into.Sub(into, term)
		}
		term.Quo(term.Mul(term, exact(x)), exact(float64(n+1)))
	}
	return sin, cos
}

func rounded(x *big.Float) float64 {
	v, _ := x.Float64()
	return v
}

// TestCorrectlyRounded compares with oracles of 200 bits. None of its arguments is among the few in a hundred million
// whose result is too close to halfway between two numbers.
func TestCorrectlyRounded(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	check := func(name string, x, got float64, want *big.Float) {
		t.Helper()
		if w := rounded(want); got != w {
			t.Errorf("%s(%v) = %v, want %v", name, x, got, w)
		}
	}
	third := 1. / 3
	for range 3000 {
		u := rng.Float64()
		for _, x := range []float64{u, 1 + (u-0.5)/50, u * 1e-300, u * 1e300} {
			check("Log", x, Log(x), bigLog(x))
		}
		angle := 8 * (2*u - 1)
		sin, cos := Sincos(angle)
		wantSin, wantCos := bigSincos(angle)
		check("sin", angle, sin, wantSin)
		check("cos", angle, cos, wantCos)
		power := newBig().Mul(bigLog(u), exact(third))
		check("Pow", u, Pow(u, third), bigExp(power))
		// The arc cosine is right where cos of its neighbours half a unit away
		// encloses the argument.
		c := 2*u - 1
		y := Acos(c)
		if below, above := cosBetween(y, -1), cosBetween(y, 1); below.Cmp(exact(c)) < 0 || above.Cmp(exact(c)) > 0 {
			t.Errorf("Acos(%v) = %v is more than half a unit off", c, y)
		}
	}
}

// cosBetween returns the cosine of the number halfway between y and its neighbour.
func cosBetween(y float64, direction int) *big.Float {
	next := math.Nextafter(y, math.Inf(direction))
	half := newBig().Quo(newBig().Add(exact(y), exact(next)), exact(2))
	out, term := newBig(), exact(1)
	for n := 0; n < 120; n++ {
		switch n % 4 {
		case 0:
			out.Add(out, term)
		case 2:
			out.Sub(out, term)
		}
		term.Quo(term.Mul(term, half), exact(float64(n+1)))
	}
	return out
}

func TestSpecialValues(t *testing.T) {
	t.Parallel()
	inf, nan := math.Inf(1), math.NaN()
	for _, x := range []float64{0, -0., 1, -1, inf, -inf, nan} {
		if got, want := Log(x), math.Log(x); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("Log(%v) = %v, want %v", x, got, want)
		}
		if got, want := Acos(x), math.Acos(x); math.Float64bits(got) != math.Float64bits(want) &&
			!(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("Acos(%v) = %v, want %v", x, got, want)
		}
		if got, want := Pow(x, 1./3), math.Pow(x, 1./3); got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("Pow(%v, 1/3) = %v, want %v", x, got, want)
		}
	}
	if sin, cos := Sincos(0); sin != 0 || cos != 1 {
		t.Errorf("Sincos(0) = %v, %v", sin, cos)
	}
	if sin, _ := Sincos(inf); !math.IsNaN(sin) {
		t.Errorf("sin(Inf) = %v", sin)
	}
}

func BenchmarkLog(b *testing.B) {
	for name, log := range map[string]func(float64) float64{"precise": Log, "math": math.Log} {
		b.Run("of="+name, func(b *testing.B) {
			x, total := 0.1, 0.0
			for b.Loop() {
				total += log(x)
				if x += 0.0123; x > 1 {
					x -= 0.9
				}
			}
			_ = total
		})
	}
}
