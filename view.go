package wiseft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"path/filepath"
	"strings"

	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/corrupt"
	"github.com/wiseft/wiseft/datasets/picture"
	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/internal/output"
)

// ViewOptions are how samples are drawn.
type ViewOptions struct {
	// Output is a file: .png is a sheet, .gif a sheet of turning clouds, .html a page. "" draws clouds in braille characters.
	Output string
	Force  bool
	N      int // samples, taken at equal distances; 0 is 12
	Size   int // pixels of a side; 0 is 160
	// Corruption is the name of a corruption, drawn with Severity, 1 to 5; the draws are those of sweeps and benchmarks with
	// the same seed. "" is none.
	Corruption string
	Severity   int
	Columns    int // characters of a cloud without Output, from 8; 0 is 40
	Monitor    Monitor
}

// ViewResult are the samples that were drawn.
type ViewResult struct {
	Output  string        `json:"output"`
	Data    datasets.Info `json:"data"`
	Samples []Viewed      `json:"samples"`
}

// Viewed is a sample that was drawn.
type Viewed struct {
	Index int      `json:"index"`
	Label int64    `json:"label"`
	Class string   `json:"class,omitempty"`
	Shape []int    `json:"shape"`
	Lines []string `json:"lines,omitempty"` // in braille

	x     []float32
	frame picture.Frame
}

// Title is the line below a sample.
func (v *Viewed) Title() string {
	class := v.Class
	if class == "" && v.Label != datasets.NoLabel {
		class = fmt.Sprintf("class %d", v.Label)
	}
	return strings.TrimPrefix(fmt.Sprintf("%s, sample %d", class, v.Index), ", ")
}

// isCloud reports whether the sample is a cloud, and not an image.
func (v *Viewed) isCloud() bool { return len(v.Shape) == 2 }

// ViewData draws samples of a data set: clouds as they stand with the axis y up, seen from the front, the right and above,
// and images. With a corruption the frame stays that of the clean cloud.
func ViewData(ctx context.Context, d Data, opt ViewOptions) (_ *ViewResult, err error) {
	if err := opt.check(d); err != nil {
		return nil, err
	}
	clean, err := openData(ctx, d, opt.Monitor)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close(clean)) }()
	data := clean
	if opt.Corruption != "" {
		if data, err = corruptedBy(clean, opt.Corruption, opt.Severity, d.Seed); err != nil {
			return nil, err
		}
	}
	r := &ViewResult{Output: opt.Output, Data: data.Info()}
	n := min(opt.count(), data.Len())
	for i := range n {
		v, err := viewed(ctx, clean, data, i*data.Len()/n)
		if err != nil {
			return nil, err
		}
		r.Samples = append(r.Samples, v)
		opt.Monitor.progress(Progress{"reading", "samples", i + 1, n})
	}
	if opt.Output != "" {
		return r, opt.write(r)
	}
	for i := range r.Samples {
		v := &r.Samples[i]
		if !v.isCloud() {
			return nil, fault.Usagef("images are not drawn in characters").WithHint("write them with -o FILE.png or -o FILE.html")
		}
		v.Lines = picture.Braille(v.x, v.frame, picture.Default, opt.Columns)
	}
	return r, nil
}

// minColumns is the narrowest cloud of braille characters.
const minColumns = 8

// check completes the options.
func (o *ViewOptions) check(d Data) error {
	switch {
	case o.N < 0 || o.Size < 0:
		return fault.Usagef("-n is %d and --size %d, want 0 or more", o.N, o.Size)
	case o.Columns != 0 && o.Columns < minColumns:
		return fault.Usagef("a cloud of %d characters is too narrow, want at least %d", o.Columns, minColumns)
	}
	const largest = 4096
	if o.Size > largest {
		return fault.Usagef("--size is %d, want at most %d pixels", o.Size, largest)
	}
	if o.Size == 0 {
		o.Size = 160
	}
	if o.Columns == 0 {
		o.Columns = 40
	}
	if o.Output == "" {
		return nil
	}
	switch strings.ToLower(filepath.Ext(o.Output)) {
	case ".png", ".gif", ".html":
		return output.Check(o.Output, output.Options{Force: o.Force, Inputs: d.paths()})
	}
	return fault.Usagef("%s: is no .png, .gif or .html", o.Output)
}

func (o ViewOptions) count() int {
	if o.N == 0 {
		return 12
	}
	return o.N
}

