package onnxmerge

import (
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/onnx/onnxtest"
)

// Samples that were loaded before give the cosines that samples taken one by one give, whatever memory there is.
func TestLoadedSamplesAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	var a, b onnxtest.Builder
	for i, name := range []string{"small", "other", "large"} {
		n := []int{64, 6, sampleLen + 1}[i]
		start := onnxtest.Random(uint64(i), n)
		a.Tensor(name, start, n)
		b.Tensor(name, onnxtest.Near(start, uint64(10+i)), n)
	}
	a.Node("y", "Add", "x", "small")
	b.Node("y", "Add", "x", "small")
	modelA, modelB := a.Open(t), b.Open(t)
	for _, memory := range []int64{0, 4 * 256, 1 << 20} {
		one, loaded := newSampler(memory), newSampler(memory)
		loaded.load(t.Context(), modelA, modelB)
		if loaded.size > int(memory)/2 {
			t.Errorf("%d bytes are loaded with a memory of %d", loaded.size, memory)
		}
		if want := int(memory) / 2; memory == 4*256 && loaded.size != want {
			t.Errorf("%d bytes are loaded, want %d", loaded.size, want)
		}
		for _, tensor := range modelA.Tensors {
			want, ok, err := one.likeness(tensor, modelB.Lookup(tensor.Name), nil)
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			if got, _, err := loaded.likeness(tensor, modelB.Lookup(tensor.Name), nil); err != nil || got != want {
				t.Errorf("memory %d, %s: cosine %g (%v), want %g", memory, tensor.Name, got, err, want)
			}
		}
	}
}
