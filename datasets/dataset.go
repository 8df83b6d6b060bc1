// Package datasets reads labelled data sets and prepares their samples for a model.
//
// A [Dataset] is an indexable set of samples; a [Format] opens one from a file or folder. Formats register
// themselves, one file each, and [Open] recognises the format by the contents, never by the file's name alone.
// Corruptions, feature extraction and benchmarks see only the Dataset interface. A program registers formats of its
// own with [Register].
//
// Data is read by rows, so that memory does not grow with the data set. Uncompressed values are read from the file
// into the sample. Chunks of HDF5 files are decoded once if samples are read in order, and at most 64 MiB of them
// stay in memory; a compressed NPZ array of more than 64 MiB is decompressed to a temporary file. The checksum of a
// stored array is compared before its first row is returned.
//
// A sample is a float32 tensor, or several arrays of any type: those that feed the inputs of a model with several. What
// an input gets with every sample is a constant of the data set ([WithConstants]).
//
// Arrays and labels under any name and of any kind are the matter of package arrays. Pictures have the colours of
// Pillow's convert("RGB"), and are scaled and cut as by torchvision's Resize and CenterCrop: 204 cases of 74 files
// differ in no level, JPEG by at most 3.
//
// A format with one cloud, mesh or image in a file (PCD, PLY, OFF, OBJ, text, images) consists of a decoder; folders
// by class and split, labels and hashes are shared.
//
// HDF5 and NPZ are read and written by packages of this module. The libraries that exist cannot be made safe from
// outside; packages h5 and npy name what was found.
package datasets

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/wiseft/wiseft/datasets/typed"
)

// NoLabel is the label of a sample whose class is unknown.
const NoLabel int64 = -1

// Sample is one example: a dense float32 tensor, or several arrays of any type, and its label.
type Sample struct {
	X     []float32 // values in row-major order; len(X) is the product of Shape
	Shape []int     // without the batch axis: [n 3] for a cloud of n points
	Label int64     // class from 0, or NoLabel
	// Arrays are those that Info.Inputs names, in its order, without the batch axis; X and Shape are empty then. They
	// are nil for data whose samples are X.
	Arrays []typed.Array
}

// Points returns the number of points of a cloud, and whether the sample is one:
// its shape is [n 3].
func (s *Sample) Points() (n int, ok bool) {
	if len(s.Shape) != 2 || s.Shape[1] != 3 {
		return 0, false
	}
	return s.Shape[0], true
}

// Set copies x, shape and label into s, reusing the memory that s has.
func (s *Sample) Set(x []float32, shape []int, label int64) {
	s.X = append(s.X[:0], x...)
	s.Shape = append(s.Shape[:0], shape...)
	s.Label, s.Arrays = label, s.Arrays[:0]
}

// setFrom copies another sample into s, reusing the memory that s has.
func (s *Sample) setFrom(from *Sample) {
	s.Set(from.X, from.Shape, from.Label)
	for _, a := range from.Arrays {
		b := s.nextArray()
		b.Type, b.Shape = a.Type, append(b.Shape[:0], a.Shape...)
		b.Data, b.Text = append(b.Data[:0], a.Data...), append(b.Text[:0], a.Text...)
	}
}

// nextArray adds an array, whose memory is that of one that was there before.
func (s *Sample) nextArray() *typed.Array {
	n := len(s.Arrays)
	if n < cap(s.Arrays) {
		s.Arrays = s.Arrays[:n+1]
	} else {
		s.Arrays = append(s.Arrays, typed.Array{})
	}
	return &s.Arrays[n]
}

// Clone returns a deep copy of s.
func (s *Sample) Clone() Sample {
	c := Sample{X: slices.Clone(s.X), Shape: slices.Clone(s.Shape), Label: s.Label}
	for _, a := range s.Arrays {
		c.Arrays = append(c.Arrays, typed.Array{Type: a.Type, Shape: slices.Clone(a.Shape), Data: slices.Clone(a.Data),
			Text: slices.Clone(a.Text)})
	}
	return c
}

// AppendBytes appends all values of s, but not its label, as bytes that no sample with other values has.
func (s *Sample) AppendBytes(b []byte) []byte {
	for _, x := range s.X {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	for _, a := range s.Arrays {
		b = fmt.Appendf(b, "%s %v:", a.Type, a.Shape)
		b = append(b, a.Data...)
		for _, text := range a.Text {
			b = fmt.Appendf(b, "%q", text)
		}
	}
	return b
}

// SizeBytes is the memory of the values.
func (s *Sample) SizeBytes() int64 {
	size := 4 * int64(len(s.X))
	for _, a := range s.Arrays {
		size += int64(len(a.Data))
		for _, text := range a.Text {
			size += int64(len(text)) + 16 // of a string's header
		}
	}
	return size
}

// Info describes a data set. It is a value to be written into results as it is.
type Info struct {
	Name    string   `json:"name"`              // as the user named it: path and split
	Format  string   `json:"format"`            // the registered name of the format
	Split   string   `json:"split,omitempty"`   // "train", "test", or "" where the data has no splits
	Classes []string `json:"classes,omitempty"` // class names by label, nil where the data has none
	// History lists what was done to the samples since they were read, in order
	// (preprocessing, corruption, selection), each as one line with every
	// parameter.
	History []string `json:"history,omitempty"`
	// Notes say what was taken where the data left it open, such as which arrays are samples and labels, and what
	// should be known about them; one line each, with the path in front.
	Notes []string `json:"notes,omitempty"`
	// Inputs are the model's inputs that take the arrays of a sample, in the order of Sample.Arrays; nil for data whose
	// samples are Sample.X, which goes to the one input that is left.
	Inputs []InputArray `json:"inputs,omitempty"`
	// Constants are inputs that get the same with every sample.
	Constants []Constant `json:"constants,omitempty"`
	// Padding lets samples of different lengths share a batch; nil keeps them apart.
	Padding *Padding `json:"padding,omitempty"`
	// SelfMade is set where samples were generated here (procedural shapes,
	// corruptions) rather than read from published files.
	SelfMade bool `json:"self_made,omitempty"`
}

// InputArray is an array of the data, and the model's input that takes it.
type InputArray struct {
	Input string `json:"input"`
	Array string `json:"array"`
}

// Dataset is a labelled set of samples with random access. All methods may be
// called by several goroutines at once.
type Dataset interface {
	Info() Info
	// Len returns the number of samples.
	Len() int
	// Label returns the label of sample i without reading its values.
	Label(i int) int64
	// Read sets dst to sample i, reusing dst's memory where it is large enough.
	// dst's slices belong to the caller. Errors name the file and the index.
	Read(ctx context.Context, dst *Sample, i int) error
	// Hash returns the lower-case hexadecimal SHA-256 that stands for every value
	// and label that Read can return. Two data sets with one hash are equal.
	Hash(ctx context.Context) (string, error)
	// Close releases files. Closing twice is harmless.
	Close() error
}
