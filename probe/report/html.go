package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
	"gonum.org/v1/plot/vg"
)

func init() {
	register(Format{
		Name: "html", Doc: "a page of its own: verdict, plots, tables, and what produced them",
		Files: []string{"*.html", "*.htm"}, Write: writeHTML,
	})
}

var (
	//go:embed page.html.tmpl
	pageText string
	//go:embed page.css
	pageStyle string

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"parts": parts}).Parse(pageText))
)

// page is the data of the template. Everything from the result is text that the template escapes; only the style
// sheet and plots are not escaped.
type page struct {
	Title, Facts, Version string
	Style                 template.CSS
	Verdict               verdict
	Tiles                 []tile
	Notes                 []string
	Sections              []section
}

// tile is a main figure of the page: name, value and interval.
type tile struct{ Name, Value, Range string }

// section is a part of the page. Any of its fields may be empty.
type section struct {
	ID, Title, Lead string
	Figures         []pageFigure
	Heat            *pageHeat
	Heats           []*pageHeat
	Panels          *pagePanels
	Beside          bool // tables are beside the plots if the page is wide enough
	Sheets          []pageSheet

	Gallery  *gallery   // answers one by one
	Strip    *pageStrip // one sample under every corruption
	Maps     []*pageHeat
	Matrices []pageFigure
}

type pageFigure struct {
	Title, Subtitle string
	SVG             template.HTML
}

type pagePanels struct {
	Title, Subtitle string
	Figures         []pageFigure
}

// pageSheet is a sheet with the classes of its columns: "n" for figures, "hash", "words".
type pageSheet struct {
	ID, Title, Caption string
	Heading            bool // it has a title of its own below that of the section
	Wide               bool // many columns: small text
	Head, Classes      []string
	Rows               []pageRow
}

type pageRow struct {
	Name, Role     string
	Strong, Pareto bool
	Cells          []pageCell
}

type pageCell struct{ Class, Text string }

type pageHeat struct {
	ID, Title, Corner string
	Columns           []string
	Rows              []pageRow
	Scale             pageScale
}

type pageScale struct {
	Low, High string
	Shades    []string // CSS classes
}

// parts divides a name after its underscores, where a line may break.
func parts(name string) []string { return strings.SplitAfter(name, "_") }

func writeHTML(w io.Writer, r *result.Result) error {
	p, err := newPage(r)
	if err != nil {
		return err
	}
	return p.write(w)
}

func (p *page) write(w io.Writer) error {
	var b strings.Builder
	if err := pageTemplate.Execute(&b, p); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.TrimLeft(b.String(), "\n"))
	return err
}

func newPage(r *result.Result) (*page, error) {
	p := &page{Title: title(r), Facts: factsText(r), Version: r.Settings.Wiseft,
		Style:   template.CSS(pageStyle + shadeStyle()),
		Verdict: newVerdict(r), Tiles: tiles(r), Notes: r.Notes}
	if hasScores(r) {
		p.Sections = scoreSections(r)
		return p, nil
	}
	for _, add := range []func(*result.Result) (section, error){
		changesSection, resultsSection, classesSection, transferSection, corruptionsSection, weightsSection, landscapeSection, effectiveSection, comparisonsSection,
		calibrationSection, testsSection, readingSection, producedSection,
	} {
		s, err := add(r)
		if err != nil {
			return nil, err
		}
		if s.ID != "" {
			p.Sections = append(p.Sections, s)
		}
	}
	return p, nil
}

// factsText returns the line below the title.
func factsText(r *result.Result) string {
	m := r.Models[0]
	parts := []string{fmt.Sprintf("%d samples of %s", m.Clean.N, testName(&m.Tested))}
	if len(r.Models) > 1 {
		parts = append(parts, fmt.Sprintf("%d models", len(r.Models)))
	}
	if r.Suite != "" {
		parts = append(parts, selfMade(r)+r.Suite)
	}
	if hasScores(r) {
		parts = append(parts, "a score of its own")
	} else if r.Settings.OwnHead {
		parts = append(parts, "own head")
	} else if solver := r.Settings.Fit.Solver; solver != "" {
		parts = append(parts, "probe "+solver)
	}
	return strings.Join(parts, " · ")
}

