package mlp

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
	"github.com/wiseft/wiseft/probe/fit/internal/softmax"
)

// Every gradient of the network, with BatchNorm in training mode, agrees with central differences of the loss.
func TestNetworkGradient(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(12, 3, 3)
	p := fittest.Problem(f, 2)
	n := newNetwork(p, Options{Hidden: []int{5, 4}}, rand.New(rand.NewPCG(1, 1)))
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
			sum += softmax.Loss{Weight: []float64{1, 1, 1}}.Residual(slices.Clone(h[i*last.rows:i*last.rows+3]), p.Y[row])
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
			softmax.Loss{Weight: []float64{1, 1, 1}}.Residual(out, p.Y[row])
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
