package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"slices"

	"github.com/wiseft/wiseft/datasets/picture"
	"github.com/wiseft/wiseft/probe/bench/result"
)

const (
	pictureSize   = 120 // pixels of a side
	pictureFrames = 16  // of a turn
)

// pagePicture is a picture in the page: turning, with a still one where no motion is wanted, or still alone.
type pagePicture struct {
	Still, Turn template.URL
	Source      template.Srcset // Still, where it replaces Turn: in srcset the template escapes the comma of a URL
	Alt         string
	Size        int
}

// galleryTile is an answer with its sample.
type galleryTile struct {
	Kind    string // "rescued", "lost" or ""
	Title   string
	Lines   []string
	Picture pagePicture
}

type gallery struct {
	Title, Caption string
	Tiles          []galleryTile
}

// pageStrip is one sample under every corruption: a row for each severity.
type pageStrip struct {
	Title, Caption string
	Columns        []string
	Rows           []stripRow
}

type stripRow struct {
	Name  string
	Tiles []galleryTile
}

// newPicture draws a stored sample; the zero sample has no picture.
func newPicture(s result.Sample, alt string) (p pagePicture, err error) {
	p.Alt, p.Size = alt, pictureSize
	if s.PNG != nil {
		p.Still = dataURL("image/png", s.PNG)
		return p, nil
	}
	if s.Points == nil {
		return p, nil
	}
	frames := picture.Turn(s.Points, picture.UnitFrame, picture.Default, pictureSize, pictureFrames)
	var still, turn bytes.Buffer
	if err := picture.WritePNG(&still, frames[0]); err != nil {
		return p, err
	}
	if err := picture.WriteGIF(&turn, frames); err != nil {
		return p, err
	}
	p.Still, p.Turn = dataURL("image/png", still.Bytes()), dataURL("image/gif", turn.Bytes())
	p.Source = template.Srcset(p.Still)
	return p, nil
}

