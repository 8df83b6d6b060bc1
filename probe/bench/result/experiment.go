package result

import (
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Experiment is what several sweeps gave together. Equal documents and models give equal bytes.
type Experiment struct {
	Schema   string `json:"schema"`   // "wiseft.experiment/1"
	Document string `json:"document"` // the YAML text
	SHA256   string `json:"sha256"`   // of it
	// Runs are the sweeps, whose results have the hashes of models and data.
	Runs []ExperimentRun `json:"runs"`
	// Rows are those of the sweeps, and Models the mixes, joined by group and name.
	Rows   []*JoinedRow `json:"rows"`
	Models []*JoinedRow `json:"models"`
	Notes  []string     `json:"notes"`
}

// ExperimentRun is a sweep of an experiment.
type ExperimentRun struct {
	Name   string   `json:"name"`
	Pair   string   `json:"pair"`
	Group  string   `json:"group,omitempty"` // "" if the document has no groups
	Seed   string   `json:"seed,omitempty"`
	Folder string   `json:"folder"` // in that of the experiment
	Models []string `json:"models"` // SHA-256 of the ends
	Chosen *Chosen  `json:"chosen"`
	SHA256 string   `json:"result_sha256"`
}

// JoinedRow has the figures of one row, or mix, over all runs of a group that have it.
type JoinedRow struct {
	Group   string          `json:"group,omitempty"`
	Name    string          `json:"name"`
	Alphas  []float64       `json:"alphas,omitempty"` // by run; those of rows are chosen run by run
	Figures []*JoinedFigure `json:"figures"`
}

// JoinedFigure is a figure over runs.
type JoinedFigure struct {
	Name   string    `json:"figure"` // "clean", "moa", "mce", or transfer set and task
	Mean   float64   `json:"mean"`
	Std    Number    `json:"std"` // with n - 1; null for one run
	Values []float64 `json:"values"`
	Runs   []int     `json:"runs"` // of the values: indexes into Experiment.Runs
}

// Figure returns the figure of a name; nil if there is none.
func (r *JoinedRow) Figure(name string) *JoinedFigure {
	for _, f := range r.Figures {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Groups returns the names of the runs' groups, in the order of the runs.
func (e *Experiment) Groups() []string {
	var names []string
	for _, run := range e.Runs {
		if !slices.Contains(names, run.Group) {
			names = append(names, run.Group)
		}
	}
	return names
}

// Join joins the rows and mixes of the runs' results, which are in the order of the runs.
func (e *Experiment) Join(results []*Result) {
	for i, r := range results {
		group := e.Runs[i].Group
		for _, row := range r.Rows {
			j := joined(&e.Rows, group, row.Name)
			if row.Alpha != nil {
				j.Alphas = append(j.Alphas, *row.Alpha)
			}
			j.add(i, "clean", row.Clean)
			j.add(i, "moa", row.MOA)
			j.add(i, "mce", row.MCE)
			j.addTransfer(i, r, r.transferOf(row.Model))
		}
		for _, m := range r.Models {
			j := joined(&e.Models, group, m.ID)
			if m.Alpha != nil {
				j.Alphas = append(j.Alphas, *m.Alpha)
			}
			j.add(i, "clean", m.Clean.OA)
			if m.OwnHead != nil && m.OwnHead.Clean != nil {
				j.add(i, "own head", m.OwnHead.Clean.OA)
			}
			j.add(i, "moa", m.MOA)
			j.add(i, "mce", m.MCE)
			j.addTransfer(i, r, m.Transfer)
		}
	}
	for _, j := range slices.Concat(e.Rows, e.Models) {
		for _, f := range j.Figures {
			mean, std := stat.MeanStdDev(f.Values, nil)
			f.Mean, f.Std = mean, Number(std)
		}
	}
}

// transferOf returns the transfer figures of a model or control.
func (r *Result) transferOf(id string) map[string]Transferred {
	for _, m := range r.Models {
		if m.ID == id {
			return m.Transfer
		}
	}
	for _, c := range r.Controls {
		if c.ID == id {
			return c.Transfer
		}
	}
	return nil
}

// joined returns the row of a name in a group, which is added if there is none.
func joined(list *[]*JoinedRow, group, name string) *JoinedRow {
	for _, j := range *list {
		if j.Group == group && j.Name == name {
			return j
		}
	}
	j := &JoinedRow{Group: group, Name: name, Figures: []*JoinedFigure{}}
	*list = append(*list, j)
	return j
}

// add adds the value of a run, unless it is unknown.
func (r *JoinedRow) add(run int, name string, value Number) {
	if !value.Known() {
		return
	}
	f := r.Figure(name)
	if f == nil {
		f = &JoinedFigure{Name: name}
		r.Figures = append(r.Figures, f)
	}
	f.Values, f.Runs = append(f.Values, float64(value)), append(f.Runs, run)
}

func (r *JoinedRow) addTransfer(run int, of *Result, transfer map[string]Transferred) {
	for _, set := range of.Settings.Transfers {
		for _, task := range set.Tasks {
			if f := transfer[set.Name].Figure(task); f != nil {
				r.add(run, set.Name+": "+task.Head, f.Accuracy)
			}
		}
	}
}
