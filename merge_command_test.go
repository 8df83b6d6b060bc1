package wiseft

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/wiseft/wiseft/onnxmerge/recipe"
)

// Whatever prepares samples of a repair is in its record, in the recipe that is made from it, and in the command line that
// repeats it; labels do not prepare samples, and the split is always that for training.
func TestPreparationIsRepeated(t *testing.T) {
	without := map[string]bool{"Path": true, "Split": true, "Labels": true, "Target": true, "Set": true, "Seed": true}
	plain := MergeOptions{Repair: &RepairOptions{Data: Data{Path: "d.npz"}}}
	fields := reflect.TypeFor[Data]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if without[name] || !fields.Field(i).IsExported() { // what a model is called with is no preparation
			continue
		}
		d := Data{Path: "d.npz"}
		switch f := reflect.ValueOf(&d).Elem().Field(i); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Int:
			f.SetInt(7)
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]string{"points": "x"}))
		default:
			t.Fatalf("field %s is %s", name, f.Kind())
		}
		opt := MergeOptions{Repair: &RepairOptions{Data: d}}
		if models := []string{"a.onnx", "b.onnx"}; opt.Command(models, "o.onnx") == plain.Command(models, "o.onnx") {
			t.Errorf("%s is not in the command line", name)
		}
		record := d.recorded("", 0, 7)
		if got := preparedAs(record, "d.npz"); !reflect.DeepEqual(got, d.asSplit("train")) {
			t.Errorf("%s: recorded and read again: %+v", name, got)
		}
		written := recipe.Recipe{Repair: &recipe.Repair{Data: record}}
		written.Options.Method = "linear"
		written.Models = []string{"a.onnx", "b.onnx"}
		var text bytes.Buffer
		if err := written.Write(&text); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "recipe.yaml")
		if err := os.WriteFile(path, text.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		r, err := ReadRecipe(path)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &text)
		}
		if r.Merge.Repair.Data.Path = "d.npz"; !reflect.DeepEqual(r.Merge.Repair.Data, d.asSplit("train")) {
			t.Errorf("%s: in a recipe it is %+v", name, r.Merge.Repair.Data)
		}
	}
}
