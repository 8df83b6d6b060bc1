package wiseft

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/repair"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

// Of clouds with many points some are measured, in all models the same ones. Whether the network computes these alone or
// all, for which memory is too small to hold activations, statistics are the same but for rounding, and all points
// have the goal's moments within a few percent.
func TestRepairMeasuresSomePositions(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	const samples, parts = 64, 21
	points := parts * repair.Positions
	net := repairNet{batch: -1, epsilon: 1e-5}
	a := net.write(t, dir, "a.onnx")
	net.seed = 1
	b := net.write(t, dir, "b.onnx")
	data := repairClouds(t, samples, points)
	out := func(name string, opt MergeOptions) string {
		path := filepath.Join(dir, name)
		opt.Repair = &RepairOptions{Data: Data{Path: "points", Set: data}, Samples: samples, Layout: "bcn"}
		merge(t, path, []string{a, b}, opt)
		return path
	}
	some, all := out("some.onnx", MergeOptions{}), out("all.onnx", MergeOptions{MemoryBytes: 5 << 19})
	for norm := range repairNorms {
		for _, statistic := range []string{".running_mean", ".running_var"} {
			x, y := tensorOf(t, some, norm+statistic), tensorOf(t, all, norm+statistic)
			for c := range x {
				if math.Abs(x[c]-y[c]) > 1e-5*math.Max(1, math.Abs(y[c])) {
					t.Errorf("%s%s of channel %d is %g, and %g in a network that computes all positions", norm, statistic, c,
						x[c], y[c])
				}
			}
		}
	}
	checkGoal(t, net.epsilon, .5, [3]string{a, b, some}, data, .04)
}

// The convolutions of a point network compute each point by itself; what is behind the maximum over points does not.
func TestPositionwise(t *testing.T) {
	orttest.Load(t)
	dir := t.TempDir()
	a := repairNet{batch: -1, epsilon: 1e-5}.write(t, dir, "a.onnx")
	b := repairNet{batch: -1, epsilon: 1e-5, seed: 1}.write(t, dir, "b.onnx")
	list, err := openModels([]string{a, b})
	if err != nil {
		t.Fatal(err)
	}
	defer list.Close()
	plan, err := planModels(t.Context(), list, nil, MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCalibration(t.Context(), plan, list[1], RepairOptions{Layout: "bcn",
		Data: Data{Path: "points", Set: repairData(t, 8)}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, true, false} {
		if got := c.stages[i].Positionwise([]string{"conv1"}, 3); got != want {
			t.Errorf("stage %d: %t, want %t", i, got, want)
		}
	}
	for i := range c.stages {
		if c.stages[i].Positionwise([]string{"relu1"}, 3) != (i == 1 || i == 2) {
			t.Errorf("stage %d from a value behind conv1", i)
		}
	}
}
