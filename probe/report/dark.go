package report

import (
	"io"
	"strings"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// WriteDarkPlot writes the plot of that name as SVG in the colours of the dark page, on its dark ground: the twin of
// [WritePlot] for documents that have a picture for either. Errors are those of WritePlot.
func WriteDarkPlot(w io.Writer, name string, r *result.Result) error {
	var light strings.Builder
	if err := WritePlot(&light, name, "svg", r); err != nil {
		return err
	}
	var pairs []string
	for _, c := range pageColors {
		for _, property := range []string{"fill:", "stroke:"} {
			pairs = append(pairs, property+svgColor(c.color), property+c.dark)
		}
	}
	_, err := strings.NewReplacer(pairs...).WriteString(w, light.String())
	return err
}
