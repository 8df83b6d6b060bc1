package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
	"golang.org/x/net/html"
)

// element is a node of a page.
type element struct {
	*html.Node
}

func (e element) attr(name string) string {
	for _, a := range e.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// all returns the elements of that name below e.
func (e element) all(name string) (list []element) {
	for n := range e.Descendants() {
		if n.Type == html.ElementNode && n.Data == name {
			list = append(list, element{n})
		}
	}
	return list
}

func (e element) text() string {
	var b strings.Builder
	for n := range e.Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// table returns the text of the cells of the table below the element with an ID, without its head.
func (e element) table(t *testing.T, id string) (rows [][]string) {
	t.Helper()
	for n := range e.Descendants() {
		if n.Type != html.ElementNode || (element{n}).attr("id") != id {
			continue
		}
		for _, line := range (element{n}).all("tr")[1:] {
			var cells []string
			for _, cell := range append(line.all("th"), line.all("td")...) {
				cells = append(cells, cell.text())
			}
			rows = append(rows, cells)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("the page has no table %q", id)
	}
	return rows
}

func render(t *testing.T, r *result.Result) (element, []byte) {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, "html", r); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	return element{doc}, out.Bytes()
}

// A page has the figures of the result.
func TestPageHasTheFigures(t *testing.T) {
	t.Parallel()
	r := full()
	doc, _ := render(t, r)
	results, heats := doc.table(t, "results"), doc.table(t, "heatmap")
	if len(results) != len(r.Models) || len(heats) != len(r.Models) {
		t.Fatalf("%d and %d lines, want %d", len(results), len(heats), len(r.Models))
	}
	text := func(n result.Number) string { return fmt.Sprintf("%.1f", 100*float64(n)) }
	for i, m := range r.Models {
		want := []string{text(m.Validation.OA), text(m.Clean.OA), text(m.Clean.MAcc)}
		heat := []string{text(m.Clean.OA)}
		for _, name := range order {
			want = append(want, text(m.Corruptions[name].OA))
			heat = append(heat, text(m.Corruptions[name].OA))
		}
		want = append(want, text(m.MOA), fmt.Sprintf("%.3f", float64(m.MCE)), fmt.Sprintf("%.3f", float64(m.RMCE)))
		if !slices.Equal(results[i][1:], want) {
			t.Errorf("%s: results: got %v, want %v", m.ID, results[i][1:], want)
		}
		if !slices.Equal(heats[i][1:], heat) {
			t.Errorf("%s: heat map: got %v, want %v", m.ID, heats[i][1:], heat)
		}
		if !strings.HasPrefix(results[i][0], m.ID) {
			t.Errorf("line %d: got %q, want %s", i, results[i][0], m.ID)
		}
	}
	if got := results[8][0]; !strings.Contains(got, "chosen") || !strings.Contains(got, "Pareto") {
		t.Errorf("the chosen model is not marked: %q", got)
	}
	c := r.Statistics.Comparisons[9]
	want := []string{"alpha=1 finetuned", "−1.1", "−2.1 to −0.1", pValue(c.Clean.P), pValue(c.Clean.PHolm), "+4.0",
		"+3.0 to +5.0", "<0.001", "<0.001"}
	if got := doc.table(t, "comparisons")[9]; !slices.Equal(got, want) {
		t.Errorf("comparison: got %q, want %q", got, want)
	}
}

// A page loads nothing and runs nothing, and every picture has a description.
func TestPageStandsAlone(t *testing.T) {
	t.Parallel()
	list := results()
	list["fine"] = fine(200)
	for name, r := range list {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc, out := render(t, r)
			for _, bad := range []string{"http://", "https://", "@import", "url(", "xlink:href"} {
				if bytes.Contains(out, []byte(bad)) {
					t.Errorf("the page has %q", bad)
				}
			}
			for _, tag := range []string{"script", "link", "img", "iframe", "object", "foreignobject"} {
				if n := len(doc.all(tag)); n > 0 {
					t.Errorf("the page has %d elements %s", n, tag)
				}
			}
			ids := map[string]bool{}
			for n := range doc.Descendants() {
				if id := (element{n}).attr("id"); id != "" {
					if ids[id] {
						t.Errorf("two elements are called %q", id)
					}
					ids[id] = true
				}
			}
			for _, svg := range doc.all("svg") {
				for label := range strings.FieldsSeq(svg.attr("aria-labelledby")) {
					if !ids[label] {
						t.Errorf("a picture is labelled by %q, which is not there", label)
					}
				}
				if svg.attr("role") != "img" || svg.all("desc")[0].text() == "" || svg.all("title")[0].text() == "" {
					t.Error("a picture has no description")
				}
			}
			for _, a := range doc.all("a") {
				if !ids[strings.TrimPrefix(a.attr("href"), "#")] {
					t.Errorf("the link %s leads nowhere", a.attr("href"))
				}
			}
			if bytes.Contains(out, []byte("NaN")) || bytes.Contains(out, []byte("Inf")) {
				t.Error("the page has figures that are none")
			}
		})
	}
}

