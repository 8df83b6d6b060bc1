package report

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
	"go.yaml.in/yaml/v3"
)

func init() {
	register(Format{Name: "card", Doc: "a model card, README.md of a model hub: front matter, recipe, hashes, tables",
		Write: writeCard})
}

// cardMetadata is the front matter of a model card as the Hugging Face Hub reads it.
type cardMetadata struct {
	Library    string       `yaml:"library_name"`
	Tags       []string     `yaml:"tags"`
	BaseModels []string     `yaml:"base_model,omitempty"`
	Relation   string       `yaml:"base_model_relation,omitempty"`
	Datasets   []string     `yaml:"datasets,omitempty"`
	Index      []modelIndex `yaml:"model-index"`
}

// modelIndex has the results of one model.
type modelIndex struct {
	Name    string        `yaml:"name"`
	Results []indexResult `yaml:"results"`
}

// indexResult has the metrics of one data set.
type indexResult struct {
	Task    indexName     `yaml:"task"`
	Dataset indexName     `yaml:"dataset"`
	Metrics []indexMetric `yaml:"metrics"`
}

type indexName struct {
	Type   string `yaml:"type"`
	Name   string `yaml:"name"`
	Config string `yaml:"config,omitempty"`
	Split  string `yaml:"split,omitempty"`
}

type indexMetric struct {
	Type  string  `yaml:"type"`
	Value float64 `yaml:"value"`
	Name  string  `yaml:"name"`
}

