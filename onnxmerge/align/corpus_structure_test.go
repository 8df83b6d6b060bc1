package align

import (
	"slices"
	"testing"
)

// byStructure is what ByStructure says of the weights of b.
func byStructure(t *testing.T, a, b corpusFile) map[string]pairing {
	t.Helper()
	al, err := ByStructure(a.model, b.model)
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string]pairing{}
	for _, p := range al.Pairs {
		if p.B.DType.IsFloat() {
			pairs[p.B.ID()] = pairing{p.A.ID(), p.Perm}
		}
	}
	return pairs
}

// No weight is ever paired with another one, between any two exports; and two exports of
// one kind pair whole, whatever became of their names.
func TestByStructureMakesNoMistake(t *testing.T) {
	t.Parallel()
	var all score
	sums := map[string]*score{}
	var order []string
	corpusPairs(t, func(t *testing.T, a, b corpusFile) {
		got := judge(a, b, byStructure(t, a, b))
		if got.wrong > 0 {
			t.Errorf("%d weights are paired with others", got.wrong)
		}
		row := relation(a, b)
		if sums[row] == nil {
			sums[row] = &score{}
			order = append(order, row)
		}
		sums[row].add(got)
		all.add(got)
	})
	slices.Sort(order)
	for _, row := range order {
		t.Logf("%-42s %v", row, sums[row])
	}
	t.Logf("%-42s %v", "all", all)
	for _, export := range []string{"fold", "keep", "hashed", "opset11", "opset17", "opset20", "dynamo", "dynamo_optimized", "slim", "slim_keep"} {
		if s := sums["the same export, "+export]; s == nil || s.missed*50 > s.right {
			t.Errorf("two exports of one kind, %s: %v", export, s)
		}
	}
	if all.right < 20000 {
		t.Errorf("%d weights are paired", all.right)
	}
}