// dataURL returns content as a URL. Its type and characters are those of this program, so that nothing of a file is
// interpreted.
func dataURL(mediaType string, content []byte) template.URL {
	return template.URL("data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString(content))
}

// pictures draws the samples of a result: those of the strip and those of the largest changes. Without stored samples
// they are pictures of nothing.
func pictures(r *result.Result) (strip, largest []pagePicture, err error) {
	answers := r.Changes.Pictured()
	list := make([]pagePicture, len(answers))
	for i, a := range answers {
		var s result.Sample
		if len(r.Samples) == len(answers) {
			s = r.Samples[i]
		}
		alt := fmt.Sprintf("sample %d, %s, %s", a.Sample, className(r, a.Label), conditionName(a.Corruption, a.Severity))
		if list[i], err = newPicture(s, alt); err != nil {
			return nil, nil, err
		}
	}
	n := len(r.Changes.Strip)
	return list[:n], list[n:], nil
}

// newGallery shows the answers whose margin changed most; nil without any.
func newGallery(r *result.Result, pictures []pagePicture) *gallery {
	if !hasChanges(r) || len(r.Changes.Largest) == 0 {
		return nil
	}
	g := &gallery{Title: "Largest changes", Caption: "Of the answers that one of the models alone gives rightly, one a sample: " +
		"those whose margin changed most. The margin is the probability of the sample's class minus the highest one of another class."}
	for i, a := range r.Changes.Largest {
		g.Tiles = append(g.Tiles, galleryTile{Kind: changeOf(a), Picture: pictures[i],
			Title: changeOf(a) + ": " + className(r, a.Label),
			Lines: []string{
				fmt.Sprintf("sample %d, %s", a.Sample, conditionName(a.Corruption, a.Severity)),
				fmt.Sprintf("%s: %s (%s)", r.Changes.Against, className(r, *a.Against), margin(*a.AgainstMargin)),
				fmt.Sprintf("%s: %s (%s)", r.Changes.Model, className(r, a.Model), margin(a.Margin)),
			}})
	}
	return g
}

// newStrip shows one sample under every corruption; nil if there is no picture of it.
func newStrip(r *result.Result, pictures []pagePicture) *pageStrip {
	if len(pictures) == 0 || pictures[0].Still == "" {
		return nil
	}
	first := r.Changes.Strip[0]
	s := &pageStrip{Title: fmt.Sprintf("Sample %d under every corruption", first.Sample),
		Columns: append([]string{cleanColumn}, r.Order...),
		Caption: fmt.Sprintf("%s, as it was scored. ✓ and ✗: what %s answers", sentence(className(r, first.Label)), r.Changes.Model)}
	if hasChanges(r) {
		s.Caption += fmt.Sprintf(", and behind the stroke %s; of all samples their answers differ on this one most often", r.Changes.Against)
	}
	s.Caption += "."
	rows, clean := map[int]*stripRow{}, galleryTile{}
	for i, a := range r.Changes.Strip {
		tile := galleryTile{Picture: pictures[i], Lines: stripLines(r, a)}
		if a.Corruption == "" {
			clean = tile
			continue
		}
		if rows[a.Severity] == nil {
			rows[a.Severity] = &stripRow{Name: fmt.Sprint(a.Severity), Tiles: make([]galleryTile, len(s.Columns))}
		}
		if at := slices.Index(r.Order, a.Corruption); at >= 0 {
			rows[a.Severity].Tiles[at+1] = tile
		}
	}
	for _, severity := range sortedKeys(rows) {
		if len(s.Rows) == 0 {
			rows[severity].Tiles[0] = clean // which has no severity
		}
		s.Rows = append(s.Rows, *rows[severity])
	}
	return s
}

// stripLines writes whether the answers are right, and wrong ones.
func stripLines(r *result.Result, a *result.SampleAnswer) []string {
	text := answerMark(r, a.Model, a.Label)
	if a.Against != nil {
		text += " / " + answerMark(r, *a.Against, a.Label)
	}
	return []string{text}
}

func answerMark(r *result.Result, class, label int) string {
	if class == label {
		return "✓"
	}
	return "✗ " + className(r, class)
}

// changesSection shows what merging rescued and lost.
func changesSection(r *result.Result) (section, error) {
	if r.Changes == nil {
		return section{}, nil
	}
	strip, largest, err := pictures(r)
	if err != nil {
		return section{}, err
	}
	s := section{ID: "section-changes", Title: "Rescued and lost", Gallery: newGallery(r, largest), Strip: newStrip(r, strip)}
	if !hasChanges(r) {
		s.Title = "Samples"
	}
	if text := changesText(r); text != "" {
		s.Lead = text + "."
	}
	if len(r.Changes.Pictured()) > 0 && r.Samples == nil {
		s.Lead += " There are no pictures: the run's folder has none of these samples, because they are neither clouds nor images, or " +
			"because the result was made without the data; the command that measured it adds them."
	}
	counts := changesSheet(r)
	counts.Caption = "" // the lead says it
	s.add(counts)
	if s.Gallery == nil || r.Samples == nil {
		s.add(largestSheet(r))
		s.Gallery = nil
	}
	if s.Gallery == nil && s.Strip == nil && len(s.Sheets) == 0 {
		return section{}, nil
	}
	return s, nil
}

// classesSection shows the accuracy by class.
func classesSection(r *result.Result) (section, error) {
	if r.Changes == nil || len(r.Changes.Classes) == 0 {
		return section{}, nil
	}
	s := section{ID: "section-classes", Title: "By class", Matrices: matrices(r)}
	_, note := shownClasses(r)
	s.Lead = join("means over the severities that were run", note) + "."
	if hasChanges(r) {
		s.Maps = append(s.Maps, newPageHeat(classHeat(r, "classes-difference",
			fmt.Sprintf("%s minus %s, points", r.Changes.Model, r.Changes.Against), classDifference), "class"))
	}
	s.Maps = append(s.Maps, newPageHeat(classHeat(r, "classes-model", "Accuracy of "+r.Changes.Model+", %", classModel), "class"))
	if hasChanges(r) {
		s.Maps = append(s.Maps,
			newPageHeat(classHeat(r, "classes-against", "Accuracy of "+r.Changes.Against+", %", classAgainst), "class"))
	}
	s.add(confusedSheet(r))
	return s, nil
}
