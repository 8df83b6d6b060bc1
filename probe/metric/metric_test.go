package metric

import (
	"math"
	"reflect"
	"testing"
)

// near is for figures of few additions of values up to 1, whose rounding is below 1e-15.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-14 }

func TestAccuracy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                string
		pred, y             []int64
		want, wantMeanClass float64
	}{
		{"all right", []int64{0, 1, 2}, []int64{0, 1, 2}, 1, 1},
		{"none right", []int64{1, 0}, []int64{0, 1}, 0, 0},
		{"large class dominates", []int64{0, 0, 0, 0}, []int64{0, 0, 0, 1}, 0.75, 0.5},
		{"absent class does not count", []int64{0, 0, 2}, []int64{0, 0, 2}, 1, 1},
		{"one sample", []int64{1}, []int64{2}, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Accuracy(tt.pred, tt.y); got != tt.want {
				t.Errorf("accuracy: got %v, want %v", got, tt.want)
			}
			if got := MeanClassAccuracy(tt.pred, tt.y, 3); got != tt.wantMeanClass {
				t.Errorf("mean class accuracy: got %v, want %v", got, tt.wantMeanClass)
			}
		})
	}
	if got := Accuracy(nil, nil); !math.IsNaN(got) {
		t.Errorf("accuracy of nothing: got %v, want NaN", got)
	}
}

func TestConfusion(t *testing.T) {
	t.Parallel()
	got := Confusion([]int64{0, 1, 1, 2, 0}, []int64{0, 0, 1, 2, 2}, 3)
	want := [][]int{{1, 1, 0}, {0, 1, 0}, {1, 0, 1}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCalibration(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name            string
		prob            []float64
		y               []int64
		nll, ece, brier float64
	}{
		{"uniform", []float64{0.5, 0.5, 0.5, 0.5}, []int64{0, 1}, math.Ln2, 0, 0.5},
		{"sure and right", []float64{1, 0}, []int64{0}, 0, 0, 0},
		// Confidences 0.8 and 0.6 fall into bins of their own: (|1-0.8| + |0-0.6|) / 2.
		{"two bins", []float64{0.8, 0.2, 0.6, 0.4}, []int64{0, 1}, -(math.Log(0.8) + math.Log(0.4)) / 2, 0.4, 0.4},
		// Both fall into (0.7333, 0.8]: |2*0.78 - 1| / 2.
		{"one bin", []float64{0.78, 0.22, 0.22, 0.78}, []int64{0, 0}, -(math.Log(0.78) + math.Log(0.22)) / 2, 0.28,
			0.22*0.22 + 0.78*0.78},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			scores := make([]float64, len(tt.prob))
			for i, p := range tt.prob {
				scores[i] = math.Log(p)
			}
			if got := NLL(scores, tt.y, 2); !near(got, tt.nll) {
				t.Errorf("NLL: got %v, want %v", got, tt.nll)
			}
			if got := ECE(tt.prob, tt.y, 2); !near(got, tt.ece) {
				t.Errorf("ECE: got %v, want %v", got, tt.ece)
			}
			if got := Brier(tt.prob, tt.y, 2); !near(got, tt.brier) {
				t.Errorf("Brier: got %v, want %v", got, tt.brier)
			}
		})
	}
}

func TestSoftmaxIsStable(t *testing.T) {
	t.Parallel()
	scores := []float64{1e4, 1e4, -1e4, -1e4, 0, -0x1p100}
	want := []float64{0.5, 0.5, 0.5, 0.5, 1, 0}
	Softmax(scores, scores, 2)
	for i := range want {
		if !near(scores[i], want[i]) {
			t.Errorf("probability %d: got %v, want %v", i, scores[i], want[i])
		}
	}
	// Where exp would overflow, the loss is the difference of the scores.
	if got := NLL([]float64{1e5, 0}, []int64{1}, 2); got != 1e5 {
		t.Errorf("NLL of far scores: got %v, want 1e5", got)
	}
}
