package protocol

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/probe/fit"
)

// Outcome is what a task gives for the features of one model: answers to the test samples, the accuracies of folds, or
// why there is neither.
type Outcome struct {
	Y, Class []int64 // labels and predicted classes of the test samples; nil for folds
	Classes  int
	Folds    []float64 // accuracies
	N        int       // test samples of a fold
	Skipped  string    // why the data does not have the task; "" if it does
	Fit      *fit.Report
}

const outcomeSchema = "wiseft.transfer-outcome/1"

// outcomeMeta is the array meta of a stored outcome.
type outcomeMeta struct {
	Schema  string      `json:"schema"`
	Classes int         `json:"classes,omitempty"`
	Folds   []float64   `json:"folds,omitempty"`
	N       int         `json:"n,omitempty"`
	Skipped string      `json:"skipped,omitempty"`
	Fit     *fit.Report `json:"fit,omitempty"`
}

// Write writes the outcome as an NPZ file with the arrays y and class (n,) int64, and meta, one JSON text.
func (o *Outcome) Write(w io.Writer) error {
	text, err := json.Marshal(outcomeMeta{outcomeSchema, o.Classes, o.Folds, o.N, o.Skipped, o.Fit})
	if err != nil {
		return err
	}
	z := npy.NewWriter(w)
	if err := z.Int64s("y", o.Y); err != nil {
		return err
	}
	if err := z.Int64s("class", o.Class); err != nil {
		return err
	}
	if err := z.Strings("meta", []string{string(text)}); err != nil {
		return err
	}
	return z.Close()
}

// ReadOutcome reads what [Outcome.Write] wrote.
func ReadOutcome(r io.ReaderAt, size int64) (*Outcome, error) {
	z, err := npy.Open(r, size)
	if err != nil {
		return nil, err
	}
	o := &Outcome{}
	if o.Y, _, err = z.Int64s("y"); err != nil {
		return nil, err
	}
	if o.Class, _, err = z.Int64s("class"); err != nil {
		return nil, err
	}
	text, _, err := z.Strings("meta")
	if err != nil {
		return nil, err
	}
	var meta outcomeMeta
	if len(text) != 1 || json.Unmarshal([]byte(text[0]), &meta) != nil || meta.Schema != outcomeSchema {
		return nil, fmt.Errorf("array \"meta\" does not describe the outcome of a protocol")
	}
	o.Classes, o.Folds, o.N, o.Skipped, o.Fit = meta.Classes, meta.Folds, meta.N, meta.Skipped, meta.Fit
	return o, o.check()
}

// check returns an error if no task can have given the outcome.
func (o *Outcome) check() error {
	kinds := 0
	for _, is := range []bool{len(o.Y) > 0, len(o.Folds) > 0, o.Skipped != ""} {
		if is {
			kinds++
		}
	}
	if kinds != 1 || len(o.Y) != len(o.Class) {
		return fmt.Errorf("%d labels, %d answers and %d folds", len(o.Y), len(o.Class), len(o.Folds))
	}
	for i, y := range o.Y {
		if y < 0 || y >= int64(o.Classes) || o.Class[i] < 0 || o.Class[i] >= int64(o.Classes) {
			return fmt.Errorf("label %d and class %d of %d classes", y, o.Class[i], o.Classes)
		}
	}
	for _, a := range o.Folds {
		if !(a >= 0 && a <= 1) {
			return fmt.Errorf("accuracy %g of a fold", a)
		}
	}
	return nil
}
