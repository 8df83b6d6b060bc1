package mt19937_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/wiseft/wiseft/datasets/corrupt/internal/mt19937"
)

// vectors is testdata/stream.json, made by stream.py with numpy: for each seed what
// one stream gives when the steps follow each other.
type vectors struct {
	NumPy string
	Seeds map[string]struct {
		Words       []uint32
		Doubles     []uint64 // bits
		Normals     []uint64 // bits; an odd number, so that one stays cached
		Below       map[string][]int
		Permutation []int
		Mixed       []uint64 // 3 normals, 2 doubles, 3 normals: bits
		Hash        string   // of 100,000 doubles, SHA-256 of their bytes
		Pos         int
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/stream.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	for seed, want := range map[uint32]string{0: "0", 1: "1", 2021: "2021", math.MaxUint32: "4294967295"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			w, ok := v.Seeds[want]
			if !ok {
				t.Fatal("no vectors")
			}
			r := mt19937.New(seed)
			for i, x := range w.Words {
				if got := r.Uint32(); got != x {
					t.Fatalf("word %d is %d, want %d", i, got, x)
				}
			}
			same(t, "double", w.Doubles, r.Float64)
			nearly(t, w.Normals, r.NormFloat64)
			for _, n := range []struct {
				text string
				n    int
			}{
				{"1", 1}, {"7", 7}, {"1024", 1024},
				{"4294967296", 1 << 32}, {"4294967297", 1<<32 + 1}, {"1099511627781", 1<<40 + 5},
			} {
				for i, x := range w.Below[n.text] {
					if got := r.IntN(n.n); got != x {
						t.Fatalf("IntN(%d): value %d is %d, want %d", n.n, i, got, x)
					}
				}
			}
			for i, x := range r.Perm(len(w.Permutation)) {
				if x != w.Permutation[i] {
					t.Fatalf("Perm: value %d is %d, want %d", i, x, w.Permutation[i])
				}
			}
			nearly(t, w.Mixed[:3], r.NormFloat64)
			same(t, "mixed double", w.Mixed[3:5], r.Float64)
			nearly(t, w.Mixed[5:], r.NormFloat64)
			h := sha256.New()
			for range 100_000 {
				h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(r.Float64())))
			}
			if got := hex.EncodeToString(h.Sum(nil)); got != w.Hash {
				t.Errorf("100,000 doubles hash to %s, want %s", got, w.Hash)
			}
			if pos, _, _ := r.State(); pos != w.Pos {
				t.Errorf("the stream ends at word %d, want %d", pos, w.Pos)
			}
		})
	}
}

func same(t *testing.T, what string, want []uint64, next func() float64) {
	t.Helper()
	if len(want) == 0 {
		t.Fatalf("no %ss", what)
	}
	for i, bits := range want {
		if got := next(); math.Float64bits(got) != bits {
			t.Fatalf("%s %d is %v, want %v", what, i, got, math.Float64frombits(bits))
		}
	}
}

// nearly compares normal deviates. numpy uses glibc's logarithm, which rounds less than 0.1 % of all arguments to the
// wrong neighbour; that of package precise is correctly rounded. One unit in the last place of the logarithm is half
// a unit of its root, and the root and the product are rounded once more: at most two units.
func nearly(t *testing.T, want []uint64, next func() float64) {
	t.Helper()
	differ := 0
	for i, bits := range want {
		got := math.Float64bits(next())
		if got == bits {
			continue
		}
		differ++
		if off := int64(got - bits); off < -2 || off > 2 {
			t.Fatalf("normal %d is %v, want %v", i, math.Float64frombits(got), math.Float64frombits(bits))
		}
	}
	if differ > 1+len(want)/100 {
		t.Errorf("%d of %d normals differ in the last place", differ, len(want))
	}
}

// TestSeedClears checks that seeding clears the cached deviate.
func TestSeedClears(t *testing.T) {
	t.Parallel()
	r := mt19937.New(3)
	want := r.NormFloat64()
	if _, has, _ := r.State(); !has {
		t.Fatal("no deviate is cached after the first")
	}
	r.Seed(3)
	if got := r.NormFloat64(); got != want {
		t.Errorf("after Seed the first deviate is %v, want %v", got, want)
	}
}

func TestIntNRefusesNothing(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("IntN(0) does not panic")
		}
	}()
	mt19937.New(0).IntN(0)
}

func BenchmarkNormFloat64(b *testing.B) {
	r := mt19937.New(0)
	for b.Loop() {
		r.NormFloat64()
	}
}
