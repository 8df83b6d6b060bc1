package wiseft

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/arrays"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/probe"
)

// Data is a data set: a file or folder and how its samples are prepared, or a data set of the caller's.
type Data struct {
	Path   string // file or folder; the format is recognised from its contents
	Split  string // "train", "test", ...; "" is what the caller of the data implies, else all
	Format string // "" recognises it

	Points int // of each cloud; 0 is all
	// Pad says what becomes of samples that are too small: "none" (the default) refuses clouds of fewer points and passes
	// other samples of different lengths apart; "repeat" draws points of clouds again; VALUE or VALUE:MASK, as
	// [datasets.ParsePadding] reads it, fills a batch of sequences up and marks what it added in the input MASK, by default
	// [probe.AttentionMask] if the model has it.
	Pad           string
	Sample        string // which points: "first" (the default), "random", "fps", "fps-random"
	Normalize     string // "none" (the default), "unit-sphere", "unit-box"; "imagenet" for images
	Resize        int    // images: pixels on the shorter side; 0 leaves the size
	Crop          int    // images: pixels of the middle square; 0 is all
	Interpolation string // images: how they are scaled, "bilinear" (the default) or "bicubic"
	EXIF          bool   // images: turn them as their EXIF orientation says; PyTorch's loaders do not
	Axes          string // "xyz" (the default): which input axis each axis takes; "xzy" swaps y and z
	Labels        string // name of a label map, or a JSON file with one; "" leaves labels
	Seed          uint64 // of random points, and of those that fill clouds up
	// Inputs names the arrays of a file that holds several, by the model's input that takes each; "" is the only input,
	// and the array "" leaves out an optional one. The default is found by names and shapes.
	Inputs map[string]string
	// Constants are what inputs get with every sample, by the input's name, as [datasets.ParseConstant] reads them: a
	// number, "zeros", a list in brackets, the path of an NPY file, or text.
	Constants map[string]string
	// Target is the array of the labels, or the file with them; a name inside the data wins. "" finds it.
	Target string
	// DropNaN leaves out the points of clouds that are NaN, which are an error otherwise. Every sample is read once
	// more.
	DropNaN bool

	inputs []arrays.Input // of the model that the samples are for, without those that are constant; nil if it is not known
	idle   []string       // those of Constants that the measured tensor does not depend on

	// Set is a data set of the caller's, taken as it is. Path is then its name, and the other fields must be
	// zero. The caller closes it.
	Set datasets.Dataset
}

// OpenData opens a data set, prepared as d says. Close it, unless it is the caller's own d.Set, which is returned
// as it is.
func OpenData(ctx context.Context, d Data) (datasets.Dataset, error) {
	return openData(ctx, d, Monitor{})
}

// openData is OpenData; the notes of the data set are passed to the monitor.
func openData(ctx context.Context, d Data, monitor Monitor) (datasets.Dataset, error) {
	if d.Set != nil {
		return d.Set, nil
	}
	if d.Path == "" {
		return nil, fault.Usagef("no data is named").WithHint("name it with --data")
	}
	p := datasets.Preprocess{Points: d.Points, Sample: d.Sample, Seed: d.Seed, Normalize: d.Normalize, Axes: d.Axes}
	if err := p.Validate(); err != nil {
		return nil, fault.Usagef("%w", err)
	}
	if d.Resize < 0 || d.Crop < 0 {
		return nil, fault.Usagef("--resize is %d and --crop %d, want 0 or more", d.Resize, d.Crop)
	}
	if err := d.checkInterpolation(); err != nil {
		return nil, err
	}
	if err := d.checkPad(); err != nil {
		return nil, err
	}
	if d.Format != "" {
		if _, err := datasets.Lookup(d.Format); err != nil {
			return nil, fault.Usagef("there is no data format %s", d.Format).WithHint("see wiseft list formats")
		}
	}
	samples, err := d.samples()
	if err != nil {
		return nil, err
	}
	constants, err := d.constants()
	if err != nil {
		return nil, err
	}
	if err := output.Recover(datasets.FileOf(filepath.Clean(d.Path))); err != nil {
		return nil, err
	}
	opened, err := datasets.Open(ctx, d.Path, datasets.OpenOptions{
		Split: d.Split, Format: d.Format, Points: d.Points, Seed: d.Seed, Resize: d.Resize, Crop: d.Crop,
		Interpolation: d.Interpolation, EXIF: d.EXIF, Samples: samples, Target: d.Target, Inputs: d.inputs, Note: monitor.note})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Inputf("%s: no such file or folder", d.Path)
	}
	if err != nil {
		return nil, err
	}
	prepared := opened
	if d.DropNaN {
		prepared, err = datasets.DropNaN(ctx, opened)
	}
	if err == nil {
		prepared, err = mapLabels(prepared, d.Labels)
	}
	if err == nil && d.Pad == "repeat" {
		prepared, err = d.padded(ctx, prepared, monitor)
	}
	if err == nil {
		prepared, err = datasets.Apply(prepared, p)
	}
	if err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	prepared = datasets.WithConstants(prepared, constants)
	if p, ok := d.padding(); ok {
		prepared = datasets.WithPadding(prepared, p)
	}
	return preparedData{prepared, opened}, nil
}