// Every colour of a plot is one of the page's, so that plots follow light and dark mode.
func TestPlotsTakeThePagesColours(t *testing.T) {
	t.Parallel()
	doc, _ := render(t, full())
	styles := 0
	for _, svg := range doc.all("svg") {
		for _, name := range []string{"path", "text"} {
			for _, e := range svg.all(name) {
				styles++
				if strings.Contains(e.attr("style"), "#") {
					t.Errorf("a colour of its own: %s", e.attr("style"))
				}
			}
		}
	}
	if styles < 100 {
		t.Fatalf("%d styles were seen", styles)
	}
}

func TestPageEscapesNames(t *testing.T) {
	t.Parallel()
	r := benchmark()
	doc, out := render(t, r)
	if bytes.Contains(out, []byte("<script")) {
		t.Error("a name became an element")
	}
	if got := doc.table(t, "results")[0][0]; got != r.Models[0].ID {
		t.Errorf("got %q, want %q", got, r.Models[0].ID)
	}
}

func TestPageSaysThatTestDataDecided(t *testing.T) {
	t.Parallel()
	for name, r := range results() {
		doc, _ := render(t, r)
		alarms := 0
		for _, e := range doc.all("strong") {
			if e.attr("class") == "alarm" && strings.Contains(e.text(), "TEST DATA DECIDED") {
				alarms++
			}
		}
		if want := map[bool]int{true: 1}[name == "on_test"]; alarms != want {
			t.Errorf("%s: %d alarms, want %d", name, alarms, want)
		}
	}
}

// Without a whole suite there is no mean, and neither curve nor figure.
func TestPageOfPartialSuite(t *testing.T) {
	t.Parallel()
	doc, out := render(t, sweep(false))
	if bytes.Contains(out, []byte("plot-curve")) {
		t.Error("there is a curve")
	}
	for _, line := range doc.table(t, "results") {
		if got := line[len(line)-3:]; !slices.Equal(got, []string{"-", "-", "-"}) {
			t.Errorf("%s: means: got %v", line[0], got)
		}
	}
}

// The page of one model has a plot for every corruption, and no Pareto set, which takes several models.
func TestPageOfOneModel(t *testing.T) {
	t.Parallel()
	r := benchmark()
	r.Models = r.Models[:1]
	r.Pareto = []string{r.Models[0].ID}
	doc, out := render(t, r)
	for i := range r.Order {
		if id := fmt.Sprintf("plot-decline-%d", i+1); !bytes.Contains(out, []byte(id)) {
			t.Errorf("there is no %s", id)
		}
	}
	if strings.Contains(doc.text(), "Pareto") {
		t.Error("the only model is called Pareto")
	}
}

func TestPageOfManyModels(t *testing.T) {
	t.Parallel()
	_, out := render(t, fine(1000))
	if len(out) > 2<<20 {
		t.Errorf("the page has %d bytes", len(out))
	}
	if !bytes.Contains(out, []byte("of 1000 models are shown")) {
		t.Error("the page does not say that it shows a part")
	}
}

// Equal results give equal bytes, in every format and plot.
func TestReportsAreEqual(t *testing.T) {
	t.Parallel()
	twice := func(name string, write func(w io.Writer, r *result.Result) error) {
		var a, b bytes.Buffer
		for _, w := range []*bytes.Buffer{&a, &b} {
			if err := write(w, withHub(full())); err != nil {
				t.Fatal(err)
			}
		}
		if a.Len() == 0 || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: two reports of one result differ", name)
		}
	}
	for _, name := range Names() {
		twice(name, func(w io.Writer, r *result.Result) error { return Write(w, name, r) })
	}
	for _, name := range PlotNames() {
		twice(name, func(w io.Writer, r *result.Result) error { return WritePlot(w, name, "svg", r) })
	}
}
