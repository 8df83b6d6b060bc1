package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/metric"
	"github.com/wiseft/wiseft/probe/store"
)

// UnknownModelError reports that a run has no model with an ID.
type UnknownModelError struct {
	ID   string
	Have []string
}

// Kind implements the kinds of package fault.
func (e *UnknownModelError) Kind() fault.Kind { return fault.Usage }

func (e *UnknownModelError) Error() string {
	return fmt.Sprintf("there is no model %q in the run; there are %s", e.ID, strings.Join(e.Have, ", "))
}

// Compare compares two models of a run by the predictions in its folder.
func Compare(folder *store.Folder, a, b string) (*result.Compared, error) {
	spec, err := ReadSpec(folder.Root())
	if err != nil {
		return nil, err
	}
	var at [2]int
	for i, id := range []string{a, b} {
		if at[i] = slices.IndexFunc(spec.Variants, func(v unit.Variant) bool { return v.ID == id }); at[i] < 0 {
			var ids []string
			for _, v := range spec.Variants {
				ids = append(ids, v.ID)
			}
			return nil, &UnknownModelError{id, ids}
		}
	}
	w := &builder{spec: spec, folder: folder, event: func(string) {}, result: &result.Result{}}
	w.findReference()
	res := &result.Compared{A: a, B: b}
	comparedOn := w.comparedOn
	if scoring := spec.Settings.Score; scoring != nil {
		comparedOn = scoreBuilder{w, *scoring}.comparedOn
	}
	for t := range spec.Tests {
		on, err := comparedOn(t, at[0], at[1])
		if err != nil {
			return nil, err
		}
		res.Tests = append(res.Tests, on)
	}
	return res, nil
}

func (b *builder) comparedOn(t, va, vb int) (*result.ComparedOn, error) {
	ra, err := b.answersOf(va, unit.OnTest, t)
	if err != nil {
		return nil, err
	}
	rb, err := b.answersOf(vb, unit.OnTest, t)
	if err != nil {
		return nil, err
	}
	on := &result.ComparedOn{Test: b.spec.Tests[t].Name, N: len(ra.right[0]),
		Clean:       compareAccuracy(ra.right[0], rb.right[0]),
		Corruptions: map[string]*result.Difference{}}
	on.Clean.PHolm = on.Clean.P
	var list []*result.Difference
	for _, name := range b.spec.Settings.Corruptions {
		d := compareMeans(b.means(t, name, ra), b.means(t, name, rb))
		on.Corruptions[name] = d
		list = append(list, d)
	}
	holm(list)
	sa, sb := b.suite(t, ra), b.suite(t, rb)
	if sa == nil || sb == nil {
		return on, nil
	}
	on.MOA = compareMeans(sa.MOA, sb.MOA)
	on.MOA.PHolm = on.MOA.P
	if b.ref != nil {
		on.MCE = compareMeans(sa.MCE, sb.MCE)
		on.MCE.PHolm = on.MCE.P
	}
	return on, nil
}

// means returns, for each cloud, the share of correct answers over the severities of a corruption.
func (b *builder) means(t int, corruption string, r *answers) []float64 {
	sum, cells := make([]float64, len(r.right[0])), 0
	for c, cell := range b.spec.Tests[t].Cells {
		if cell.Corruption != corruption {
			continue
		}
		cells++
		for i, ok := range r.right[c] {
			if ok {
				sum[i]++
			}
		}
	}
	for i := range sum {
		sum[i] /= float64(cells)
	}
	return sum
}

// holm adjusts the p-values of differences for their number by Holm's method.
func holm(list []*result.Difference) {
	var p []float64
	for _, d := range list {
		p = append(p, float64(d.P))
	}
	for i, v := range metric.Holm(p) {
		list[i].PHolm = result.Number(v)
	}
}
