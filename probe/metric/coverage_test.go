package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// pair simulates two models on a suite of clouds. The answer for a cloud under a condition is correct if
//
//	threshold + sqrt(.6 rho) cloud + sqrt(.4 rho) corrupted + sqrt(1 - rho) own > 0
//
// with normal draws for the cloud, for the corrupted cloud, which both models see, and for the model. The conditions
// of a cloud are correlated, and so are the models, while the accuracy under every condition is known:
// normalCDF(threshold).
type pair struct {
	n          int
	rho        float64
	ref        Reference
	thresholds [2]map[string][]float64 // "" = clean
}

// newPair draws models of about the given accuracy; equal ones if apart is 0. Drawing them for every run averages
// over the steps of counts.
func newPair(r *rand.Rand, ref Reference, n int, accuracy, rho, apart float64) pair {
	p := pair{n: n, rho: rho, ref: ref}
	base, better := normalQuantile(accuracy)+0.05*r.NormFloat64(), apart*r.NormFloat64()
	for m := range p.thresholds {
		at := base + float64(m)*better
		p.thresholds[m] = map[string][]float64{"": {at}}
		for k, name := range ref.Corruptions {
			for s := range Severities {
				harder := 0.15 * (float64(s) - 2 + 0.3*float64(k-3))
				p.thresholds[m][name] = append(p.thresholds[m][name], at-harder)
			}
		}
	}
	return p
}

