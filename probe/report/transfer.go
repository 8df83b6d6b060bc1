package report

import (
	"fmt"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// transferColumns returns the columns of a transfer set: one for every task.
func transferColumns(set *result.TransferSet) (columns []column) {
	for _, task := range set.Tasks {
		columns = append(columns, column{task.Head, func(m *result.Model) string {
			return transferText(m.Transfer[set.Name].Figure(task))
		}})
	}
	return columns
}

// transferText writes an accuracy in percent, of folds with their standard deviation.
func transferText(f *result.TransferFigure) string {
	switch {
	case f == nil || !f.Accuracy.Known():
		return "-"
	case f.Std.Known():
		return percent(f.Accuracy) + "±" + percent(f.Std)
	}
	return percent(f.Accuracy)
}

// transferSheets has the figures of all models on every transfer set, and their differences from the ends.
func transferSheets(r *result.Result) (list []sheet) {
	for i, set := range r.Settings.Transfers {
		s := modelSheet(r, fmt.Sprintf("transfer-%d", i+1), "Transfer to "+set.Name, transferColumns(set))
		for _, c := range r.Controls {
			if c.Transfer == nil {
				continue
			}
			line := row{Cells: []string{c.ID}}
			for _, task := range set.Tasks {
				line.Cells = append(line.Cells, transferText(c.Transfer[set.Name].Figure(task)))
			}
			s.Rows = append(s.Rows, line)
		}
		s.Caption = join(append([]string{s.Caption, "accuracies in percent of classifiers on the model's frozen features; " +
			"of few-shot tasks the mean and the standard deviation over folds"}, transferLimits(r, set)...)...)
		list = append(list, s)
		if d := transferDifferences(r, set, i); len(d.Rows) > 0 {
			list = append(list, d)
		}
	}
	return list
}

// transferLimits says how figures of a set differ from published ones, and why some are missing.
func transferLimits(r *result.Result, set *result.TransferSet) (list []string) {
	var order []string
	heads := map[string][]string{}
	add := func(text, head string) {
		if heads[text] == nil {
			order = append(order, text)
		}
		heads[text] = append(heads[text], head)
	}
	for _, task := range set.Tasks {
		if task.Limit != "" {
			add(task.Limit, task.Head)
		}
	}
	for _, task := range set.Tasks {
		if f := r.Models[0].Transfer[set.Name].Figure(task); f != nil && f.Skipped != "" {
			add("not measured: "+f.Skipped, task.Head)
		}
	}
	for _, text := range order {
		list = append(list, strings.Join(heads[text], ", ")+": "+text)
	}
	return list
}

// transferDifferences has the differences of the models from the ends of the path on a transfer set.
func transferDifferences(r *result.Result, set *result.TransferSet, i int) sheet {
	s := sheet{ID: fmt.Sprintf("transfer-differences-%d", i+1), Title: "Differences on " + set.Name,
		Head: []string{"model", "task", "from", "points", level(r) + " interval", "p", "p (Holm)"},
		Caption: "Points that the model has more than an end of the path, by the same samples (McNemar's test, mid-p) or folds " +
			"(random signs); Holm: adjusted for the number of models"}
	models, _ := shown(r)
	for _, m := range models {
		for _, task := range set.Tasks {
			f := m.Transfer[set.Name].Figure(task)
			if f == nil {
				continue
			}
			for _, d := range f.Differences {
				s.Rows = append(s.Rows, row{Cells: append([]string{m.ID, task.Head, d.From}, differenceCells(&d.Difference)...),
					Strong: isChosen(r, m), Role: role(r, m)})
			}
		}
	}
	return s
}

// transferSection has the transfer sets of the page.
func transferSection(r *result.Result) (section, error) {
	s := section{ID: "section-transfer", Title: "Transfer"}
	var err error
	if s.Figures, err = figures(r, "tradeoff"); err != nil {
		return s, err
	}
	s.add(transferSheets(r)...)
	if len(s.Sheets) == 0 {
		return section{}, nil
	}
	s.Lead = "How good the backbones are for other data; no label of it chose anything"
	return s, nil
}

// writeTransfers writes the transfer sets of a text table, with the name columns of the models.
func writeTransfers(b *strings.Builder, r *result.Result) {
	for _, set := range r.Settings.Transfers {
		fmt.Fprintf(b, "\nbackbone on %s\n", set.Name)
		writeModels(b, r, append(nameColumns(r), transferColumns(set)...))
		for _, c := range r.Controls {
			if c.Transfer == nil {
				continue
			}
			line := c.ID + ":"
			for _, task := range set.Tasks {
				line += fmt.Sprintf(" %s %s,", task.Head, transferText(c.Transfer[set.Name].Figure(task)))
			}
			b.WriteString(strings.TrimSuffix(line, ",") + "\n")
		}
		for _, limit := range transferLimits(r, set) {
			b.WriteString(limit + "\n")
		}
	}
}

// transfers writes the figures of a model or control on the transfer sets. The third column has the set, the sixth the
// protocol and task.
func (w *csvWriter) transfers(r *result.Result, of map[string]result.Transferred) {
	fixed := w.fixed
	for _, set := range r.Settings.Transfers {
		for _, task := range set.Tasks {
			f := of[set.Name].Figure(task)
			if f == nil {
				continue
			}
			w.fixed = append([]string{"transfer", cell(set.Name)}, fixed[2:]...)
			at := place{task.Key + " " + task.Name, ""}
			n := fmt.Sprint(f.N)
			w.figure(at, "oa", f.Accuracy, &f.Interval, n)
			w.figure(at, "macc", f.MeanClass, nil, n)
			w.figure(at, "std", f.Std, nil, n)
			for _, d := range f.Differences {
				w.figure(at, "difference from "+d.From, d.Difference.Difference, &d.Interval, n)
			}
		}
	}
	w.fixed = fixed
}
