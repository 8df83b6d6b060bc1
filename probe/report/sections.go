package report

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func resultsSection(r *result.Result) (section, error) {
	s := section{ID: "section-results", Title: "Results"}
	var err error
	if len(r.Models) > 1 {
		if s.Figures, err = figures(r, "curve", "alpha"); err != nil {
			return s, err
		}
	}
	s.add(rowsSheet(r), resultsSheet(r), intervalsSheet(r), controlsSheet(r))
	return s, nil
}

func corruptionsSection(r *result.Result) (section, error) {
	if len(r.Order) == 0 {
		return section{}, nil
	}
	h := newHeat(r)
	s := section{ID: "section-corruptions", Title: "By corruption", Heat: newPageHeat(h, "model")}
	s.Lead = h.Title + ", means over severities; darker is better"
	if _, note := shown(r); note != "" {
		s.Lead += ". " + note
	}
	for _, h := range severityHeats(r) {
		s.Heats = append(s.Heats, newPageHeat(h, "severity"))
	}
	name := "corruptions" // over models
	if len(r.Models) == 1 {
		name = "decline" // over severities
	}
	var err error
	s.Panels, err = panelFigures(r, name)
	s.add(severitySheet(r))
	return s, err
}

func effectiveSection(r *result.Result) (section, error) {
	list, err := figures(r, "effective")
	if err != nil || len(list) == 0 {
		return section{}, err
	}
	list[0].Title = "mOA against clean accuracy"
	s := section{ID: "section-effective", Title: "Effective robustness", Figures: list, Beside: true}
	s.add(effectiveSheet(r))
	return s, nil
}

func comparisonsSection(r *result.Result) (section, error) {
	return sheetSection("section-comparisons", "Comparisons", comparisonsSheet(r), correctionsSheet(r))
}

func calibrationSection(r *result.Result) (section, error) {
	return sheetSection("section-calibration", "Calibration", calibrationSheet(r))
}

func testsSection(r *result.Result) (section, error) {
	return sheetSection("section-tests", "Other test sets", testsSheet(r))
}

func readingSection(r *result.Result) (section, error) {
	return sheetSection("section-reading", "How to read it", readingSheet(r))
}

func producedSection(r *result.Result) (section, error) {
	return sheetSection("section-produced", "What produced it", modelsSheet(r), dataSheet(r), settingsSheet(r), journalSheet(r))
}

func sheetSection(id, title string, list ...sheet) (section, error) {
	s := section{ID: id, Title: title}
	s.add(list...)
	if len(s.Sheets) == 0 {
		return section{}, nil
	}
	return s, nil
}

// add adds the sheets that are not empty.
func (s *section) add(list ...sheet) {
	for _, sh := range list {
		if len(sh.Rows) > 0 && len(sh.Head) > 1 {
			p := newPageSheet(sh)
			p.Heading = sh.Title != s.Title
			s.Sheets = append(s.Sheets, p)
		}
	}
}

func newPageSheet(s sheet) pageSheet {
	p := pageSheet{ID: s.ID, Title: s.Title, Caption: s.Caption, Wide: len(s.Head) > 11 || s.Dense, Head: s.Head}
	for i, head := range s.Head {
		class := "n"
		switch {
		case strings.HasPrefix(head, "SHA"):
			class = "hash"
		case i == 0 || isText(s, i):
			class = "words"
		}
		p.Classes = append(p.Classes, class)
	}
	for _, line := range s.Rows {
		row := pageRow{Name: line.Cells[0], Role: line.Role, Strong: line.Strong, Pareto: line.Pareto}
		for i, cell := range line.Cells[1:] {
			row.Cells = append(row.Cells, pageCell{p.Classes[i+1], cell})
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

func newPageHeat(h *heat, corner string) *pageHeat {
	p := &pageHeat{ID: h.ID, Title: h.Title, Corner: corner, Columns: h.Columns}
	p.Scale = newPageScale(h)
	text, class := percent, shadeClass
	if h.Signed {
		text, class = signedPoints, signedClass
	}
	for _, line := range h.Rows {
		row := pageRow{Name: line.Name, Role: line.Role, Strong: line.Role == "chosen"}
		for _, v := range line.Values {
			of := "none"
			if i, ok := h.shade(v); ok {
				of = class(i)
			}
			row.Cells = append(row.Cells, pageCell{of, text(v)})
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// newPageScale returns the legend of a heat map.
func newPageScale(h *heat) pageScale {
	scale := pageScale{Low: fmt.Sprintf("%.1f %%", h.Scale.low), High: fmt.Sprintf("%.1f %%", h.Scale.high)}
	class := shadeClass
	if h.Signed {
		scale.Low, scale.High = signedPoints(result.Number(h.Scale.low/100))+" points", signedPoints(result.Number(h.Scale.high/100))
		class = signedClass
	}
	for i := range shades {
		scale.Shades = append(scale.Shades, class(i))
	}
	return scale
}

// shadeClass and signedClass return the CSS classes of shares and of differences.
func shadeClass(i int) string  { return fmt.Sprintf("s%d", i) }
func signedClass(i int) string { return fmt.Sprintf("d%d", i) }
