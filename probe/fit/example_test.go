package fit_test

import (
	"context"
	"fmt"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
)

// A linear probe of two classes with two features each.
func ExampleFit() {
	train := &feature.Set{
		Dim: 2,
		X:   []float32{0, 1, 1, 2, 2, 0, 3, 1},
		Y:   []int64{0, 0, 1, 1},
	}
	probe, report, err := fit.Fit(context.Background(), train, fit.Options{C: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	scores, class := make([]float64, 2), make([]int64, 1)
	probe.Scores(scores, []float32{0, 2}, 1)
	probe.Predict(class, scores)
	fmt.Println(report.Converged, report.TrainAccuracy, class)
	// Output: true 1 [0]
}

// The C of a probe, chosen by three-fold cross-validation.
func ExamplePath() {
	train := &feature.Set{Dim: 1}
	for i := range 12 {
		train.X, train.Y = append(train.X, float32(i)), append(train.Y, int64(i/6))
	}
	chosen, err := fit.Path(context.Background(), train, fit.Options{},
		fit.PathOptions{Cs: []float64{0.1, 1, 10}, Folds: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range chosen.Points {
		fmt.Printf("C %g: %.2f\n", p.C, p.Accuracy)
	}
	// Output:
	// C 0.1: 1.00
	// C 1: 1.00
	// C 10: 1.00
}
