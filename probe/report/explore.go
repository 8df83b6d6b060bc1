package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/metric"
)

func init() {
	register(Format{
		Name: "explore", Doc: "a page with a script of its own, without network: choose a model, turn samples, sort",
		Write: writeExplore,
	})
}

var (
	//go:embed explore.html.tmpl
	exploreText string
	//go:embed explore.css
	exploreStyle string
	// exploreScript is the only script that the page's policy allows, by its hash.
	//go:embed explore.js
	exploreScript string

	exploreTemplate = template.Must(template.New("explore").Parse(exploreText))
)

// explorePage is the data of the template. Title, Facts and Version are text that the template escapes; Data is JSON in
// which <, > and & are escaped, so that no name ends the element that it is in.
type explorePage struct {
	Title, Facts, Version string
	Policy                string
	Style                 template.CSS
	Data, Script          template.JS
}

// explored is what the script shows. Figures are in percent; unknown ones are null.
type explored struct {
	Order   []string        `json:"order"`
	Columns []string        `json:"columns"` // of the table: the name, then Figures
	Models  []exploredModel `json:"models"`
	Chosen  int             `json:"chosen"` // index of the model that is shown first
	Axis    string          `json:"axis"`
	Span    [2]float64      `json:"span"` // of the axis
	Curves  []exploredCurve `json:"curves"`
	// HeatRange is the range of all accuracies by corruption and severity, Shades how many colours it has.
	HeatRange [2]result.Number `json:"heatRange"`
	Shades    int              `json:"shades"`
	Samples   []exploredSample `json:"samples"`
	Second    int              `json:"second"` // the sample that is shown beside the first one
	Steps     int              `json:"steps"`  // of a coordinate's unit
}

type exploredModel struct {
	Name    string                             `json:"name"`
	Role    string                             `json:"role,omitempty"`
	X       float64                            `json:"x"`
	Tiles   [][3]string                        `json:"tiles"` // name, value, interval or ""
	Heat    [][metric.Severities]result.Number `json:"heat"`  // by corruption
	Figures []result.Number                    `json:"figures"`
}

// exploredCurve is a line of [x, y, name of the model].
type exploredCurve struct {
	Name   string   `json:"name"`
	Kind   string   `json:"kind"` // clean, robust, or one for a single corruption
	Values [][3]any `json:"values"`
}

type exploredSample struct {
	Title  string `json:"title"`
	Text   string `json:"text"`
	Points []byte `json:"points,omitempty"` // x y z each, little-endian int16; base64 in JSON
	PNG    []byte `json:"png,omitempty"`
}

// policy returns a content security policy that allows one script and one style sheet, by their hashes, and pictures that
// are in the page: nothing is loaded.
func policy(script, style string) string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return fmt.Sprintf("default-src 'none'; script-src %s; style-src %s; img-src data:; base-uri 'none'; form-action 'none'",
		hash(script), hash(style))
}

func writeExplore(w io.Writer, r *result.Result) error {
	data, err := json.Marshal(newExplored(r))
	if err != nil {
		return err
	}
	style := pageStyle + shadeStyle() + exploreStyle
	return exploreTemplate.Execute(w, explorePage{Title: title(r), Facts: factsText(r), Version: r.Settings.Wiseft,
		Policy: policy(exploreScript, style), Style: template.CSS(style), Data: template.JS(data), Script: template.JS(exploreScript)})
}

