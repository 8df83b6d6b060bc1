package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/onnxmerge"
)

func newVerifyCommand() *cli.Command {
	return newCommand(&cli.Command{
		Name:      "verify",
		Usage:     "check that a merged model is what it says it is",
		ArgsUsage: "MERGED",
		Description: "A merged model names its recipe and the hashes of the models it was made from.\n" +
			"verify looks for these beside it (or where --pretrained and --finetuned say), compares\n" +
			"the hashes, and computes samples of every tensor anew, or all of it with --all.\n\n" +
			"Examples:\n" +
			"  wiseft verify merged.onnx\n" +
			"  wiseft verify merged.onnx --pretrained models/base.onnx --finetuned models/tuned.onnx --all",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "pretrained", Usage: "the pre-trained model's `FILE`"},
			&cli.StringFlag{Name: "finetuned", Usage: "the fine-tuned model's `FILE`, which is the last of those that were merged"},
			&cli.StringSliceFlag{Name: "further", Usage: "`FILE` of a model between them, or then of a Fisher information; in their order, all or none"},
			&cli.BoolFlag{Name: "all", Usage: "compare every byte instead of samples"},
			&cli.Uint64Flag{Name: "seed", Usage: "of the choice of samples", EnvVars: []string{"WISEFT_SEED"}},
		},
	}, runVerify)
}

type verifyReport struct {
	Schema      string                `json:"schema"`
	Output      string                `json:"output"`
	Provenance  *onnxmerge.Provenance `json:"provenance"`
	Inputs      []string              `json:"inputs"`
	Tensors     int                   `json:"tensors"`
	Bytes       int64                 `json:"bytes"` // of payload compared
	All         bool                  `json:"all"`
	Differences []string              `json:"differences"`
}

func runVerify(ctx context.Context, c *call) (result, error) {
	args, err := c.args("MERGED")
	if err != nil {
		return nil, err
	}
	merged, err := openModel(args[0])
	if err != nil {
		return nil, err
	}
	defer merged.Close()
	from, err := onnxmerge.ReadProvenance(merged.Model)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", args[0], err)
	}
	r := &verifyReport{Schema: "wiseft.verify/1", Output: args[0], Provenance: from, All: c.Bool("all"), Differences: []string{}}
	if r.Inputs, err = c.mergedFrom(args[0], from); err != nil {
		return nil, err
	}
	inputs, err := openModels(r.Inputs)
	if err != nil {
		return nil, err
	}
	defer inputs.Close()
	if err := r.compare(ctx, c, merged, inputs); err != nil {
		return nil, err
	}
	if len(r.Differences) == 0 {
		return r, nil
	}
	return nil, mismatchError{fmt.Sprintf("%s is not what it says it is: %s", args[0], list(r.Differences))}
}

// mergedFrom returns where the inputs of a merge are: where flags say, else beside the
// merged model.
func (c *call) mergedFrom(merged string, from *onnxmerge.Provenance) ([]string, error) {
	last := len(from.Models) - 1
	further := c.StringSlice("further")
	sources := append(slices.Clone(from.Models), from.Fisher...)
	if want := len(sources) - 2; len(further) > 0 && len(further) != want {
		return nil, usageError{msg: fmt.Sprintf("--further names %d files, and %d models were merged beside the first and the last", len(further), want)}
	}
	var paths []string
	beside := map[string]string{} // hashes by name
	for i, s := range sources {
		path := ""
		switch {
		case i == 0:
			path = c.String("pretrained")
		case i == last:
			path = c.String("finetuned")
		case len(further) > 0:
			path, further = further[0], further[1:]
		}
		if hash, ok := beside[s.File]; path == "" && ok && hash != s.SHA256 {
			return nil, usageError{msg: fmt.Sprintf("more than one model was named %s", s.File), hint: "say where they are with --pretrained, --finetuned and --further"}
		}
		beside[s.File] = s.SHA256
		paths = append(paths, cmp.Or(path, filepath.Join(filepath.Dir(merged), s.File)))
	}
	return paths, nil
}

// compare fills the report.
func (r *verifyReport) compare(ctx context.Context, c *call, merged *modelFile, inputs modelFiles) error {
	opt := r.Provenance.Options()
	opt.Workers = runtime.NumCPU()
	models := len(r.Provenance.Models)
	opt.Fisher = inputs.graphs()[models:]
	plan, err := onnxmerge.NewPlanOf(ctx, inputs.graphs()[:models], opt)
	if err != nil {
		return namePair(err, r.Inputs)
	}
	bar := c.newProgress("verifying", "tensors")
	defer bar.end()
	for _, m := range append(modelFiles{merged}, inputs...) {
		m.TrackHashes(64 << 20)
	}
	found, err := plan.Verify(ctx, merged.Model, onnxmerge.VerifyOptions{All: r.All, Seed: c.Uint64("seed")},
		func(done, total int64) { bar.set(int(done), int(total)) })
	if err != nil {
		return err
	}
	r.Tensors, r.Bytes = found.Tensors, found.Bytes
	bar.describe("hashing")
	sources := append(slices.Clone(r.Provenance.Models), r.Provenance.Fisher...)
	for i, m := range inputs {
		if err := r.compareHashes(ctx, m, sources[i]); err != nil {
			return err
		}
	}
	files, err := merged.Files(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", merged.path, err)
	}
	for i, f := range files[1:] {
		if i >= len(r.Provenance.Data) || f.Hash != r.Provenance.Data[i].XXH3 {
			r.Differences = append(r.Differences, fmt.Sprintf("the data file %s has changed", f.Name))
		}
	}
	r.Differences = append(r.Differences, found.Differences...)
	return nil
}

// compareHashes notes where an input is not the one that was merged.
func (r *verifyReport) compareHashes(ctx context.Context, m *modelFile, want onnxmerge.Source) error {
	files, err := m.Files(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", m.path, err)
	}
	if files[0].Hash != want.SHA256 {
		r.Differences = append(r.Differences, fmt.Sprintf("%s has sha256 %s, merged was one with %s", m.path, files[0].Hash, want.SHA256))
	}
	for i, f := range files[1:] {
		if i >= len(want.Data) || f.Hash != want.Data[i].XXH3 {
			r.Differences = append(r.Differences, fmt.Sprintf("the data file %s of %s is not the one that was merged", f.Name, m.path))
		}
	}
	return nil
}

func (r *verifyReport) writeText(w io.Writer) error {
	how := "samples of"
	if r.All {
		how = "all of"
	}
	_, err := fmt.Fprintf(w, "%s is what it says it is: %s of %s and %s\n%d tensors agree in %s their payload, %s bytes; the hashes agree\n",
		r.Output, recipeOf(r.Provenance), strings.Join(r.Inputs[:len(r.Inputs)-1], ", "), r.Inputs[len(r.Inputs)-1], r.Tensors, how, humanize.Comma(r.Bytes))
	return err
}

// list writes a few lines one below the other.
func list(lines []string) string {
	const most = 10
	text := ""
	for i, line := range lines {
		if i == most {
			return text + fmt.Sprintf("\n  and %d more", len(lines)-most)
		}
		text += "\n  " + line
	}
	return text
}
