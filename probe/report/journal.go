package report

import (
	"fmt"
	"time"

	"github.com/wiseft/wiseft/internal/text"
	"github.com/wiseft/wiseft/probe/bench/result"
)

// journalSheet has the command lines that made the run, and when; nothing without a journal.
func journalSheet(r *result.Result) sheet {
	j := r.Journal
	if j == nil {
		return sheet{}
	}
	s := sheet{ID: "journal", Title: "How it was made", Head: []string{"what", "value"},
		Caption: "From the journal of the run, and not from its result: this part differs between runs of one plan; --reproducible " +
			"leaves it out"}
	for _, c := range j.Commands {
		s.Rows = append(s.Rows, row{Cells: []string{"command", c.Command}},
			row{Cells: []string{"started", fmt.Sprintf("%s, for %s, by wiseft %s", moment(c.Start), seconds(c.Seconds), c.Version)}})
	}
	if j.Units > 0 {
		s.Rows = append(s.Rows, row{Cells: []string{"work", fmt.Sprintf("%s computed by %s in %s in all, the first done on %s, the "+
			"last on %s", text.Count(j.Units, "unit"), countedProcesses(j.Workers), seconds(j.UnitSeconds), moment(j.First), moment(j.Last))}})
	}
	return s
}

func countedProcesses(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// seconds writes a duration as people do.
func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