func newExplored(r *result.Result) *explored {
	e := &explored{Order: append([]string{}, r.Order...), Columns: []string{"model", "clean, %"}, Axis: "model, in the order of the run",
		Shades: shades, Steps: math.MaxInt16 / result.SampleReach, Samples: []exploredSample{}, Curves: []exploredCurve{}}
	isPath := len(r.Models) > 1 && !slices.ContainsFunc(r.Models, func(m *result.Model) bool { return m.Alpha == nil || len(m.Params) != 1 })
	if isPath {
		e.Axis = "alpha, the share of the fine-tuned model"
	}
	hasSuite := slices.ContainsFunc(r.Models, func(m *result.Model) bool { return m.MOA.Known() })
	if hasSuite {
		e.Columns = append(e.Columns, "mOA, %")
	}
	for _, name := range r.Order {
		e.Columns = append(e.Columns, name+", %")
	}
	heat, span := newExtent(), newExtent()
	for i, m := range r.Models {
		x := exploredModel{Name: m.ID, Role: role(r, m), X: float64(i + 1), Tiles: exploredTiles(r, m)}
		if isPath {
			x.X = *m.Alpha
		}
		span.include(x.X)
		x.Figures = append(x.Figures, inHundred(m.Clean.OA))
		if hasSuite {
			x.Figures = append(x.Figures, inHundred(m.MOA))
		}
		x.Heat = make([][metric.Severities]result.Number, len(r.Order))
		for k, name := range r.Order {
			v, _ := corruptionFigure(name)(m)
			x.Figures = append(x.Figures, inHundred(v))
			x.Heat[k] = severitiesOf(m, name)
			for _, v := range x.Heat[k] {
				heat.include(float64(v))
			}
		}
		if isChosen(r, m) {
			e.Chosen = i
		}
		e.Models = append(e.Models, x)
	}
	e.HeatRange, e.Span = [2]result.Number{result.Number(heat.low), result.Number(heat.high)}, [2]float64{span.low, span.high}
	e.addCurves(r, isPath, hasSuite)
	e.addSamples(r)
	return e
}

func inHundred(v result.Number) result.Number { return 100 * v }

// severitiesOf returns the accuracies under a corruption; unknown ones where none was run.
func severitiesOf(m *result.Model, corruption string) (list [metric.Severities]result.Number) {
	c := m.Corruptions[corruption]
	for i := range list {
		if list[i] = unknown; c != nil {
			list[i] = inHundred(c.OABySeverity[i])
		}
	}
	return list
}

// exploredTiles returns the main figures of a model as the page has those of the chosen one.
func exploredTiles(r *result.Result, m *result.Model) [][3]string {
	one := *r
	one.Models, one.Chosen = []*result.Model{m}, nil
	list := [][3]string{}
	for _, t := range tiles(&one) {
		list = append(list, [3]string{t.Name, t.Value, t.Range})
	}
	return list
}

// addCurves adds the lines of the figures over the models: of a path those of the mixes on it.
func (e *explored) addCurves(r *result.Result, isPath, hasSuite bool) {
	for k := range e.Models[0].Figures {
		c := exploredCurve{Name: e.Columns[k+1][:len(e.Columns[k+1])-len(", %")], Kind: "one", Values: [][3]any{}}
		switch {
		case k == 0:
			c.Kind = "clean"
		case k == 1 && hasSuite:
			c.Kind = "robust"
		}
		for i, m := range e.Models {
			if v := m.Figures[k]; v.Known() && (!isPath || r.Models[i].OnPath()) {
				c.Values = append(c.Values, [3]any{m.X, v, m.Name})
			}
		}
		e.Curves = append(e.Curves, c)
	}
	slices.Reverse(e.Curves) // the main lines are drawn last
}

// addSamples adds the samples of the strip and those of the largest changes.
func (e *explored) addSamples(r *result.Result) {
	if r.Changes == nil || len(r.Samples) != len(r.Changes.Pictured()) {
		return
	}
	for i, a := range r.Changes.Pictured() {
		s := exploredSample{PNG: r.Samples[i].PNG,
			Title: fmt.Sprintf("sample %d, %s, %s", a.Sample, className(r, a.Label), conditionName(a.Corruption, a.Severity))}
		for _, v := range r.Samples[i].Points {
			s.Points = binary.LittleEndian.AppendUint16(s.Points, uint16(int16(math.Round(float64(v)*float64(e.Steps)))))
		}
		if s.PNG == nil && s.Points == nil {
			continue
		}
		if change := changeOf(a); change != "" {
			s.Title = change + ": " + s.Title
		}
		s.Text = fmt.Sprintf("%s answers %s (margin %s)", r.Changes.Model, className(r, a.Model), margin(a.Margin))
		if a.Against != nil {
			s.Text += fmt.Sprintf(", %s answers %s (%s)", r.Changes.Against, className(r, *a.Against), margin(*a.AgainstMargin))
		}
		e.Samples = append(e.Samples, s)
	}
	// Beside the clean sample, itself under a corruption at severity 3.
	e.Second = max(0, slices.IndexFunc(r.Changes.Strip, func(a *result.SampleAnswer) bool { return a.Severity == 3 }))
}
