// Command rules simulates the rules that choose alpha, on runs whose predictions are stored.
//
//	wiseft sweep PRETRAINED FINETUNED --train DATA --test DATA -o RUN
//	go run ./scripts/bench/rules [-search] [-draws 2000] [-share 0.4] RUN…
//
// Of the test samples of a run, a random share plays the validation data: a rule chooses an alpha by the stored answers
// to it, and is judged by the answers to the other samples. The means over many draws are what a rule is worth on data
// like these. The same seed draws the same samples for every rule, so that rules are compared by pairs. Corrupted
// validation data are the samples' own corruptions of the severities named.
//
// With -search it compares the search for alpha, by clean accuracy, with the whole grid: on validation samples that are drawn
// with replacement from the test samples. Margins between the ends have no error here, as if all training samples were passed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/probe/bench"
	"github.com/wiseft/wiseft/probe/bench/choose"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// rules are the rules that are compared. With a loss of 99 points every mix is allowed.
var rules = []struct {
	name   string
	choice choose.Choice
}{
	{"highest clean accuracy", choose.Choice{Rule: "accuracy"}},
	{"one standard error", choose.Choice{Rule: "one-standard-error"}},
	{"robustness, loss 1, severity 3 (default)", choose.Choice{}.WithDefaults(true)},
	{"robustness, loss 1, severities 1 3 5", robustness(0.01, 1, 3, 5)},
	{"robustness, loss 1, all severities", robustness(0.01, 1, 2, 3, 4, 5)},
	{"robustness, no limit, severity 3", robustness(0.99, 3)},
}

func robustness(points float64, severities ...int) choose.Choice {
	return choose.Choice{Rule: "robustness", Points: points, Severities: severities}
}

func main() {
	searching := flag.Bool("search", false, "compare the search for alpha with the whole grid")
	draws := flag.Int("draws", 2000, "draws of validation data")
	share := flag.Float64("share", 0.4, "of the test samples that validate")
	flag.Parse()
	if flag.NArg() == 0 || *draws < 1 || !(*share > 0 && *share < 1) {
		flag.Usage()
		os.Exit(2)
	}
	for _, folder := range flag.Args() {
		var err error
		if *searching {
			err = simulateSearch(context.Background(), os.Stdout, folder, *draws, *share)
		} else {
			err = simulate(os.Stdout, folder, *draws, *share)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "rules: %s: %v\n", folder, err)
			os.Exit(1)
		}
	}
}

// answers are which samples a mix classifies rightly, by condition.
type answers struct {
	params  []float64
	right   [][]bool  // by condition, clean first
	margins []float64 // of the clean samples
}

// run has the answers of all mixes of a run to its first test set.
type run struct {
	cells []unit.Cell // clean first
	mixes []answers
	n     int // test samples
}

func load(folder string) (*run, error) {
	spec, err := bench.ReadSpec(folder)
	if err != nil {
		return nil, err
	}
	stored, err := store.Open(folder, "rules")
	if err != nil {
		return nil, err
	}
	r := &run{cells: spec.Tests[0].Cells, n: spec.Tests[0].Cells[0].N}
	for v, variant := range spec.Variants {
		a := answers{}
		for _, p := range variant.Params {
			a.params = append(a.params, p.Value)
		}
		for c := range r.cells {
			key := spec.Scores(v, unit.View{Role: unit.OnTest, Cell: c})
			var p *result.Predictions
			err := stored.Load(unit.Scores, key, func(in io.ReaderAt, size int64) (err error) {
				p, err = result.ReadPredictions(in, size)
				return err
			})
			if err != nil {
				return nil, errors.Join(fmt.Errorf("%s, %s: %w", variant.ID, r.cells[c], err), stored.Close())
			}
			a.right = append(a.right, metric.Right(p.Class, p.Y))
			if c == 0 {
				a.margins = p.Margins()
			}
		}
		r.mixes = append(r.mixes, a)
	}
	return r, stored.Close()
}

// candidate returns what a rule sees of a mix: its answers to the validation samples, clean and at some severities.
func (r *run) candidate(a answers, samples, severities []int) choose.Candidate {
	val := choose.Answers{}
	for _, i := range samples {
		val.Right = append(val.Right, a.right[0][i])
	}
	if severities == nil {
		return choose.Candidate{Params: a.params, Vals: []choose.Answers{val}}
	}
	val.Corrupted = make([]int, len(samples))
	for c, cell := range r.cells {
		if cell.Corruption == "" || !slices.Contains(severities, cell.Severity) {
			continue
		}
		val.Conditions++
		for k, i := range samples {
			if a.right[c][i] {
				val.Corrupted[k]++
			}
		}
	}
	return choose.Candidate{Params: a.params, Vals: []choose.Answers{val}}
}

// figures returns the clean accuracy and the mean over all corrupted conditions on some samples, in percent.
func (r *run) figures(a answers, samples []int) (clean, moa float64) {
	for c := range r.cells {
		right := 0
		for _, i := range samples {
			if a.right[c][i] {
				right++
			}
		}
		if c == 0 {
			clean = 100 * float64(right) / float64(len(samples))
			continue
		}
		moa += 100 * float64(right) / float64(len(samples)) / float64(len(r.cells)-1)
	}
	return clean, moa
}

// means are sums over draws, and then means.
type means struct{ clean, moa, alpha float64 }

func (m *means) add(clean, moa, alpha, weight float64) {
	m.clean, m.moa, m.alpha = m.clean+clean*weight, m.moa+moa*weight, m.alpha+alpha*weight
}

// simulate writes a table of the rules' figures, and of each single alpha's.
func simulate(w io.Writer, folder string, draws int, share float64) error {
	r, err := load(folder)
	if err != nil {
		return err
	}
	size := int(share*float64(r.n) + 0.5)
	byRule, byMix := make([]means, len(rules)), make([]means, len(r.mixes))
	for d := range draws {
		order := rand.New(rand.NewPCG(0, uint64(d))).Perm(r.n)
		val, test := order[:size], order[size:]
		clean, moa := make([]float64, len(r.mixes)), make([]float64, len(r.mixes))
		for v, a := range r.mixes {
			clean[v], moa[v] = r.figures(a, test)
			byMix[v].add(clean[v], moa[v], a.params[0], 1/float64(draws))
		}
		for k, rule := range rules {
			var list []choose.Candidate
			for _, a := range r.mixes {
				list = append(list, r.candidate(a, val, rule.choice.Severities))
			}
			v := rule.choice.Best(list)
			byRule[k].add(clean[v], moa[v], r.mixes[v].params[0], 1/float64(draws))
		}
	}
	return write(w, filepath.Base(folder), size, r.n-size, byRule, byMix)
}

func write(w io.Writer, name string, val, test int, byRule, byMix []means) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d validation and %d test samples\n\n| rule | mean alpha | clean | mOA |\n|---|---|---|---|\n",
		name, val, test)
	for k, m := range byRule {
		fmt.Fprintf(&b, "| %s | %.2f | %.2f | %.2f |\n", rules[k].name, m.alpha, m.clean, m.moa)
	}
	for _, m := range byMix {
		fmt.Fprintf(&b, "| always %.2g | %.2f | %.2f | %.2f |\n", m.alpha, m.alpha, m.clean, m.moa)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}
