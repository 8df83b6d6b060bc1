package probe

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// mixing is an extractor of one feature of each sample, its first value times ten, which a field makes depend on the
// batch.
type mixing struct {
	shape    []int64
	mean     bool // adds the mean over the batch
	random   bool // adds the number of the call: two runs of a random generator, which never agree by chance
	calls    int
	written  int64 // the only length that its operators accept, beside what the input declares
	timeAxis int64 // the first axis of the output, whatever the batch is
}

func (m *mixing) Inputs() []Input { return []Input{{Name: "x", Shape: m.shape}} }
func (m *mixing) Output() Output  { return Output{} }
func (m *mixing) Close() error    { return nil }

func (m *mixing) Extract(_ context.Context, dst []float32, b Batch) ([]float32, error) {
	switch {
	case m.timeAxis > 0 && m.timeAxis != b.Shape[0]:
		return nil, ErrBatchAxis
	case m.written > 0 && m.written != b.Shape[0]:
		return nil, errors.New("cannot reshape")
	}
	m.calls++
	size := len(b.X) / int(b.Shape[0])
	mean := float32(0)
	for i := 0; i < len(b.X); i += size {
		mean += b.X[i] / float32(b.Shape[0])
	}
	for i := 0; i < len(b.X); i += size {
		v := 10 * b.X[i]
		if m.mean {
			v += mean
		}
		if m.random {
			v += float32(m.calls)
		}
		dst = append(dst, v+1)
	}
	return dst, nil
}

// Features that depend on the batch are refused; others are accepted, whatever batch lengths the model takes.
func TestCheckBatch(t *testing.T) {
	t.Parallel()
	free := []int64{-1, -1, 3}
	for _, c := range []struct {
		name  string
		model mixing
		batch int
		wrong string // of the error; "" = accepted
	}{
		{"independent", mixing{shape: free}, 8, ""},
		{"fixed length", mixing{shape: []int64{4, -1, 3}}, 0, ""},
		{"fixed length 1", mixing{shape: []int64{1, -1, 3}}, 0, ""},
		{"length in the operators", mixing{shape: free, written: 8}, 8, ""},
		{"length 1 in the operators", mixing{shape: free, written: 1}, 1, ""},
		{"other length in the operators", mixing{shape: free, written: 4}, 8, "cannot reshape"},
		{"mean", mixing{shape: free, mean: true}, 8, "depend on the batch"},
		{"mean, fixed length", mixing{shape: []int64{4, -1, 3}, mean: true}, 0, "depend on the batch"},
		{"mean, length in the operators", mixing{shape: free, mean: true, written: 8}, 8, "depend on the batch"},
		{"random", mixing{shape: free, random: true}, 8, "depend on the batch"},
		{"random, fixed length 1", mixing{shape: []int64{1, -1, 3}, random: true}, 0, "depend on the batch"},
		{"time first", mixing{shape: free, timeAxis: 8}, 8, "not the batch"},
	} {
		for _, n := range []int{1, 2, 9} {
			err := CheckBatch(t.Context(), &c.model, clouds(n, 4), LayoutAuto, c.batch)
			if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s, %d samples: %v, want %q", c.name, n, err, c.wrong)
			}
		}
	}
}