// preparedData is a data set whose samples are made from those of another, which it closes.
type preparedData struct {
	datasets.Dataset
	opened datasets.Dataset
}

func (d preparedData) Close() error { return errors.Join(d.Dataset.Close(), d.opened.Close()) }

// checkInterpolation refuses ways to scale images that there are not, or that nothing is scaled by.
func (d Data) checkInterpolation() error {
	known := datasets.Interpolations()
	switch {
	case d.Interpolation == "" || d.Interpolation == datasets.DefaultInterpolation:
		return nil
	case !slices.Contains(known, d.Interpolation):
		return fault.Usagef("--interpolation is %s, want %s", d.Interpolation, strings.Join(known, " or "))
	case d.Resize == 0:
		return fault.Usagef("--interpolation %s says how --resize scales, which is not given", d.Interpolation)
	}
	return nil
}

// checkPad refuses what --pad cannot do.
func (d Data) checkPad() error {
	switch d.Pad {
	case "", "none":
		return nil
	case "repeat":
		if d.Points > 0 {
			return nil
		}
		return fault.Usagef("--pad repeat fills clouds up to --points N, which is not given")
	}
	switch _, ok := datasets.ParsePadding(d.Pad); {
	case !ok:
		return fault.Usagef("--pad %s is neither none nor repeat, and no VALUE or VALUE:MASK", d.Pad)
	case d.Points > 0:
		return fault.Usagef("--pad %s fills sequences up, and --points is for clouds, which --pad repeat fills up", d.Pad)
	}
	return nil
}

// padded fills clouds up, and says how many.
func (d Data) padded(ctx context.Context, ds datasets.Dataset, monitor Monitor) (datasets.Dataset, error) {
	padded, err := datasets.PadClouds(ctx, ds, d.Points, d.Seed)
	if err == nil && padded != ds {
		history := padded.Info().History
		monitor.note(d.Path + ": " + history[len(history)-1])
	}
	return padded, err
}

// paths returns the files and folders that d names.
func (d Data) paths() (paths []string) {
	list := []string{d.Path, d.Labels, d.Target}
	for _, value := range d.Constants {
		if strings.HasSuffix(value, ".npy") {
			list = append(list, value)
		}
	}
	for _, path := range list {
		if path != "" && d.Set == nil {
			paths = append(paths, datasets.FilesOf(path)...)
		}
	}
	return paths
}

// close closes what [OpenData] opened for d.
func (d Data) close(opened datasets.Dataset) error {
	if d.Set != nil {
		return nil
	}
	return opened.Close()
}

func mapLabels(ds datasets.Dataset, name string) (datasets.Dataset, error) {
	if name == "" {
		return ds, nil
	}
	m, err := datasets.LookupLabelMap(name)
	if err != nil {
		return nil, err
	}
	return datasets.MapLabels(ds, m)
}

