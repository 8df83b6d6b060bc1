package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/probe/bench"
)

func newSoupCommand() *cli.Command {
	flags := append([]cli.Flag{
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "the averaged model's `FILE`"},
		&cli.BoolFlag{Name: "strict", Usage: "take a model only if accuracy rises, as the paper's published code does", EnvVars: []string{"WISEFT_STRICT"}},
	}, storageFlags()...)
	flags = append(append(flags, selectionFlags()...), choosingFlags("models")...)
	flags = append(append(flags, fitFlags()...), engineFlags()...)
	return newCommand(&cli.Command{
		Name:      "soup",
		Usage:     "average those of several fine-tuned models that make the average better (greedy soup)",
		ArgsUsage: "MODEL… --train DATA [--val DATA] -o OUT.onnx",
		Description: "Every model is scored by a probe: fitted on features of the training data, scored on\n" +
			"validation data. The best one begins the soup; then, in the order of their scores (ties\n" +
			"in the order given), each is taken if the accuracy of the average with it does not fall\n" +
			"(--strict: if it rises). OUT.onnx is the uniform average of those taken.\n\n" +
			"Everything that is not averaged (the head, integers, the graph itself) is copied from the\n" +
			"best model, which is always in the soup. wiseft verify compares OUT.onnx with the models.\n\n" +
			"Example:\n" +
			"  wiseft soup run1.onnx run2.onnx run3.onnx --train modelnet40 --points 1024 -o soup.onnx",
		Flags: append(flags, dataFlags()...),
	}, runSoup)
}

// soupReport is what soup prints. Candidates are in the order in which they were tried.
type soupReport struct {
	Schema     string               `json:"schema"`
	Output     string               `json:"output"`
	Data       []onnxmerge.DataFile `json:"data,omitempty"` // files beside the output
	Rule       string               `json:"rule"`
	Candidates []soupCandidate      `json:"candidates"`
	Chosen     []string             `json:"chosen"` // the best one first
	Accuracy   float64              `json:"validation_accuracy"`
	N          int                  `json:"n"` // validation samples
	Tensors    tensorCounts         `json:"tensors"`
	Bytes      int64                `json:"bytes"`
	SHA256     string               `json:"sha256"`
	Seconds    float64              `json:"seconds"`
	Warnings   []string             `json:"warnings"`
	Settings   *bench.Settings      `json:"settings"`
}

type soupCandidate struct {
	Model  string  `json:"model"`
	Tensor string  `json:"tensor"` // its features
	Alone  float64 `json:"accuracy"`
	Soup   float64 `json:"soup_accuracy"` // of the average with it
	Taken  bool    `json:"taken"`
}

func runSoup(ctx context.Context, c *call) (result, error) {
	paths := c.Args().Slice()
	if err := c.checkSoup(paths); err != nil {
		return nil, err
	}
	layout, err := c.storage()
	if err != nil {
		return nil, err
	}
	k := &soupRun{c: c, paths: paths, rule: bench.SoupRule, strict: c.Bool("strict"), started: time.Now()}
	if k.strict {
		k.rule = bench.StrictSoupRule
	}
	if k.opt, err = c.selection(); err != nil {
		return nil, err
	}
	var plan bench.Plan
	if err := c.completeProbing(&plan); err != nil {
		return nil, err
	}
	if k.models, err = openModels(paths); err != nil {
		return nil, err
	}
	defer k.models.Close()
	if err := k.check(ctx); err != nil {
		return nil, err
	}
	closeData, err := c.openChoosingData(ctx, &plan)
	if err != nil {
		return nil, err
	}
	defer closeData()
	if plan.Engine, err = c.newEngine(); err != nil {
		return nil, err
	}
	if err := k.choose(ctx, plan); err != nil {
		return nil, err
	}
	return k.serve(ctx, layout)
}

// checkSoup refuses arguments that cannot be meant. A model that is named twice would
// count twice.
func (c *call) checkSoup(paths []string) error {
	if len(paths) < 2 {
		_, err := c.args("MODEL", "MODEL")
		return err
	}
	for i, path := range paths {
		a, err := os.Stat(path)
		if err != nil {
			continue // opening it says so
		}
		for _, other := range paths[:i] {
			if b, err := os.Stat(other); err == nil && os.SameFile(a, b) {
				return usageError{msg: fmt.Sprintf("%s and %s are the same file", other, path), hint: "name every model once"}
			}
		}
	}
	return checkOutput(c.String("out"), c.Bool("force"), paths...)
}

func (r *soupReport) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "model\talone\twith it\t")
	for _, x := range r.Candidates {
		verdict := "left out"
		if x.Taken {
			verdict = "taken"
		}
		fmt.Fprintf(t, "%s\t%.4f\t%.4f\t%s\n", x.Model, x.Alone, x.Soup, verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "accuracy on %s of validation; %s\n", count(r.N, "sample"), r.Rule)
	for _, warning := range r.Warnings {
		fmt.Fprintln(w, "warning: "+warning)
	}
	for _, f := range r.Data {
		fmt.Fprintf(w, "%s: %s bytes, xxh3_128 %s\n", f.File, humanize.Comma(f.Bytes), f.XXH3)
	}
	_, err := fmt.Fprintf(w, "%s: the average of %s, validation accuracy %.4f, %s bytes, sha256 %s\n",
		r.Output, count(len(r.Chosen), "model"), r.Accuracy, humanize.Comma(r.Bytes), r.SHA256)
	return err
}

// count writes "1 model" or "3 models".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// baseNames returns paths without folders, as a merged model names its sources.
func baseNames(paths []string) []string {
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(path)
	}
	return names
}
