package fit

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
)

// rings returns two classes that no linear probe separates.
func rings(n int) *feature.Set {
	r := rand.New(rand.NewPCG(5, 6))
	f := &feature.Set{Dim: 2}
	for i := range n {
		angle, radius := 2*math.Pi*r.Float64(), 1+float64(i%2)*2+0.2*r.NormFloat64()
		f.X = append(f.X, float32(radius*math.Cos(angle)), float32(radius*math.Sin(angle)))
		f.Y = append(f.Y, int64(i%2))
	}
	return f
}

func TestMLPLearnsWhatNoLinearProbeCan(t *testing.T) {
	t.Parallel()
	f := rings(400)
	_, linear := mustFit(t, f, Options{})
	for _, hidden := range [][]int{{16}, {16, 8}} {
		_, report := mustFit(t, f, Options{Solver: "mlp", Hidden: hidden, Epochs: 300, C: 100})
		if linear.TrainAccuracy > 0.7 || report.TrainAccuracy < 0.97 {
			t.Errorf("hidden %v: train accuracy %v, a linear probe's %v", hidden, report.TrainAccuracy, linear.TrainAccuracy)
		}
	}
}

func TestMLPIsSeeded(t *testing.T) {
	t.Parallel()
	f := rings(100)
	opt := Options{Solver: "mlp", Hidden: []int{8}, Epochs: 3, Seed: 1, Dropout: 0.2}
	a, _ := mustFit(t, f, opt)
	opt.Workers = 3
	b, _ := mustFit(t, f, opt)
	opt.Seed = 2
	c, _ := mustFit(t, f, opt)
	if !slices.Equal(a.Layers[0].W, b.Layers[0].W) {
		t.Error("the same seed gives other weights")
	}
	if slices.Equal(a.Layers[0].W, c.Layers[0].W) {
		t.Error("another seed gives the same weights")
	}
}

// The batches are large enough for several workers.
func TestMLPDoesNotDependOnWorkers(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(130, 256, 3)
	want, _ := mustFit(t, f, Options{Solver: "mlp", Epochs: 2, Workers: 1})
	got, _ := mustFit(t, f, Options{Solver: "mlp", Epochs: 2, Workers: 3})
	if !slices.Equal(got.Layers[0].W, want.Layers[0].W) || !slices.Equal(got.Layers[1].W, want.Layers[1].W) {
		t.Error("3 workers give other weights than 1")
	}
}

func TestMLPWarmStart(t *testing.T) {
	t.Parallel()
	f := rings(400)
	opt := Options{Solver: "mlp", Hidden: []int{16}, Epochs: 300, C: 100, Standardize: true}
	init, _ := mustFit(t, f, opt)
	opt.Epochs = 1
	cold, coldReport := mustFit(t, f, opt)
	opt.Init = init
	_, warmReport := mustFit(t, f, opt)
	if warmReport.TrainAccuracy < 0.95 || coldReport.TrainAccuracy > 0.9 {
		t.Errorf("after one epoch: warm %v, cold %v (%d layers)", warmReport.TrainAccuracy,
			coldReport.TrainAccuracy, len(cold.Layers))
	}
}
