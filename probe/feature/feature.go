// Package feature holds the features that a model computed for samples: in memory ([Set]), in their file ([File]), and
// the ways in which protocols of the field divide and pool them ([Folds], [Episodes], [Convention]).
//
// Features are float32, row-major, with one label per row and a [Meta] that records everything that can change them. A
// file is an NPZ archive that NumPy reads. Solvers take a [Table], which both are, so that a fit needs no more memory
// than a few blocks of rows: 1,000,000 x 512 features left on disk take 135 MB.
//
// Which tensor of a model has the features is decided by package onnxmerge/onnx/surgery: see its Features.
package feature

import (
	"fmt"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

// Meta describes what produced features: everything that can change them.
type Meta struct {
	Schema string `json:"schema"`
	Wiseft string `json:"wiseft,omitempty"` // version of this program

	Model       string `json:"model,omitempty"`        // as the user wrote it
	ModelSHA256 string `json:"model_sha256,omitempty"` // of the ONNX bytes that ran
	Tensor      string `json:"tensor,omitempty"`       // the output that was extracted
	Runtime     string `json:"runtime,omitempty"`      // as probe.Engine.Runtime returns it

	// Data describes the samples; its history lists preprocessing and corruption.
	Data     datasets.Info `json:"data"`
	DataHash string        `json:"data_hash,omitempty"` // as Dataset.Hash returns it

	Layout string `json:"layout,omitempty"` // probe.Layout of clouds; "" = the samples are no clouds
	Batch  int    `json:"batch"`
	// BatchAxis is the tensor's axis with a row for every sample, if it is not the first one; -1 if there is none, as a pass
	// had one sample.
	BatchAxis int   `json:"batch_axis,omitempty"`
	Pool      *Pool `json:"pool,omitempty"` // nil = the tensor was not pooled
}

// Pool is how a tensor with several positions a sample became one row of features.
type Pool struct {
	Mode        string `json:"mode"`                   // of probe.Pooling
	FeatureAxis int    `json:"feature_axis,omitempty"` // that remains, counted from the batch axis, 0; 0 = several remain
	Axes        int    `json:"axes"`                   // of the tensor, with the batch axis
	// Mask is the input that says which positions were taken, as probe.Pooling has it; "" = all were.
	Mask string `json:"mask,omitempty"`
}

// String describes the pooling: "mean, axis 2 of 3".
func (p *Pool) String() string {
	switch {
	case p == nil:
		return "no mode"
	case p.FeatureAxis == 0:
		return p.Mode
	}
	mask := ""
	if p.Mask != "" {
		mask = ", mask " + p.Mask
	}
	return fmt.Sprintf("%s, axis %d of %d%s", p.Mode, p.FeatureAxis, p.Axes, mask)
}

// Set is the features that a model computed for samples, with their labels, in memory.
type Set struct {
	X   []float32 // n x Dim, row-major
	Dim int
	// Axes are those of a row where it has several, such as [positions features]; their product is Dim. nil = [Dim].
	// Solvers take features without them.
	Axes []int
	Y    []int64 // labels; datasets.NoLabel where unknown
	Meta Meta
}

// Len returns the number of samples.
func (f *Set) Len() int { return len(f.Y) }

// Row returns the features of sample i. They are a part of f.X.
func (f *Set) Row(i int) []float32 { return f.X[i*f.Dim : (i+1)*f.Dim] }

// Subset returns a copy of the rows idx, in that order. why is appended to the data's history.
func (f *Set) Subset(idx []int, why string) *Set {
	sub := &Set{
		X: make([]float32, 0, len(idx)*f.Dim), Dim: f.Dim, Y: make([]int64, 0, len(idx)), Meta: f.Meta,
	}
	sub.Meta.Data.History = append(f.Meta.Data.History[:len(f.Meta.Data.History):len(f.Meta.Data.History)], why)
	sub.Meta.DataHash = ""
	for _, i := range idx {
		sub.X = append(sub.X, f.Row(i)...)
		sub.Y = append(sub.Y, f.Y[i])
	}
	return sub
}

// name is how errors name the features.
func (f *Set) name() string { return Name(f) }

// Name returns how errors name the features of t.
func Name(t Table) string {
	if name := t.Info().Data.Name; name != "" {
		return "features of " + name
	}
	return "features"
}

// Check returns an error if no solver can use the features: if there are none, or NaN or infinity is among those of a
// [Set]. Those of a [File] are checked for NaN and infinity whenever they are read.
func Check(t Table) error {
	if f, ok := t.(*Set); ok {
		return f.check()
	}
	if t.Len() == 0 || t.Width() <= 0 {
		return fault.Inputf("%s: no samples", Name(t))
	}
	return nil
}

// check returns an error if no solver can use the features.
func (f *Set) check() error {
	if f.Len() == 0 || f.Dim <= 0 {
		return fault.Inputf("%s: no samples", f.name())
	}
	if f.Axes != nil {
		return fault.Inputf("%s: a sample has the axes %v, and a probe takes one row of features", f.name(), f.Axes)
	}
	if len(f.X) != f.Len()*f.Dim {
		return fmt.Errorf("%s: %d values for %d samples of dimension %d", f.name(), len(f.X), f.Len(), f.Dim)
	}
	if i := npz.FirstNonFinite(f.X); i >= 0 {
		return fault.Inputf("%s: feature %d of sample %d is %v", f.name(), i%f.Dim, i/f.Dim, f.X[i])
	}
	return nil
}
