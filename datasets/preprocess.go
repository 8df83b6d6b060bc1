package datasets

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Preprocess prepares the clouds of a data set for a model. Its zero value changes nothing; "" is the default of each
// text. It is stored in results.
type Preprocess struct {
	Points int    `json:"points"` // points to keep; 0 keeps all
	Sample string `json:"sample"` // which: "first" (default), "random" or "fps"
	Seed   uint64 `json:"seed"`   // for "random"
	// Normalize is "none" (default), "unit-sphere" or "unit-box" for clouds, or "imagenet"
	// for images: minus mean and divided by deviation of ImageNet's channels.
	Normalize string `json:"normalize"`
	// Axes names the input axis of each output axis, such as "xzy". A minus sign before a letter negates that axis
	// ("xz-y" turns z-up into y-up and keeps the handedness). Default "xyz".
	Axes string `json:"axes"`
}

var (
	samplers    = []string{"first", "random", "fps", "fps-random"}
	normalizers = []string{"none", "unit-sphere", "unit-box", "imagenet"}
)

// ImageNet's mean and standard deviation of red, green and blue, from 0 to 1.
var (
	imageNetMean      = [3]float32{0.485, 0.456, 0.406}
	imageNetDeviation = [3]float32{0.229, 0.224, 0.225}
)

// withDefaults replaces "" by the default of each field.
func (p Preprocess) withDefaults() Preprocess {
	if p.Sample == "" {
		p.Sample = samplers[0]
	}
	if p.Normalize == "" {
		p.Normalize = normalizers[0]
	}
	if p.Axes == "" {
		p.Axes = "xyz"
	}
	return p
}

// Validate reports the first field that is out of range.
func (p Preprocess) Validate() error {
	p = p.withDefaults()
	if p.Points < 0 {
		return fmt.Errorf("points is %d, want 0 (all) or more", p.Points)
	}
	if !slices.Contains(samplers, p.Sample) {
		return fmt.Errorf("sample is %q, want one of %s", p.Sample, strings.Join(samplers, ", "))
	}
	if !slices.Contains(normalizers, p.Normalize) {
		return fmt.Errorf("normalize is %q, want one of %s", p.Normalize, strings.Join(normalizers, ", "))
	}
	_, err := parseAxes(p.Axes)
	return err
}

// line describes p for Info.History. It is "" if p changes nothing.
func (p Preprocess) line() string {
	p = p.withDefaults()
	var parts []string
	if p.Axes != "xyz" {
		parts = append(parts, "axes "+p.Axes)
	}
	if p.Points > 0 {
		points := fmt.Sprintf("%s %d points", p.Sample, p.Points)
		if p.Sample == "random" || p.Sample == "fps-random" {
			points += fmt.Sprintf(" (seed %d)", p.Seed)
		}
		parts = append(parts, points)
	}
	if p.Normalize != "none" {
		parts = append(parts, "normalize "+p.Normalize)
	}
	if len(parts) == 0 {
		return ""
	}
	return "preprocess: " + strings.Join(parts, ", ")
}

// Apply returns ds with p applied to every sample: first the axes, then the choice of points, then the normalization,
// in float32 throughout. It returns ds itself if p changes nothing. Reading a sample that is no cloud, or has fewer
// points than p.Points, is an error. ds must stay open; closing the result does not close it.
func Apply(ds Dataset, p Preprocess) (Dataset, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	p = p.withDefaults()
	line := p.line()
	if line == "" {
		return ds, nil
	}
	axes, err := parseAxes(p.Axes)
	if err != nil {
		return nil, err
	}
	return &preprocessed{Dataset: ds, p: p, axes: axes, line: line}, nil
}

type preprocessed struct {
	Dataset
	p    Preprocess
	axes axes
	line string
}

func (d *preprocessed) Info() Info { return withHistory(d.Dataset.Info(), d.line) }

// withHistory returns info with a line added, sharing no memory with it.
func withHistory(info Info, line string) Info {
	info.History = append(slices.Clone(info.History), line)
	return info
}

func (d *preprocessed) Hash(ctx context.Context) (string, error) {
	return DerivedHash(ctx, d.Dataset, d.line)
}

func (d *preprocessed) Close() error { return nil }

func (d *preprocessed) Read(ctx context.Context, dst *Sample, i int) error {
	if err := d.Dataset.Read(ctx, dst, i); err != nil {
		return err
	}
	if d.p.Normalize == "imagenet" && d.p.Points == 0 && d.p.Axes == "xyz" {
		return normalizeImage(dst, d.Dataset.Info().Name, i)
	}
	n, ok := dst.Points()
	if !ok || d.p.Normalize == "imagenet" {
		return malformed(d.Dataset.Info().Name, "sample %d has shape %v: only clouds, [points 3], can be preprocessed",
			i, dst.Shape)
	}
	d.axes.apply(dst.X)
	if want := d.p.Points; want > 0 {
		if n < want {
			return malformed(d.Dataset.Info().Name, "sample %d has %d points, fewer than the %d requested; --pad repeat draws "+
				"points of it again", i, n, want)
		}
		switch d.p.Sample {
		case "random":
			choosePoints(dst.X, want, keyedRand("wiseft points 1", d.p.Seed, uint64(i)))
		case "fps":
			FarthestPoints(dst.X, want)
		case "fps-random":
			farthestPoints(dst.X, want, keyedRand("wiseft fps 1", d.p.Seed, uint64(i)).IntN(n))
		}
		dst.X, dst.Shape[0] = dst.X[:3*want], want
	}
	switch d.p.Normalize {
	case "unit-sphere":
		UnitSphere(dst.X)
	case "unit-box":
		UnitBox(dst.X)
	}
	return nil
}

// normalizeImage subtracts ImageNet's mean and divides by its deviation.
func normalizeImage(dst *Sample, name string, i int) error {
	if len(dst.Shape) != 3 || dst.Shape[0] != 3 {
		return malformed(name, "sample %d has shape %v: normalize imagenet needs images, [3 height width]", i, dst.Shape)
	}
	size := dst.Shape[1] * dst.Shape[2]
	for k := range dst.X {
		channel := k / size
		dst.X[k] = (dst.X[k] - imageNetMean[channel]) / imageNetDeviation[channel]
	}
	return nil
}

// axes has for each output axis the input axis and the sign.
type axes [3]struct {
	from int
	sign float32
}

func parseAxes(s string) (axes, error) {
	var a axes
	var used [3]bool
	rest := s
	for i := range a {
		a[i].sign = 1
		if after, ok := strings.CutPrefix(rest, "-"); ok {
			a[i].sign, rest = -1, after
		}
		from := -1
		if rest != "" {
			from = strings.IndexByte("xyz", rest[0])
		}
		if from < 0 || used[from] {
			return a, fmt.Errorf("axes is %q, want x, y and z in any order, each with or without a minus sign", s)
		}
		used[from] = true
		a[i].from, rest = from, rest[1:]
	}
	if rest != "" {
		return a, fmt.Errorf("axes is %q, want x, y and z in any order, each with or without a minus sign", s)
	}
	return a, nil
}

func (a *axes) apply(x []float32) {
	for ; len(x) >= 3; x = x[3:] {
		p := [3]float32(x)
		for i, axis := range a {
			x[i] = axis.sign * p[axis.from]
		}
	}
}
