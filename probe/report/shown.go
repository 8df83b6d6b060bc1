package report

import (
	"fmt"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/result"
)

const (
	// maxRows is the largest number of models in a table.
	maxRows = 40
	// maxPareto is how many of them may be shown because they are in the Pareto set.
	maxPareto = 20
)

// shown returns the models that tables show, in the order of the result: all, or of many the chosen one, the ends,
// the Pareto set and every k-th. note explains which; "" = all.
func shown(r *result.Result) (models []*result.Model, note string) {
	n := len(r.Models)
	if n <= maxRows {
		return r.Models, ""
	}
	pareto, thinned := every(paretoSet(r), maxPareto)
	step := (n + maxRows - maxPareto - 1) / (maxRows - maxPareto)
	for i, m := range r.Models {
		if i%step == 0 || isEnd(r, i) || isChosen(r, m) || slices.Contains(pareto, m.ID) {
			models = append(models, m)
		}
	}
	of := "the Pareto set"
	if thinned > 1 {
		of = fmt.Sprintf("every %s of the Pareto set", ordinal(thinned))
	}
	chosen := ""
	if r.Chosen != nil {
		chosen = "the chosen one, "
	}
	return models, fmt.Sprintf("%d of %d models are shown: %sthe ends, %s and every %s; the CSV and JSON files have all",
		len(models), n, chosen, of, ordinal(step))
}

// every returns every k-th of a list so that at most n remain, and k.
func every(list []string, n int) ([]string, int) {
	k := (len(list) + n - 1) / n
	if k <= 1 {
		return list, 1
	}
	var out []string
	for i := 0; i < len(list); i += k {
		out = append(out, list[i])
	}
	return out, k
}

func ordinal(n int) string {
	suffix := "th"
	if n/10%10 != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", n, suffix)
}

func isChosen(r *result.Result, m *result.Model) bool {
	return r.Chosen != nil && r.Chosen.ID == m.ID
}

// hasSiblings reports whether some models have the parameters of one on the path and other statistics.
func hasSiblings(r *result.Result) bool {
	return slices.ContainsFunc(r.Models, func(m *result.Model) bool { return m.Repaired || m.Statistics != "" })
}

// hasRepaired reports whether some models have repaired statistics.
func hasRepaired(r *result.Result) bool {
	return slices.ContainsFunc(r.Models, func(m *result.Model) bool { return m.Repaired })
}

// paretoSet returns the Pareto set of several models. One model is not in a set of its own.
func paretoSet(r *result.Result) []string {
	if len(r.Models) < 2 {
		return nil
	}
	return r.Pareto
}

func isPareto(r *result.Result, m *result.Model) bool { return slices.Contains(paretoSet(r), m.ID) }

// isEnd reports whether model i is an end of the path: alpha 0 or 1, or else the first or
// last.
func isEnd(r *result.Result, i int) bool {
	if a := r.Models[i].Alpha; a != nil {
		return *a == 0 || *a == 1
	}
	return i == 0 || i == len(r.Models)-1
}

// ends returns the models with which the chosen one is compared: those with the least and the largest value of a
// single parameter; nil without one.
func ends(r *result.Result) []*result.Model {
	var low, high *result.Model
	for _, m := range r.Models {
		if len(m.Params) != 1 || m.Repaired || m.Statistics != "" {
			continue
		}
		if low == nil || m.Params[0].Value < low.Params[0].Value {
			low = m
		}
		if high == nil || m.Params[0].Value > high.Params[0].Value {
			high = m
		}
	}
	if low == high || len(paramNames(r)) != 1 {
		return nil
	}
	return []*result.Model{low, high}
}

// chosenModel returns the model that was chosen; nil if none was.
func chosenModel(r *result.Result) *result.Model {
	for _, m := range r.Models {
		if isChosen(r, m) {
			return m
		}
	}
	return nil
}

// role returns the role of a model in a sweep: "chosen", "pretrained", "finetuned" or "".
func role(r *result.Result, m *result.Model) string {
	switch {
	case isChosen(r, m):
		return "chosen"
	case m.IsAlpha(0):
		return "pretrained"
	case m.IsAlpha(1):
		return "finetuned"
	default:
		return ""
	}
}
