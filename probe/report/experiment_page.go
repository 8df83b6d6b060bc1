package report

import (
	"fmt"
	"html/template"
	"io"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// WriteExperimentPage writes an experiment as a page of its own: the joined trade-off, the tables of every group, and
// what was chosen in each sweep. version is that of the program that ran it.
func WriteExperimentPage(w io.Writer, e *result.Experiment, version string) error {
	p, err := newExperimentPage(e, version)
	if err != nil {
		return err
	}
	return p.write(w)
}

func newExperimentPage(e *result.Experiment, version string) (*page, error) {
	count := text.Count(len(e.Runs), "sweep")
	p := &page{Title: "Experiment", Facts: count + " · accuracies in percent", Version: version,
		Style: template.CSS(pageStyle + shadeStyle()), Notes: e.Notes, Verdict: verdict{Headline: "One sweep"}}
	if len(e.Runs) > 1 {
		p.Verdict.Headline = "Mean ± standard deviation over " + count
	}
	if len(e.Groups()) > 1 {
		p.Verdict.Headline += " in " + text.Count(len(e.Groups()), "group")
	}
	transfer := section{ID: "section-transfer", Title: "Trade-off",
		Lead: "No label of the other data chose anything"}
	switch f, err := drawJoinedTradeoff(e); {
	case isEmpty(err):
	case err != nil:
		return nil, err
	default:
		transfer.Lead += ". " + f.title + ": " + f.subtitle
		if transfer.Figures, err = f.apart("tradeoff", figureWidth, figureHeight); err != nil {
			return nil, err
		}
		p.Sections = append(p.Sections, transfer)
	}
	tables := section{ID: "section-tables", Title: "Tables"}
	for i, t := range joinedTables(e) {
		s := sheet{ID: fmt.Sprintf("table-%d", i+1), Title: t.name, Head: t.lines[0], Dense: true}
		for _, line := range t.lines[1:] {
			s.Rows = append(s.Rows, row{Cells: line})
		}
		tables.add(s)
	}
	produced := section{ID: "section-produced", Title: "What produced it"}
	runs := sheet{ID: "sweeps", Title: "Sweeps", Head: []string{"sweep", "folder", "chosen", "SHA-256 of its result"},
		Caption: "Each folder has a page of its own"}
	for _, run := range e.Runs {
		runs.Rows = append(runs.Rows, row{Cells: []string{run.Name, run.Folder, runChoice(run), run.SHA256}})
	}
	document := sheet{ID: "document", Title: "Document", Head: []string{"file", "SHA-256"},
		Rows: []row{{Cells: []string{"experiment.yaml", e.SHA256}}}}
	produced.add(runs, document)
	p.Sections = append(p.Sections, tables, produced)
	return p, nil
}
