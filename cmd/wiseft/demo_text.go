package main

import (
	"fmt"
	"io"
	"path/filepath"

	benchresult "github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/report"
)

// demoReport is the demo's result: that of the sweep, and of attaching the chosen probe.
type demoReport struct {
	Schema     string              `json:"schema"`
	Folder     string              `json:"folder"`
	Files      []string            `json:"files"`
	Difference float64             `json:"attached_difference"` // largest, between probe and attached model
	Seconds    float64             `json:"seconds"`
	PeakMemory int64               `json:"peak_memory_bytes"` // 0 if it is not available
	Result     *benchresult.Result `json:"result"`
}

func (r *demoReport) writeText(w io.Writer) error {
	_, err := io.WriteString(w, r.intro())
	if err == nil {
		err = report.Write(w, "table", r.Result)
	}
	if err == nil {
		_, err = io.WriteString(w, r.gains()+r.files())
	}
	return err
}

// intro says what was done.
func (r *demoReport) intro() string {
	s := r.Result.Settings
	return fmt.Sprintf(`A small network was pre-trained on clean shapes with strong augmentation (alpha 0), and fine-tuned
on %d scans without any (alpha 1). In between, its weights are mixed, and statistics of its activations
are measured on training scans besides (repaired). On the features of each mix a linear probe was
fitted to the same scans, %d others chose alpha, and %d more test it, clean and under seven corruptions
of five severities.

`, s.Train.N, s.Val.N, s.Tests[0].N)
}

// gains compares the chosen merge with the fine-tuned model; "" if that was not measured, or is the chosen one.
func (r *demoReport) gains() string {
	c := againstFinetuned(r.Result)
	if c == nil || c.MOA == nil {
		return ""
	}
	return fmt.Sprintf("\nThe chosen alpha %g%s against the fine-tuned model, on the same test scans:\n"+
		"  mOA, the mean accuracy under corruption  %s\n  accuracy on clean scans                  %s\n",
		*r.Result.Chosen.Alpha, repairedText(r.Result.Chosen), r.change(c.MOA), r.change(c.Clean))
}

// repairedText marks a repaired mix behind its alpha.
func repairedText(c *benchresult.Chosen) string {
	if c.Repaired {
		return ", repaired,"
	}
	return ""
}

// againstFinetuned returns the differences of the chosen merge and the fine-tuned model; nil if there are none.
func againstFinetuned(r *benchresult.Result) *benchresult.Comparison {
	for _, c := range r.Statistics.Comparisons {
		if c.A == r.Chosen.ID && c.B == "alpha=1" {
			return c
		}
	}
	return nil
}

// change writes "+3.4 points (95 % interval +2.8 to +4.0)", and whether the interval excludes 0.
func (r *demoReport) change(d *benchresult.Difference) string {
	text := fmt.Sprintf("%+.1f points (%g %% interval %+.1f to %+.1f)", 100*d.Difference, 100*r.Result.Statistics.Level,
		100*d.Interval[0], 100*d.Interval[1])
	if d.Interval[0] <= 0 && d.Interval[1] >= 0 {
		text += ": no measurable change"
	}
	return text
}

// files names what was written, and what to do next.
func (r *demoReport) files() string {
	in := func(name string) string { return filepath.Join(r.Folder, name) }
	memory := ""
	if r.PeakMemory > 0 {
		memory = fmt.Sprintf(", peak memory %d MiB", r.PeakMemory>>20)
	}
	return fmt.Sprintf(`
%.1f s%s. In %s:
  report.html                 verdict, plots and tables: open it in a browser
  table.txt, results.csv      the table above, and every figure on a line of its own
  units                       the samples whose pictures the report has
  result.json                 all figures with what produced them
  curve.svg, curve.png        clean accuracy against robustness over alpha
  classifier.onnx             the merge at alpha %g%s with its probe attached (scores agree to %.1g)
  pretrained.onnx, finetuned.onnx, train.npz, val.npz, test.npz

Try next:
  %s
  wiseft bench chosen.onnx --train %s --test %s --corruption jitter
  wiseft sweep YOUR_PRETRAINED.onnx YOUR_FINETUNED.onnx --train DATA --val DATA --test DATA --points 1024 -o run
`, r.Seconds, memory, r.Folder, *r.Result.Chosen.Alpha, repairedText(r.Result.Chosen), r.Difference,
		r.Result.Chosen.Command, in("train.npz"), in("test.npz"))
}
