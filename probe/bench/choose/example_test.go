package choose_test

import (
	"fmt"

	"github.com/wiseft/wiseft/probe/bench/choose"
)

// Of three models, the average of the first and the third is better than each.
func ExampleGreedySoup() {
	accuracy := map[string]float64{"[0]": .90, "[1]": .88, "[2]": .85, "[0 1]": .89, "[0 2]": .92}
	models := []choose.SoupStep{{Model: "a.onnx"}, {Model: "b.onnx"}, {Model: "c.onnx"}}
	steps, err := choose.GreedySoup(models, choose.SoupOptions{}, func(models []int) (float64, error) {
		return accuracy[fmt.Sprint(models)], nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range steps {
		fmt.Println(s.Model, s.Alone, s.Soup, s.Taken)
	}
	// Output:
	// a.onnx 0.9 0.9 true
	// b.onnx 0.88 0.89 false
	// c.onnx 0.85 0.92 true
}
