package method_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// clip limits the change of every element.
var clip = method.Method{
	Name:      "clip",
	Doc:       "move every element towards the fine-tuned model by at most limit",
	Formula:   "theta = base + max(-limit, min(limit, tau))",
	Source:    "an example",
	MinModels: 2, MaxModels: 2,
	Base:   true,
	Class:  method.Blocks,
	Params: []method.Param{{Name: "limit", Doc: "largest change of an element", Default: 0.01, Min: 0, Max: 1}},
	New: func(_ *method.Tensor, p method.Params) (method.Mixer, error) {
		limit := p.Number("limit")
		return method.Mixer{Mix: func(dst []float64, src [][]float64, _ int64) {
			for i, base := range src[0] {
				dst[i] = base + max(-limit, min(limit, src[1][i]-base))
			}
		}}, nil
	},
}

// A program's own method merges like a built-in one. A program usually calls Register in an init function.
func ExampleRegister() {
	method.Register(clip)

	pretrained, finetuned := openModel("pretrained.onnx"), openModel("finetuned.onnx")
	opt := onnxmerge.Options{Method: "clip", Params: method.Params{"limit": 0.001}}
	plan, err := onnxmerge.NewPlan(context.Background(), []*onnx.Model{pretrained, finetuned}, opt)
	if err != nil {
		log.Fatal(err)
	}
	var merged bytes.Buffer
	if _, err := onnxmerge.Run(context.Background(), &merged, plan, nil); err != nil {
		log.Fatal(err)
	}
	counts := map[onnxmerge.Action]int{}
	for _, d := range plan.Decisions {
		counts[d.Action]++
	}
	fmt.Println(counts[onnxmerge.Merge], "merged,", counts[onnxmerge.Copy], "copied")
	// Output: 4 merged, 3 copied
}

func openModel(name string) *onnx.Model {
	data, err := os.ReadFile("../onnx/testdata/" + name)
	if err != nil {
		log.Fatal(err)
	}
	m, err := onnx.Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		log.Fatal(err)
	}
	return m
}
