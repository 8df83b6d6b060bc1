package mlp

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wiseft/wiseft/probe/fit/internal/fittest"
)

// Every gradient of the network, with BatchNorm in training mode, agrees with central differences of the loss.
func TestNetworkGradient(t *testing.T) {
	t.Parallel()
	f := fittest.Blobs(12, 3, 3)
	p := fittest.Problem(f, 2)
	n := newNetwork(p, Options{Hidden: []int{5, 4}}, rand.New(rand.NewPCG(1, 1)))
	at := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
	loss := func() float64 {
		if err := n.load(at); err != nil {
			t.Fatal(err)
		}
		return n.gradient(at) / float64(len(at))
	}
	loss()
	grads := map[*float32]float32{}
	for _, l := range n.layers {
		for _, a := range []*parameter{&l.w, &l.gamma, &l.beta} {
			for i, g := range a.grad {
				grads[&a.value[i]] = g
			}
		}
	}
	for li, l := range n.layers {
		for name, a := range map[string]*parameter{"weight": &l.w, "gamma": &l.gamma, "beta": &l.beta} {
			if l.last && name == "gamma" {
				continue
			}
			for i := range a.value {
				if name == "weight" && (i%l.width >= l.in || i/l.width >= l.out) || name != "weight" && i >= l.out {
					continue
				}
				// The rounding of the loss, 1e-7, over 2 h, and the third derivative times h^2 / 6.
				const h, bound = 2e-3, 5e-4
				v := a.value[i]
				a.value[i] = v + h
				up := loss()
				a.value[i] = v - h
				down := loss()
				a.value[i] = v
				if got, want := float64(grads[&a.value[i]]), (up-down)/(2*h); !(math.Abs(got-want) <= bound) {
					t.Errorf("layer %d: %s %d: got %v, want %v", li, name, i, got, want)
				}
			}
		}
	}
}
