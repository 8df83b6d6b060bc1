package fit

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
)

// rings are two classes that no linear probe tells apart.
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
		t.Errorf("after one epoch: warm %v, cold %v (%d layers)", warmReport.TrainAccuracy, coldReport.TrainAccuracy, len(cold.Layers))
	}
}

// A central difference of the loss agrees with every gradient of the network, BatchNorm
// in training mode included.
func TestNetworkGradient(t *testing.T) {
	t.Parallel()
	f := blobs(12, 3, 3)
	p, _, err := newProblem(t.Context(), f, Options{C: 2, Hidden: []int{5, 4}, MaxIter: 1, Tol: 1})
	if err != nil {
		t.Fatal(err)
	}
	n := newNetwork(p, rand.New(rand.NewPCG(1, 1)))
	at := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
	loss := func() float64 {
		h, err := n.rows(at)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range n.layers {
			h = l.forward(h, len(at), n.r, 0)
		}
		last, sum := n.layers[2], 0.0
		for i, row := range at {
			sum += softmaxLoss{[]float64{1, 1, 1}}.residual(slices.Clone(h[i*last.rows:i*last.rows+3]), p.y[row])
		}
		return sum / float64(len(at))
	}
	grads := func() {
		loss()
		last := n.layers[2]
		grad := make([]float64, 12*last.rows)
		for i, row := range at {
			out := grad[i*last.rows : i*last.rows+3]
			copy(out, last.z[i*last.rows:])
			softmaxLoss{[]float64{1, 1, 1}}.residual(out, p.y[row])
			for c := range out {
				out[c] /= float64(len(at))
			}
		}
		for i, l := range slices.Backward(n.layers) {
			grad = l.backward(grad, len(at), i > 0)
		}
	}
	grads()
	for li, l := range n.layers {
		for name, a := range map[string]*adam{"weight": &l.w, "gamma": &l.gamma, "beta": &l.beta} {
			if l.last && name == "gamma" {
				continue
			}
			for i := range a.value {
				if name == "weight" && (i%l.width >= l.in || i/l.width >= l.out) || name != "weight" && i >= l.out {
					continue
				}
				const h = 1e-5
				v := a.value[i]
				a.value[i] = v + h
				up := loss()
				a.value[i] = v - h
				down := loss()
				a.value[i] = v
				if want := (up - down) / (2 * h); !(math.Abs(a.grad[i]-want) <= 1e-6) {
					t.Errorf("layer %d: %s %d: got %v, want %v", li, name, i, a.grad[i], want)
				}
			}
		}
	}
}
