package report

import (
	"testing"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// Test data often have no names of their classes where the training data have them.
func TestClassNames(t *testing.T) {
	t.Parallel()
	named := func(names ...string) *result.Data { return &result.Data{Info: datasets.Info{Classes: names}} }
	for want, r := range map[string]result.Settings{
		"desk":    {Train: named("bed", "desk"), Tests: []*result.Data{named()}},
		"table":   {Train: named("bed", "desk"), Tests: []*result.Data{named("chair", "table"), named("c", "d")}},
		"sofa":    {Tests: []*result.Data{named("chair", "sofa")}},
		"class 1": {Train: named(), Tests: []*result.Data{named()}},
	} {
		r := &result.Result{Settings: r}
		if got := className(r, 1); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := className(r, -1); got != "class -1" {
			t.Errorf("a label of no class is %q", got)
		}
	}
	if got := className(&result.Result{}, 2); got != "class 2" {
		t.Errorf("without data: %q", got)
	}
}
