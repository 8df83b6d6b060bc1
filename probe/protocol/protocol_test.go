package protocol_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/wiseft/wiseft/probe/feature"
	"github.com/wiseft/wiseft/probe/fit"
	"github.com/wiseft/wiseft/probe/protocol"
)

// rows returns features of as many classes as given, a class a height.
func rows(classes, n int, shift float32) *feature.Set {
	f := &feature.Set{Dim: 2}
	for i := range n {
		c := i % classes
		f.X = append(f.X, float32(c)+0.3*float32(i%7)+shift, float32(i%5))
		f.Y = append(f.Y, int64(c))
	}
	return f
}

// Every registered task gives an outcome that its file returns, and depends on nothing but features and seed.
func TestTasks(t *testing.T) {
	t.Parallel()
	s := protocol.Sets{Train: rows(11, 11*45, 0), Test: rows(11, 121, 0.1), Seed: 3}
	tasks := 0
	for _, p := range protocol.All() {
		for _, task := range p.Tasks {
			tasks++
			var files [2]bytes.Buffer
			for i := range files {
				o, err := task.Measure(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				if (len(o.Y) == 0) == p.NeedsTest || o.Skipped != "" {
					t.Errorf("%s %s: %+v", p.Name, task.Name, o)
				}
				if err := o.Write(&files[i]); err != nil {
					t.Fatal(err)
				}
				back, err := protocol.ReadOutcome(bytes.NewReader(files[i].Bytes()), int64(files[i].Len()))
				if err != nil {
					t.Fatal(err)
				}
				if len(o.Y) == 0 {
					o.Y, o.Class = back.Y, back.Class // empty and nil are the same in a file
				}
				if !reflect.DeepEqual(o, back) {
					t.Errorf("%s %s: %+v is read as %+v", p.Name, task.Name, o, back)
				}
			}
			if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
				t.Errorf("%s %s: two files", p.Name, task.Name)
			}
		}
	}
	if tasks < 9 {
		t.Errorf("%d tasks", tasks)
	}
}

// What cannot be drawn is skipped with the numbers, and what no task can have written is refused.
func TestOutcomesOfNothing(t *testing.T) {
	t.Parallel()
	task, err := protocol.LookupTask(protocol.FewShot, "10way_20shot")
	if err != nil {
		t.Fatal(err)
	}
	o, err := task.Measure(t.Context(), protocol.Sets{Train: rows(10, 399, 0)})
	if err != nil || o.Skipped != "10 classes with 40 samples or more are needed, and there are 9" {
		t.Errorf("%+v (%v)", o, err)
	}
	for name, bad := range map[string]protocol.Outcome{
		"nothing": {}, "two kinds": {Folds: []float64{1}, Skipped: "why"}, "accuracy": {Folds: []float64{1.5}},
		"class": {Y: []int64{0}, Class: []int64{2}, Classes: 2}, "lengths": {Y: []int64{0}, Classes: 2},
	} {
		var file bytes.Buffer
		if err := bad.Write(&file); err != nil {
			t.Fatal(err)
		}
		if _, err := protocol.ReadOutcome(bytes.NewReader(file.Bytes()), int64(file.Len())); err == nil {
			t.Errorf("%s: %+v is read", name, bad)
		}
	}
	if _, err := protocol.FoldAccuracy(t.Context(), rows(1, 9, 0), rows(2, 9, 0), fit.Options{}); err == nil {
		t.Error("a fold of one class")
	}
}
