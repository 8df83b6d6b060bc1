package feature

import (
	"fmt"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/probe/internal/npz"
)

// Meta says what produced features. Everything that can change them is in it.
type Meta struct {
	Schema string `json:"schema"`
	Wiseft string `json:"wiseft,omitempty"` // version of this program

	Model       string `json:"model,omitempty"`        // as the user named it
	ModelSHA256 string `json:"model_sha256,omitempty"` // of the ONNX bytes that ran
	Tensor      string `json:"tensor,omitempty"`       // the output that was extracted
	Runtime     string `json:"runtime,omitempty"`      // as Engine.Runtime says

	// Data describes the samples; its history lists preprocessing and corruption.
	Data     datasets.Info `json:"data"`
	DataHash string        `json:"data_hash,omitempty"` // as Dataset.Hash says

	Layout string `json:"layout,omitempty"` // of the points; "" where samples are no clouds
	Batch  int    `json:"batch"`
}

// Features are the rows that a model computed for samples, with their labels.
type Set struct {
	X    []float32 // n x Dim, row-major
	Dim  int
	Y    []int64 // labels; datasets.NoLabel where unknown
	Meta Meta
}

// Len returns the number of samples.
func (f *Set) Len() int { return len(f.Y) }

// Row returns the features of sample i, which stay f's.
func (f *Set) Row(i int) []float32 { return f.X[i*f.Dim : (i+1)*f.Dim] }

// Subset returns a copy of the rows idx, in that order. why is added to the data's
// history.
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

// name is what errors call the features.
func (f *Set) name() string { return Name(f) }

func Name(t Table) string {
	if name := t.Info().Data.Name; name != "" {
		return "features of " + name
	}
	return "features"
}

// checkTable refuses features that no solver can use. Those in a file are checked for
// NaN and infinity whenever they are read.
func Check(t Table) error {
	if f, ok := t.(*Set); ok {
		return f.check()
	}
	if t.Len() == 0 || t.Width() <= 0 {
		return fault.Inputf("%s: no samples", Name(t))
	}
	return nil
}

// check refuses features that no solver can use.
func (f *Set) check() error {
	if f.Len() == 0 || f.Dim <= 0 {
		return fault.Inputf("%s: no samples", f.name())
	}
	if len(f.X) != f.Len()*f.Dim {
		return fmt.Errorf("%s: %d values for %d samples of dimension %d", f.name(), len(f.X), f.Len(), f.Dim)
	}
	if i := npz.FirstNonFinite(f.X); i >= 0 {
		return fault.Inputf("%s: feature %d of sample %d is %v", f.name(), i%f.Dim, i/f.Dim, f.X[i])
	}
	return nil
}
