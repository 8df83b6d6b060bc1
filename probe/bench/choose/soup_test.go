package choose

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/scripts/sharedtest"
)

// fractions returns a score function for averages: the table's value for the models that an average contains.
func fractions(t *testing.T, table map[int]float64) func([]int) (float64, error) {
	return func(models []int) (float64, error) {
		key := 0
		for _, m := range models {
			key |= 1 << m
		}
		v, ok := table[key]
		if !ok {
			t.Errorf("models %v are scored, and should not be", models)
		}
		return v, nil
	}
}

func takenOf(steps []SoupStep) (order, taken []int) {
	for _, s := range steps {
		order = append(order, s.Index)
		if s.Taken {
			taken = append(taken, s.Index)
		}
	}
	return order, taken
}

// Models are tried in the order of their scores, equal ones in the order given; with a tie the model is taken unless
// the rule is strict; a model that is not taken is in no later average.
func TestGreedySoup(t *testing.T) {
	t.Parallel()
	alone := map[int]float64{1 << 0: .7, 1 << 1: .9, 1 << 2: .7, 1 << 3: .8}
	for _, c := range []struct {
		name   string
		strict bool
		with   map[int]float64
		taken  []int
	}{
		{"tie taken", false, map[int]float64{0b1010: .9, 0b1011: .91, 0b1111: .90}, []int{1, 3, 0}},
		{"tie left out", true, map[int]float64{0b1010: .9, 0b0011: .91, 0b0111: .92}, []int{1, 0, 2}},
		{"nothing better", false, map[int]float64{0b1010: .8, 0b0011: .8, 0b0110: .8}, []int{1}},
	} {
		table := map[int]float64{}
		for _, from := range []map[int]float64{alone, c.with} {
			for k, v := range from {
				table[k] = v
			}
		}
		var told []SoupStep
		steps, err := GreedySoup(make([]SoupStep, 4), SoupOptions{Strict: c.strict,
			Report: func(s SoupStep) { told = append(told, s) }}, fractions(t, table))
		order, taken := takenOf(steps)
		if err != nil || !slices.Equal(order, []int{1, 3, 0, 2}) || !slices.Equal(taken, c.taken) {
			t.Errorf("%s: order %v, taken %v, want [1 3 0 2] and %v (%v)", c.name, order, taken, c.taken, err)
		}
		if !reflect.DeepEqual(told, steps) {
			t.Errorf("%s: told %v of %v", c.name, told, steps)
		}
	}
}

func TestGreedySoupStopsAtAnError(t *testing.T) {
	t.Parallel()
	lost := errors.New("device lost")
	for at := range 5 {
		calls := 0
		_, err := GreedySoup(make([]SoupStep, 3), SoupOptions{}, func([]int) (float64, error) {
			if calls++; calls == at+1 {
				return 0, lost
			}
			return 1, nil
		})
		if !errors.Is(err, lost) || calls != at+1 {
			t.Errorf("call %d fails: got error %v after %d calls", at+1, err, calls)
		}
	}
}

// greedyCase is a case of the reference.
type greedyCase struct {
	InOrder    []string `json:"candidates_in_order"`
	Individual []struct {
		Model string
		Acc   float64
	}
	Steps []struct {
		Model string
		Acc   float64
		Taken bool
	}
}

// openArrays reads all arrays of an NPZ file.
func openArrays(t *testing.T, elem ...string) map[string][]float32 {
	t.Helper()
	data, err := os.ReadFile(sharedtest.Path(t, elem...))
	if err != nil {
		t.Fatal(err)
	}
	z, err := npy.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	arrays := map[string][]float32{}
	for _, name := range z.Names() {
		if arrays[name], _, err = z.Float32s(name); err != nil {
			t.Fatal(err)
		}
	}
	return arrays
}

// The published code, which takes a model only if the score rises, chooses the same models of the same weights by the
// same score, and its average is their mean.
func TestGreedySoupOracle(t *testing.T) {
	t.Parallel()
	inputs := openArrays(t, "oracles", "merge", "common", "inputs.npz")
	for _, name := range []string{"greedy_four", "greedy_with_duplicates"} {
		text, err := os.ReadFile(sharedtest.Path(t, "oracles", "merge", "soups", name, "config.json"))
		if err != nil {
			t.Fatal(err)
		}
		var c greedyCase
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		target := openArrays(t, "oracles", "merge", "soups", name, "extra.npz")
		mean := func(models []int, tensor string) []float64 {
			out := make([]float64, len(target[tensor]))
			for _, m := range models {
				for i, v := range inputs[c.InOrder[m]+"|"+tensor] {
					out[i] += float64(v) / float64(len(models))
				}
			}
			return out
		}
		// The score of the reference's test: 1 - distance to the target / 10, rounded to four places.
		score := func(models []int) (float64, error) {
			sum := 0.0
			for tensor, want := range target {
				for i, v := range mean(models, tensor) {
					sum += (v - float64(want[i])) * (v - float64(want[i]))
				}
			}
			return math.Round((1-math.Sqrt(sum)/10)*1e4) / 1e4, nil
		}
		steps, err := GreedySoup(make([]SoupStep, len(c.InOrder)), SoupOptions{Strict: true}, score)
		if err != nil || len(steps) != len(c.Steps) || len(target) == 0 {
			t.Fatalf("%s: %d steps, want %d (%v)", name, len(steps), len(c.Steps), err)
		}
		for i, s := range steps {
			want := c.Steps[i]
			if c.InOrder[s.Index] != want.Model || s.Alone != c.Individual[i].Acc || s.Soup != want.Acc ||
				s.Taken != want.Taken {
				t.Errorf("%s: step %d: got %s %+v, want %+v, alone %g", name, i, c.InOrder[s.Index], s, want, c.Individual[i].Acc)
			}
		}
		_, taken := takenOf(steps)
		for tensor, want := range openArrays(t, "oracles", "merge", "soups", name, "output.npz") {
			for i, v := range mean(taken, tensor) {
				// The reference averages in float32, one model after the other.
				if d := math.Abs(v - float64(want[i])); !(d <= 1e-6+1e-6*math.Abs(v)) {
					t.Fatalf("%s: %s[%d]: got %g, want %g", name, tensor, i, v, want[i])
				}
			}
		}
	}
}
