package report

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The dark twin has the marks of the light one and none of its colours, and its colours are those of the dark page.
func TestDarkPlot(t *testing.T) {
	t.Parallel()
	light := string(drawPlot(t, "curve", "svg", full()))
	var out strings.Builder
	if err := WriteDarkPlot(&out, "curve", full()); err != nil {
		t.Fatal(err)
	}
	colors := regexp.MustCompile(`(fill|stroke):#[0-9A-Fa-f]{6}`)
	if colors.ReplaceAllString(light, "") != colors.ReplaceAllString(out.String(), "") {
		t.Error("the dark plot differs in more than colours")
	}
	_, style, _ := strings.Cut(pageStyle, "prefers-color-scheme: dark")
	for _, c := range colors.FindAllString(out.String(), -1) {
		if !strings.Contains(style, strings.ToLower(c[len(c)-7:])) {
			t.Errorf("%s is no colour of the dark page", c)
		}
	}
	used := colors.FindAllString(light, -1)
	for _, c := range colors.FindAllString(out.String(), -1) {
		if slices.Contains(used, c) {
			t.Errorf("%s is of the light plot", c)
		}
	}
}