// ParseLayout returns the layout of clouds by name: "bnc" (batch, points, 3), "bcn", or "auto" and "", which take it
// from the model's input.
func ParseLayout(name string) (probe.Layout, error) {
	switch name {
	case "", "auto":
		return probe.LayoutAuto, nil
	case "bnc", "bcn":
		return probe.Layout(name), nil
	}
	return "", fault.Usagef("--layout %s is not one of auto, bnc, bcn", name)
}

// DataDescription is what a data set holds.
type DataDescription struct {
	datasets.Info
	N int `json:"n"`
	// Corrupted describes the whole folder, if it is one of corrupted data and no split is named.
	Corrupted *datasets.Corrupted `json:"corrupted,omitempty"`
	SHA256    string              `json:"sha256"`
	Labels    []LabelCount        `json:"labels"`
	Shapes    map[string]int      `json:"shapes"` // samples by shape
	Min       float32             `json:"min"`
	Max       float32             `json:"max"`
	// Repeated counts the samples that have the values of one before them; Warnings name the first.
	Repeated int      `json:"repeated"`
	Warnings []string `json:"warnings,omitempty"`

	relabelled bool // Warnings name samples with the same values and different labels
}

// LabelCount is how many samples have a label.
type LabelCount struct {
	Label int64  `json:"label"`
	Name  string `json:"name,omitempty"`
	N     int    `json:"n"`
}

// DescribeData reads every sample of a data set and describes it. A sample that is there twice is a warning; a
// folder of corrupted data whose labels differ from the clean ones, or that lacks a severity, is an error.
func DescribeData(ctx context.Context, d Data, monitor Monitor) (_ *DataDescription, err error) {
	data, err := openData(ctx, d, monitor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close(data)) }()
	r := &DataDescription{Info: data.Info(), N: data.Len(), Shapes: map[string]int{},
		Min: float32(math.Inf(1)), Max: float32(math.Inf(-1))}
	if d.Split == "" && d.Set == nil {
		if r.Corrupted, _, err = datasets.CheckCorrupted(ctx, d.Path); err != nil {
			return nil, err
		}
	}
	if r.SHA256, err = data.Hash(ctx); err != nil {
		return nil, err
	}
	return r, r.readSamples(ctx, data, monitor)
}

// repeat counts sample i, which has the values of sample other. The first one is named, and the first with another
// label.
func (r *DataDescription) repeat(data datasets.Dataset, other, i int) {
	r.Repeated++
	relabelled := data.Label(i) != data.Label(other)
	if r.Repeated > 1 && (!relabelled || r.relabelled) {
		return
	}
	r.relabelled = r.relabelled || relabelled
	r.Warnings = append(r.Warnings, fmt.Sprintf("samples %d (label %d) and %d (label %d) have the same values",
		other, data.Label(other), i, data.Label(i)))
}

// readSamples reads all samples into the description.
func (r *DataDescription) readSamples(ctx context.Context, data datasets.Dataset, monitor Monitor) error {
	labels := map[int64]int{}
	seen := map[[sha256.Size]byte]int{} // samples by the hash of their values
	var s datasets.Sample
	var b []byte
	for i := range data.Len() {
		if err := data.Read(ctx, &s, i); err != nil {
			return err
		}
		labels[s.Label]++
		r.Shapes[fmt.Sprint(s.Shape)]++
		b = s.AppendBytes(b[:0])
		for _, v := range s.X {
			r.Min, r.Max = min(r.Min, v), max(r.Max, v)
		}
		sum := sha256.Sum256(b)
		if other, ok := seen[sum]; ok {
			r.repeat(data, other, i)
		} else {
			seen[sum] = i
		}
		monitor.progress(Progress{"reading", "samples", i + 1, data.Len()})
	}
	if r.N == 0 {
		r.Min, r.Max = 0, 0
	}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		item := LabelCount{Label: label, N: labels[label]}
		if label >= 0 && label < int64(len(r.Classes)) {
			item.Name = r.Classes[label]
		}
		r.Labels = append(r.Labels, item)
	}
	return nil
}