// truth returns the exact figures of a model on the whole population of clouds.
func (p pair) truth(t *testing.T, m int) Robustness {
	t.Helper()
	oa := map[string][]float64{}
	for _, name := range p.ref.Corruptions {
		for _, at := range p.thresholds[m][name] {
			oa[name] = append(oa[name], normalCDF(at))
		}
	}
	res, err := p.ref.Exact(normalCDF(p.thresholds[m][""][0]), oa)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// draw returns the correctness of both models on n clouds: clean, and by condition.
func (p pair) draw(r *rand.Rand) (clean [2][]bool, cells [2]map[string][][]bool) {
	cloud := make([]float64, p.n)
	for i := range cloud {
		cloud[i] = math.Sqrt(0.6*p.rho) * r.NormFloat64()
	}
	shared, own := math.Sqrt(0.4*p.rho), math.Sqrt(1-p.rho)
	cell := func(name string, s int) (a, b []bool) {
		a, b = make([]bool, p.n), make([]bool, p.n)
		for i, c := range cloud {
			c += shared * r.NormFloat64()
			a[i] = p.thresholds[0][name][s]+c+own*r.NormFloat64() > 0
			b[i] = p.thresholds[1][name][s]+c+own*r.NormFloat64() > 0
		}
		return a, b
	}
	clean[0], clean[1] = cell("", 0)
	cells = [2]map[string][][]bool{{}, {}}
	for _, name := range p.ref.Corruptions {
		for s := range Severities {
			a, b := cell(name, s)
			cells[0][name], cells[1][name] = append(cells[0][name], a), append(cells[1][name], b)
		}
	}
	return clean, cells
}

// simulation is the amount of simulation: small by default; with WISEFT_EXHAUSTIVE=1 that of the figures in comments.
type simulation struct {
	runs, flips int
	clouds      []int
	accuracies  []float64
}

func newSimulation() simulation {
	if os.Getenv("WISEFT_EXHAUSTIVE") == "1" {
		return simulation{5000, 1000, []int{100, 500, 2468}, []float64{0.6, 0.8, 0.9, 0.95, 0.98}}
	}
	return simulation{250, 200, []int{100}, []float64{0.8, 0.95}}
}

// tally counts over runs how often a condition held.
type tally map[string]int

func (c tally) add(what string, held bool) {
	if held {
		c[what]++
	} else {
		c[what] += 0
	}
}

// check fails if a share is out of bounds by more than four standard deviations of its estimate: with some 100
// scenarios, one fails by chance once in 150 times.
func (c tally) check(t *testing.T, what string, runs int, low, high float64) {
	t.Helper()
	share := float64(c[what]) / float64(runs)
	slack := 4 * math.Sqrt(0.05*0.95/float64(runs))
	if _, ran := c[what]; !ran || !(share >= low-slack) || !(share <= high+slack) {
		t.Errorf("%s: %.4f of %d runs, want %v to %v", what, share, runs, low, high)
	}
}

// figure is an estimated interval of a known value.
type figure struct {
	name     string
	interval Interval
	truth    float64
}

// figures returns the intervals of a suite's figures of the first model, and of the differences from the second.
func (p pair) figures(t *testing.T, f [2]CloudFigures) []figure {
	t.Helper()
	a, b := p.truth(t, 0), p.truth(t, 1)
	own, corruption := f[0].Intervals(0.95), p.ref.Corruptions[0]
	difference := func(x, y []float64) Interval { return MeanInterval(Differences(x, y), 0.95) }
	return []figure{
		{"mOA difference", difference(f[0].MOA, f[1].MOA), a.MOA - b.MOA},
		{"mCE difference", difference(f[0].MCE, f[1].MCE), a.MCE - b.MCE},
		{"RmCE difference", difference(f[0].RMCE, f[1].RMCE), a.RMCE - b.RMCE},
		{"OA of a corruption", own.OA[corruption], a.OA[corruption]},
		{"mOA", own.MOA, a.MOA}, {"mCE", own.MCE, a.MCE}, {"RmCE", own.RMCE, a.RMCE},
	}
}

// clouds returns both models' figures, cloud by cloud.
func (p pair) clouds(t *testing.T, clean [2][]bool, cells [2]map[string][][]bool) (f [2]CloudFigures) {
	t.Helper()
	for m := range f {
		var err error
		if f[m], err = p.ref.Clouds(clean[m], cells[m]); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func (i Interval) holds(x float64) bool { return i.Low <= x && x <= i.High }

// fewWrong returns the tolerated lack of coverage of a single model's figure: 0 where ten clouds or more are wrong,
// more where two or five of 100 are wrong under nearly all corruptions or none.
func fewWrong(n int, accuracy, rho float64) float64 {
	wrong := float64(n) * (1 - accuracy)
	switch {
	case wrong > 9.5 || rho < 0.5:
		return 0
	case wrong > 4.5:
		return 0.01
	}
	return 0.025
}

// TestPairedCoverage simulates models that differ, and counts how often the 95 % intervals contain the true
// difference.
func TestPairedCoverage(t *testing.T) {
	t.Parallel()
	sim := newSimulation()
	ref := modelNetC(t)
	for _, n := range sim.clouds {
		for _, accuracy := range sim.accuracies {
			for _, rho := range []float64{0.3, 0.8} {
				t.Run(fmt.Sprintf("n=%d accuracy=%v rho=%v", n, accuracy, rho), func(t *testing.T) {
					t.Parallel()
					got := tally{}
					r := rand.New(rand.NewPCG(uint64(n), math.Float64bits(accuracy+rho)))
					discordant := 0
					names := map[string]bool{}
					for range sim.runs {
						p := newPair(r, ref, n, accuracy, rho, 0.1)
						clean, cells := p.draw(r)
						for _, x := range p.figures(t, p.clouds(t, clean, cells)) {
							got.add(x.name, x.interval.holds(x.truth))
							names[x.name] = true
						}
						onlyA, onlyB := Discordant(clean[0], clean[1])
						discordant += onlyA + onlyB
						a, b := normalCDF(p.thresholds[0][""][0]), normalCDF(p.thresholds[1][""][0])
						got.add("OA difference", AccuracyDifference(onlyA, onlyB, n, 0.95).holds(a-b))
					}
					for what := range names {
						low := 0.94
						if !strings.Contains(what, "difference") {
							low -= fewWrong(n, accuracy, rho)
						}
						got.check(t, what, sim.runs, low, 0.96)
					}
					// With few discordant samples every interval is conservative at times.
					high := 0.96
					if discordant < 10*sim.runs {
						high = 1
					}
					got.check(t, "OA difference", sim.runs, 0.94, high)
					t.Logf("of %d: %v; %.1f discordant on average", sim.runs, got, float64(discordant)/float64(sim.runs))
				})
			}
		}
	}
}

// TestPairedTestsUnderNull simulates models of equal accuracy, and counts how often the tests reject.
func TestPairedTestsUnderNull(t *testing.T) {
	t.Parallel()
	sim := newSimulation()
	ref := modelNetC(t)
	for _, n := range sim.clouds {
		for _, accuracy := range sim.accuracies {
			t.Run(fmt.Sprintf("n=%d accuracy=%v", n, accuracy), func(t *testing.T) {
				t.Parallel()
				got := tally{}
				r := rand.New(rand.NewPCG(uint64(n), math.Float64bits(accuracy)))
				for run := range sim.runs {
					p := newPair(r, ref, n, accuracy, 0.5, 0)
					clean, cells := p.draw(r)
					f := p.clouds(t, clean, cells)
					got.add("McNemar", McNemar(Discordant(clean[0], clean[1])) <= 0.05)
					got.add("sign flips, mOA", SignFlip(Differences(f[0].MOA, f[1].MOA), sim.flips, uint64(run)) <= 0.05)
					got.add("sign flips, RmCE", SignFlip(Differences(f[0].RMCE, f[1].RMCE), sim.flips, uint64(run)) <= 0.05)
				}
				got.check(t, "McNemar", sim.runs, 0, 0.055)
				got.check(t, "sign flips, mOA", sim.runs, 0.03, 0.055)
				got.check(t, "sign flips, RmCE", sim.runs, 0.03, 0.055)
				t.Logf("of %d: %v", sim.runs, got)
			})
		}
	}
}
