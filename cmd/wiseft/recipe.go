package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"github.com/wiseft/wiseft/onnxmerge/recipe"
)

func newRecipeCommand() *cli.Command {
	return newGroup(&cli.Command{
		Name:  "recipe",
		Usage: "check a merge's recipe, show an example of one, take one out of a merged model",
		Subcommands: []*cli.Command{
			newCommand(&cli.Command{
				Name:      "check",
				Usage:     "check a recipe, of our form or mergekit's, without its models",
				ArgsUsage: "RECIPE.yaml",
				Description: "Prints the recipe as it is understood. A recipe named - is read from standard input.\n\nExamples:\n" +
					"  wiseft recipe check recipe.yaml\n" +
					"  wiseft recipe show ties | wiseft recipe check -",
			}, exactly("RECIPE.yaml"), abandonable(showRecipe(wiseft.ReadRecipe))),
			newCommand(&cli.Command{
				Name:        "show",
				Usage:       "print a commented example of a method's recipe",
				ArgsUsage:   "METHOD",
				Description: "Example:\n  wiseft recipe show ties > recipe.yaml",
			}, exactly("METHOD"), runRecipeShow),
			newCommand(&cli.Command{
				Name:        "extract",
				Usage:       "print the recipe that a merged model carries",
				ArgsUsage:   "MERGED",
				Description: "Example:\n  wiseft recipe extract merged.onnx > recipe.yaml",
			}, exactly("MERGED"), showRecipe(wiseft.ExtractRecipe)),
		},
	})
}

type recipeReport struct {
	Schema string               `json:"schema"`
	Method string               `json:"method"`
	Models []string             `json:"models"`
	Params method.Params        `json:"params"`
	Set    []onnxmerge.Override `json:"set,omitempty"`
	Notes  []string             `json:"notes"`
	YAML   string               `json:"yaml"`
}

func newRecipeReport(r *recipe.Recipe) (*recipeReport, error) {
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		return nil, err
	}
	o := r.Options
	return &recipeReport{"wiseft.recipe/1", o.Method, append([]string{}, r.Models...), o.Params, o.Set,
		append([]string{}, r.Notes...), text.String()}, nil
}

func (r *recipeReport) writeText(w io.Writer) error {
	for _, note := range r.Notes {
		if _, err := fmt.Fprintf(w, "# %s\n", note); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, r.YAML)
	return err
}

// showRecipe returns an action that prints the recipe that open takes from the file of its argument.
func showRecipe(open func(path string) (*wiseft.Recipe, error)) action {
	return func(_ context.Context, c *call) (result, error) {
		r, err := open(c.args[0])
		if err != nil {
			return nil, err
		}
		return newRecipeReport(r.Recipe)
	}
}

func runRecipeShow(_ context.Context, c *call) (result, error) {
	m, err := method.Lookup(c.args[0])
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := recipe.Example(&text, m); err != nil {
		return nil, err
	}
	r, err := recipe.Read(strings.NewReader(text.String()))
	if err != nil {
		return nil, fmt.Errorf("the example of %s: %w", m.Name, err)
	}
	report, err := newRecipeReport(r)
	if err != nil {
		return nil, err
	}
	report.YAML = text.String()
	return report, nil
}
