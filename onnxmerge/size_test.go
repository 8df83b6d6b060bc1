package onnxmerge_test

import (
	"fmt"
	"slices"
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

// A small model may have an operator of many operands: a Concat of 17 to 60 values was a panic.
func TestOperatorsOfManyOperandsAreMerged(t *testing.T) {
	t.Parallel()
	for n := 1; n <= 100; n++ {
		var list []*onnx.Model
		for seed := range uint64(2) {
			b := &onnxtest.Builder{}
			b.Input("x", 1, 1)
			b.Node("r", "Relu", "x")
			b.Call([]string{"c"}, "", "Concat", slices.Repeat([]string{"r"}, n), onnxtest.Attr{Name: "axis", Value: int64(1)})
			b.Tensor("w", onnxtest.Random(seed, n*8), n, 8)
			b.Node("y", "MatMul", "c", "w")
			b.Output("y")
			list = append(list, b.Open(t))
		}
		plan, err := onnxmerge.NewPlan(t.Context(), list, onnxmerge.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if merged, _ := plan.Count(onnxmerge.Merge); merged != 1 {
			t.Errorf("%d operands: %d tensors are merged, want 1", n, merged)
		}
	}
}