// tiles returns the main figures of the chosen or only model.
func tiles(r *result.Result) []tile {
	m := chosenModel(r)
	if m == nil && len(r.Models) == 1 {
		m = r.Models[0]
	}
	if m == nil {
		return nil
	}
	if hasScores(r) {
		return scoreTiles(m)
	}
	i := m.Intervals
	if i == nil {
		i = &result.TestIntervals{Clean: [2]result.Number{unknown, unknown}}
	}
	var list []tile
	add := func(name, unit string, v result.Number, ends *[2]result.Number, text func(result.Number) string) {
		if !v.Known() {
			return
		}
		t := tile{Name: name, Value: text(v) + unit}
		if ends != nil && ends[0].Known() {
			t.Range = rangeOf(*ends, text)
		}
		list = append(list, t)
	}
	add("clean accuracy", " %", m.Clean.OA, &i.Clean, percent)
	add("mOA", " %", m.MOA, i.MOA, percent)
	add("mCE", "", m.MCE, i.MCE, share)
	add("RmCE", "", m.RMCE, i.RMCE, share)
	// A line fitted to two models passes through both, so their effective robustness is 0 by construction.
	if m.EffectiveRobustness != nil && r.Baseline != nil && len(r.Baseline.Models) > 2 {
		add("effective robustness", "", *m.EffectiveRobustness, nil, signedPoints)
	}
	return list
}

// shadeStyle returns the style rules of the heat maps' shades.
func shadeStyle() string {
	var b strings.Builder
	for i, c := range shadeColors {
		fmt.Fprintf(&b, ".s%d { background: %s; fill: %[2]s; }\n", i, svgColor(c))
	}
	for i, c := range signedColors {
		fmt.Fprintf(&b, ".d%d { background: %s; fill: %[2]s; }\n", i, svgColor(c))
	}
	return b.String()
}

// figures returns the plots of a section. Plots without data are left out.
func figures(r *result.Result, names ...string) ([]pageFigure, error) {
	var list []pageFigure
	for _, name := range names {
		f, err := drawNamed(r, name)
		if isEmpty(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		svg, err := f.inline("plot-" + name)
		if err != nil {
			return nil, err
		}
		list = append(list, pageFigure{f.title, f.subtitle, template.HTML(svg)})
	}
	return list, nil
}

// drawNamed draws the registered plot of that name.
func drawNamed(r *result.Result, name string) (*figure, error) {
	p, err := LookupPlot(name)
	if err != nil {
		return nil, err
	}
	if hasScores(r) {
		return nil, &EmptyPlotError{name, "the figures are scores of the user's own, and plots are of accuracies"}
	}
	return p.draw(r)
}

func isEmpty(err error) bool {
	_, ok := errors.AsType[*EmptyPlotError](err)
	return ok
}

// panelFigures returns the panels of a plot one by one, for a grid of the page.
func panelFigures(r *result.Result, name string) (*pagePanels, error) {
	f, err := drawNamed(r, name)
	if isEmpty(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list := &pagePanels{Title: f.title, Subtitle: f.subtitle}
	list.Figures, err = f.apart(name, 3.3*vg.Inch, 2.5*vg.Inch)
	return list, err
}

// apart draws the panels of a plot one by one.
func (f *figure) apart(name string, width, height vg.Length) (list []pageFigure, err error) {
	for i, p := range f.panels {
		one := &figure{title: p.title, desc: fmt.Sprintf("%s: %s", p.title, f.desc), panels: []panel{{plot: p.plot}}}
		one.width, one.height = width, height
		svg, err := one.inline(fmt.Sprintf("plot-%s-%d", name, i+1))
		if err != nil {
			return nil, err
		}
		list = append(list, pageFigure{p.title, "", template.HTML(svg)})
	}
	return list, nil
}
