package corrupt_test

import (
	"context"
	"fmt"
	"log"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
)

// flatten is a corruption of a program's own: it scales z by a random factor that is smaller at higher severity.
var flatten = corrupt.Corruption{
	Name:   "example_flatten",
	Doc:    "scales z by a factor",
	Source: "this example",
	Levels: [corrupt.Severities]string{"0.8 to 1", "0.6 to 0.8", "0.4 to 0.6", "0.2 to 0.4", "0 to 0.2"},
	Cloud: func(rng corrupt.Rand, severity int, c *corrupt.Cloud) {
		factor := 1 - 0.2*(float64(severity)-rng.Float64())
		for i := range c.Points {
			c.Points[i][2] *= factor
		}
	},
}

func init() { corrupt.Register(flatten) }

// A program registers its own corruption once. It may be named wherever the corruptions of this package are.
func ExampleRegister() {
	ctx := context.Background()
	cloud := datasets.Sample{X: []float32{0, 0, 1, 1, 0, -1}, Shape: []int{2, 3}}
	clean, err := datasets.NewMemory(datasets.Info{Name: "two points", Format: "memory"}, []datasets.Sample{cloud})
	if err != nil {
		log.Fatal(err)
	}
	c, err := corrupt.Lookup("example_flatten")
	if err != nil {
		log.Fatal(err)
	}
	damaged, err := corrupt.Wrap(clean, c, 5, 0)
	if err != nil {
		log.Fatal(err)
	}
	var s datasets.Sample
	if err := damaged.Read(ctx, &s, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.X[2] > 0 && s.X[2] <= 0.2, s.X[3] == 1)
	// Output: true true
}