// corruptedBy returns a data set under a corruption.
func corruptedBy(data datasets.Dataset, name string, severity int, seed uint64) (datasets.Dataset, error) {
	c, err := corrupt.Lookup(name)
	if err != nil {
		return nil, fault.Usagef("there is no corruption %s", name).WithHint("see wiseft list corruptions")
	}
	return corrupt.Wrap(data, c, severity, seed)
}

// viewed reads a sample, with the frame of the clean one.
func viewed(ctx context.Context, clean, data datasets.Dataset, i int) (Viewed, error) {
	var s datasets.Sample
	if err := clean.Read(ctx, &s, i); err != nil {
		return Viewed{}, err
	}
	v := Viewed{Index: i}
	_, isCloud := s.Points()
	isImage := len(s.Shape) == 3 && s.Shape[0] == 3
	if !isCloud && !isImage {
		return v, fault.Inputf("%s: sample %d has shape %v, which is neither a cloud, [points 3], nor an image, [3 height width]",
			data.Info().Name, i, s.Shape)
	}
	if isCloud {
		v.frame = picture.FrameOf(s.X)
	}
	if data != clean {
		if err := data.Read(ctx, &s, i); err != nil {
			return v, err
		}
	}
	s = s.Clone()
	v.x, v.Shape, v.Label = s.X, s.Shape, s.Label
	if classes := data.Info().Classes; s.Label >= 0 && s.Label < int64(len(classes)) {
		v.Class = classes[s.Label]
	}
	return v, nil
}

// turnFrames is how many pictures a turn has.
const turnFrames = 24

// write draws the samples into the output.
func (o ViewOptions) write(r *ViewResult) error {
	var draw func(w io.Writer) error
	switch strings.ToLower(filepath.Ext(o.Output)) {
	case ".png":
		draw = func(w io.Writer) error {
			return picture.WritePNG(w, picture.Sheet(o.tiles(r), columnsOf(len(r.Samples))))
		}
	case ".gif":
		frames, err := o.turning(r)
		if err != nil {
			return err
		}
		draw = func(w io.Writer) error { return picture.WriteGIF(w, frames) }
	default:
		figures, err := o.figures(r)
		if err != nil {
			return err
		}
		draw = func(w io.Writer) error { return picture.WritePage(w, r.Data.Name, r.Data.History, figures) }
	}
	_, err := output.WriteFile(o.Output, output.Options{Force: o.Force}, draw)
	return err
}

// columnsOf returns how many columns n pictures have.
func columnsOf(n int) int {
	for _, columns := range []int{6, 5, 4} {
		if n%columns == 0 {
			return columns
		}
	}
	return 6
}

// still draws a sample.
func (o ViewOptions) still(v *Viewed) image.Image {
	if v.isCloud() {
		return picture.Cloud(v.x, v.frame, picture.Default, o.Size)
	}
	return picture.Thumbnail(v.x, v.Shape[1], v.Shape[2], o.Size)
}

func (o ViewOptions) tiles(r *ViewResult) (tiles []picture.Tile) {
	for i := range r.Samples {
		tiles = append(tiles, picture.Tile{Picture: o.still(&r.Samples[i]), Title: r.Samples[i].Title()})
	}
	return tiles
}

// turning draws clouds that turn side by side.
func (o ViewOptions) turning(r *ViewResult) ([]*image.Paletted, error) {
	var clouds [][]*image.Paletted
	var titles []string
	for i := range r.Samples {
		v := &r.Samples[i]
		if !v.isCloud() {
			return nil, fault.Usagef("%s: images do not turn", o.Output).WithHint("write them with -o FILE.png or -o FILE.html")
		}
		clouds = append(clouds, picture.Turn(v.x, v.frame, picture.Default, o.Size, turnFrames))
		titles = append(titles, v.Title())
		o.Monitor.progress(Progress{"drawing", "samples", i + 1, len(r.Samples)})
	}
	return picture.TurningSheet(clouds, titles, columnsOf(len(clouds))), nil
}

// figures draws the samples of a page.
func (o ViewOptions) figures(r *ViewResult) (figures []picture.Figure, err error) {
	for i := range r.Samples {
		v := &r.Samples[i]
		var still, turn bytes.Buffer
		if err := picture.WritePNG(&still, o.still(v)); err != nil {
			return nil, err
		}
		if v.isCloud() {
			if err := picture.WriteGIF(&turn, picture.Turn(v.x, v.frame, picture.Default, o.Size, turnFrames)); err != nil {
				return nil, err
			}
		}
		figures = append(figures, picture.Figure{Still: still.Bytes(), Turn: turn.Bytes(), Title: v.Title(), Size: o.Size})
		o.Monitor.progress(Progress{"drawing", "samples", i + 1, len(r.Samples)})
	}
	return figures, nil
}
