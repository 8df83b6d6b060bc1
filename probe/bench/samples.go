package bench

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/picture"
	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/bench/unit"
	"github.com/wiseft/wiseft/probe/store"
)

const (
	// maxPictured is the largest number of points of a stored cloud: of more, every k-th is kept.
	maxPictured = 2048
	// pictureSize is the side of a stored image, in pixels.
	pictureSize = 96
	// samplesGeneration is raised when the same samples are stored otherwise.
	samplesGeneration = 1
)

// samplesKey returns the key of the unit with the samples of answers on the first test set.
func samplesKey(s *unit.Spec, answers []*result.SampleAnswer) store.Key {
	type part struct {
		SHA256 string
		Sample int
	}
	var parts []part
	for _, a := range answers {
		parts = append(parts, part{s.Tests[0].Cells[cellOf(s, a)].SHA256, a.Sample})
	}
	return store.NewKey([]any{unit.Samples, samplesGeneration, parts})
}

// cellOf returns the condition of an answer on the first test set.
func cellOf(s *unit.Spec, a *result.SampleAnswer) int {
	for i, cell := range s.Tests[0].Cells {
		if cell.Corruption == a.Corruption && cell.Severity == a.Severity {
			return i
		}
	}
	panic("bench: an answer under a condition that the plan does not have")
}

// LoadSamples sets r.Samples to the samples of r.Changes, if the folder has them.
func LoadSamples(folder *store.Folder, r *result.Result) error {
	if r.Changes == nil || !isKey(r.Changes.Samples) || !folder.Has(unit.Samples, store.Key(r.Changes.Samples)) {
		return nil
	}
	return folder.Load(unit.Samples, store.Key(r.Changes.Samples), func(in io.ReaderAt, size int64) (err error) {
		r.Samples, err = result.ReadSamples(in, size, len(r.Changes.Pictured()))
		return err
	})
}

// isKey reports whether text, which may be of a file, is the name of a unit.
func isKey(text string) bool {
	sum, err := hex.DecodeString(text)
	return err == nil && len(sum) == sha256.Size
}

// saveSamples stores the samples that the result describes one by one, unless the folder has them or they have no
// picture.
func (r *run) saveSamples(ctx context.Context, res *result.Result) error {
	if res.Changes == nil || res.Changes.Samples == "" {
		return nil
	}
	if r.folder.Has(unit.Samples, store.Key(res.Changes.Samples)) {
		err := LoadSamples(r.folder, res)
		if err == nil {
			return nil
		}
		r.event(err.Error() + ": the samples are stored again")
	}
	var samples []result.Sample
	for _, a := range res.Changes.Pictured() {
		s, ok, err := r.pictured(ctx, a)
		if err != nil || !ok {
			return err
		}
		samples = append(samples, s)
	}
	res.Samples = samples
	if err := SaveSamples(r.folder, res); err != nil {
		return err
	}
	return LoadSamples(r.folder, res) // rounded, so that a page made now has the bytes of one that is made later
}

// SaveSamples stores r.Samples, unless the folder has them. r.Changes describes them.
func SaveSamples(folder *store.Folder, r *result.Result) error {
	key := store.Key(r.Changes.Samples)
	if err := LoadSamples(folder, &result.Result{Changes: r.Changes}); err == nil && folder.Has(unit.Samples, key) {
		return nil
	}
	return folder.Save(unit.Samples, key, func(w io.Writer) error { return result.WriteSamples(w, r.Samples) })
}

// pictured returns the sample of an answer as it was scored; false if it is neither a cloud nor an image.
func (r *run) pictured(ctx context.Context, a *result.SampleAnswer) (p result.Sample, ok bool, err error) {
	var clean, s datasets.Sample
	sources := r.data.tests[0]
	if err := sources[0].data.Read(ctx, &clean, a.Sample); err != nil {
		return p, false, err
	}
	if err := sources[cellOf(r.spec, a)].data.Read(ctx, &s, a.Sample); err != nil {
		return p, false, err
	}
	if _, ok := s.Points(); ok {
		frame := picture.FrameOf(clean.X)
		return result.Sample{Points: frame.Normalize(every(s.X, maxPictured))}, true, nil
	}
	if len(s.Shape) != 3 || s.Shape[0] != 3 {
		return p, false, nil
	}
	var b bytes.Buffer
	m := picture.Thumbnail(picture.Displayed(s.X), s.Shape[1], s.Shape[2], pictureSize)
	err = picture.WritePNG(&b, m)
	return result.Sample{PNG: b.Bytes()}, true, err
}

// every returns every k-th point, so that at most n remain.
func every(points []float32, n int) []float32 {
	count := len(points) / 3
	k := (count + n - 1) / n
	if k <= 1 {
		return points
	}
	var list []float32
	for i := 0; i < count; i += k {
		list = append(list, points[3*i:3*i+3]...)
	}
	return list
}
