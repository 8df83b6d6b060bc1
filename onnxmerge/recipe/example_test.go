package recipe_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/wiseft/wiseft/onnxmerge/recipe"
)

// A fine-tune carried to a new release of its base: release + (tuned - base). Running statistics are measured on data of
// the fine-tune's target.
func ExampleRead() {
	r, err := recipe.Read(strings.NewReader(`
method: task_arithmetic
models:
  - base.onnx
  - tuned.onnx
  - release.onnx # its graph is written
repair:
  data: target.npz
  mode: reset
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Models)
	if err := r.Write(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// [base.onnx tuned.onnx release.onnx]
	// method: task_arithmetic
	// models:
	//   - base.onnx
	//   - tuned.onnx
	//   - release.onnx
	// params:
	//   lambda: 1
	//   normalize: false
	//   weight: 1
	// repair:
	//   data: target.npz
	//   mode: reset
}