// writeCard writes a card of the chosen mix, or of all models of a benchmark. The plot is the file that a run has beside
// its result.
func writeCard(w io.Writer, r *result.Result) error {
	var b strings.Builder
	b.WriteString("---\n")
	if err := writeMetadata(&b, r); err != nil {
		return err
	}
	v := newVerdict(r)
	fmt.Fprintf(&b, "---\n\n# %s\n\n**%s.** %s\n", markdownText(cardTitle(r)), markdownText(v.Headline),
		markdownText(strings.Join(v.Sentences, " ")))
	for i, note := range r.Notes {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "- %s\n", markdownText(note))
	}
	writeCardRecipe(&b, r)
	if len(modelPoints(r)) > 0 {
		b.WriteString("\n![Accuracy on clean data against accuracy under corruption](curve.png)\n")
	}
	all := append(sheets(r), readingSheet(r), modelsSheet(r), dataSheet(r), settingsSheet(r))
	for _, s := range all {
		writeMarkdownSheet(&b, s)
	}
	b.WriteString("\nMeasured by [wiseft](https://github.com/wiseft/wiseft).\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// writeMetadata writes the front matter.
func writeMetadata(b *strings.Builder, r *result.Result) error {
	data := cardMetadata{Library: "onnx", Tags: []string{"onnx", "wiseft"}}
	if chosenModel(r) != nil {
		data.Tags, data.Relation = []string{"merge", "onnx", "wiseft"}, "merge"
		data.BaseModels = hubNames(r).BaseModels
		if data.BaseModels == nil {
			b.WriteString("# base_model, the models that were merged, by their names on the hub: " +
				"wiseft report --base-model OWNER/NAME\n")
		}
	}
	b.WriteString("# license, which is that of the models and data: not known to wiseft\n")
	if name := hubNames(r).Data; name != "" {
		data.Datasets = []string{name}
	}
	for _, m := range subjects(r) {
		name := label(m)
		if chosenModel(r) != nil {
			name = cardTitle(r)
		}
		data.Index = append(data.Index, modelIndex{Name: printable(name), Results: indexResults(r, m)})
	}
	var text bytes.Buffer
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := enc.Encode(data); err != nil {
		return err
	}
	b.Write(text.Bytes())
	return nil
}

// hubNames returns the names on a hub; none if they are not known.
func hubNames(r *result.Result) result.Hub {
	if r.Hub == nil {
		return result.Hub{}
	}
	return *r.Hub
}

// cardTitle names the model that a card is of.
func cardTitle(r *result.Result) string {
	if m := chosenModel(r); m != nil {
		return "Merge at " + paramText(m.Params) + siblingText(m.Repaired, m.Statistics)
	}
	return title(r)
}

// indexResults returns the figures on every test set, clean and under the whole suite. Values are percent, except mCE.
func indexResults(r *result.Result, m *result.Model) (list []indexResult) {
	for i, t := range append([]*result.Tested{&m.Tested}, m.MoreTests...) {
		data := indexName{Type: "other", Name: printable(testName(t))}
		task := indexName{Type: "other", Name: "Classification"}
		if i < len(r.Settings.Tests) && r.Settings.Tests[i] != nil {
			data.Split = printable(r.Settings.Tests[i].Split)
			if r.Settings.Tests[i].Format == "images" {
				task = indexName{Type: "image-classification", Name: "Image classification"}
			}
		}
		if name := hubNames(r).Data; name != "" && i == 0 {
			data.Type = name
		}
		clean, suite := (*[2]result.Number)(nil), result.TestIntervals{}
		if t.Intervals != nil {
			clean, suite = &t.Intervals.Clean, *t.Intervals
		}
		add := func(data indexName, metrics ...indexMetric) {
			metrics = knownMetrics(metrics)
			if len(metrics) > 0 {
				list = append(list, indexResult{task, data, metrics})
			}
		}
		add(data, metricOf(r, "accuracy", "accuracy, %", 100*t.Clean.OA, scaled(clean, 100)))
		data.Name += " under " + selfMade(r) + r.Suite
		data.Config = r.Suite
		add(data, metricOf(r, "accuracy", "mean accuracy over corruptions (mOA), %", 100*t.Exact.MOA, scaled(suite.MOA, 100)),
			metricOf(r, "mce", "mean corruption error (mCE)", t.Exact.MCE, suite.MCE))
	}
	return list
}

// scaled returns an interval times a factor; nil for nil.
func scaled(ends *[2]result.Number, factor result.Number) *[2]result.Number {
	if ends == nil {
		return nil
	}
	return &[2]result.Number{factor * ends[0], factor * ends[1]}
}

// metricOf describes a figure with four digits behind the point, and its interval in the name, since the front matter has
// no place for one.
func metricOf(r *result.Result, kind, name string, value result.Number, ends *[2]result.Number) indexMetric {
	if ends != nil && ends[0].Known() && ends[1].Known() {
		name += fmt.Sprintf(" (%s interval %.2f to %.2f)", level(r), float64(ends[0]), float64(ends[1]))
	}
	return indexMetric{kind, math.Round(1e4*float64(value)) / 1e4, name}
}

func knownMetrics(all []indexMetric) (known []indexMetric) {
	for _, m := range all {
		if result.Number(m.Value).Known() {
			known = append(known, m)
		}
	}
	return known
}

// writeCardRecipe writes how the model was made, and with which command.
func writeCardRecipe(b *strings.Builder, r *result.Result) {
	m := chosenModel(r)
	if m == nil {
		return
	}
	b.WriteString("\n## Recipe\n\ntheta(alpha) = (1 - alpha) \\* pretrained + alpha \\* finetuned\n\n")
	item := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "- %s: %s\n", name, markdownText(value))
		}
	}
	if models := hubNames(r).BaseModels; len(models) > 0 {
		item("models", strings.Join(models, ", "))
	}
	item("method", r.Settings.Method)
	item("parameters", paramText(m.Params))
	item("running statistics", cmp.Or(strings.TrimSpace(siblingText(m.Repaired, m.Statistics)), r.Settings.Statistics))
	item("SHA-256 of the measured model", m.ModelSHA256)
	if r.Chosen.Command != "" {
		fence := strings.Repeat("`", max(3, longestRun(r.Chosen.Command, '`')+1))
		fmt.Fprintf(b, "\n%ssh\n%s\n%s\n", fence, r.Chosen.Command, fence)
	}
}

// longestRun returns how often c occurs in a row in s at most.
func longestRun(s string, c rune) (longest int) {
	n := 0
	for _, x := range s {
		if x != c {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}
