package report

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
)

func TestConfusion(t *testing.T) {
	t.Parallel()
	counts, classes := [][]int{{37, 2}, {0, 41}}, []string{"bed", "desk"}
	var picture, text bytes.Buffer
	if err := Confusion(&picture, "png", counts, classes); err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(&picture); err != nil {
		t.Error(err)
	}
	if err := Confusion(&text, "svg", counts, classes); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">37<", ">2<", ">41<", ">bed<", ">desk<"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the picture does not show %s", want)
		}
	}
	if strings.Contains(text.String(), ">0<") {
		t.Error("the picture shows an empty cell")
	}
}
