package wiseft

import (
	"context"
	"errors"
	"math"

	"github.com/wiseft/wiseft/onnxmerge"
)

// DiffResult says which weight of model A is which of model B, and how far apart they are.
type DiffResult struct {
	A        string            `json:"a"`
	B        string            `json:"b"`
	Pairs    []DiffPair        `json:"pairs"`
	OnlyA    []string          `json:"only_a"`
	OnlyB    []string          `json:"only_b"`
	Cosine   *float64          `json:"cosine"` // of all pairs as one vector
	RelL2    *float64          `json:"rel_l2"`
	Verdict  onnxmerge.Verdict `json:"verdict"`
	Features string            `json:"features,omitempty"` // the tensor that the head of B consumes
	Head     []string          `json:"head,omitempty"`     // weights of B behind it
	Reasons  []string          `json:"reasons"`
}

// DiffPair is a weight of A and its counterpart in B.
type DiffPair struct {
	A          string   `json:"a"`
	B          string   `json:"b"`
	How        string   `json:"how"`
	Among      int      `json:"among,omitempty"` // candidates, where structure alone leaves more than one
	Transposed bool     `json:"transposed"`
	Folded     bool     `json:"folded,omitempty"` // a BatchNormalization is folded into A
	Cosine     *float64 `json:"cosine"`           // null where it is not defined
	RelL2      *float64 `json:"rel_l2"`           // |B-A| / |A|
}

// Diff compares two models, weight by weight. Of opt it uses what selects weights: FoldNorms and BackboneOutput.
// Models that cannot be merged can be compared: the verdict is then "refused", with the reasons.
func Diff(ctx context.Context, a, b string, opt MergeOptions) (_ *DiffResult, err error) {
	plan, err := PlanMerge(ctx, []string{a, b}, MergeOptions{FoldNorms: opt.FoldNorms, BackboneOutput: opt.BackboneOutput, Monitor: opt.Monitor})
	if plan == nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	d, err := plan.Diff(ctx, opt.Monitor.mebibytes("comparing"))
	if err != nil {
		return nil, err
	}
	r := &DiffResult{A: a, B: b, Pairs: []DiffPair{}, OnlyA: append([]string{}, d.OnlyA...), OnlyB: append([]string{}, d.OnlyB...),
		Cosine: finite(d.Cosine), RelL2: finite(d.RelL2), Verdict: d.Verdict, Reasons: append([]string{}, d.Reasons...)}
	r.Reasons = append(r.Reasons, plan.Warnings...)
	r.Features, r.Head = plan.Backbone.Output, plan.Backbone.Head
	for _, p := range d.Pairs {
		pair := DiffPair{A: p.A, B: p.B, How: p.How, Transposed: p.Transposed, Folded: p.Folded, Cosine: finite(p.Cosine), RelL2: finite(p.RelL2)}
		if p.Among > 1 {
			pair.Among = p.Among
		}
		r.Pairs = append(r.Pairs, pair)
	}
	return r, nil
}

// finite returns nil for what JSON cannot hold.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
