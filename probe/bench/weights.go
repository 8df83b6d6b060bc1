package bench

import (
	"context"
	"encoding/json"
	"io"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/store"
)

// Weights measures how far fine-tuning moved the weights of a plan's models. It is done once for a folder, when the plan
// runs, and is a unit of the folder.
type Weights struct {
	Key     string // of what is measured: equal keys have equal results
	Measure func(ctx context.Context) (*result.Weights, error)
}

// weightsGeneration is raised when the same models give other figures.
const weightsGeneration = 1

// key returns the key of the unit; "" for nil.
func (w *Weights) key() store.Key {
	if w == nil {
		return ""
	}
	return store.NewKey([]any{unit.Weights, weightsGeneration, w.Key})
}

// measureWeights makes the unit of the weights, unless the folder has it or the plan has none.
func (r *run) measureWeights(ctx context.Context) error {
	key := r.spec.WeightsKey
	if key == "" || r.plan.Weights == nil || r.folder.Has(unit.Weights, key) {
		return nil
	}
	r.reportProgress("comparing weights")
	w, err := r.plan.Weights.Measure(ctx)
	if err != nil {
		return err
	}
	return r.folder.Save(unit.Weights, key, func(out io.Writer) error { return text.WriteJSON(out, w) })
}

// addWeights sets the weights of the result: those of their unit, or of the plan of an earlier version.
func (b *builder) addWeights() error {
	key := b.spec.WeightsKey
	if b.result.Weights = b.spec.Weights; key == "" {
		return nil
	}
	ok, err := loadUnit(b.folder, b.event, unit.Weights, key, func(in io.ReaderAt, size int64) error {
		b.result.Weights = &result.Weights{}
		return json.NewDecoder(io.NewSectionReader(in, 0, size)).Decode(b.result.Weights)
	})
	if err == nil && !ok && b.result.Weights == nil {
		err = &missingError{"the comparison of the models' weights"}
	}
	return err
}
