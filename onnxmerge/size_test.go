package onnxmerge_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// A plan of a chain of sums grows with its length, not with its square: this one took minutes. The guard is generous.
func TestLongChainIsPlanned(t *testing.T) {
	t.Parallel()
	const sums, guard = 20_000, 60 * time.Second
	var list []*onnx.Model
	for seed := range 2 {
		b := &onnxtest.Builder{}
		last := "x"
		for i := range sums {
			v := float64(i*(seed+1)%17) / 16
			bias, out := fmt.Sprintf("b%d", i), fmt.Sprintf("v%d", i)
			if i == sums-1 {
				out = "y"
			}
			b.Tensor(bias, []float64{v, 1 - v, v * v, 0.5}, 4)
			b.Node(out, "Add", last, bias)
			last = out
		}
		list = append(list, b.Open(t))
	}
	start := time.Now()
	plan, err := onnxmerge.NewPlan(t.Context(), list, onnxmerge.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := plan.Count(onnxmerge.Merge); n != sums {
		t.Errorf("%d of %d tensors are merged", n, sums)
	}
	if took := time.Since(start); took > guard {
		t.Errorf("%d sums are planned in %s", sums, took)
	}
}
