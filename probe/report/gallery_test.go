package report

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/gif"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/probe/bench/result"
)

// withSamples adds clouds of n points on three boards to a result.
func withSamples(r *result.Result, n int) *result.Result {
	random := rand.New(rand.NewPCG(1, 2))
	for range r.Changes.Pictured() {
		var s result.Sample
		for i := range n { // on the faces of three boards, as furniture has them
			p := [3]float32{1.2*random.Float32() - 0.6, 0.5 * float32(i%3-1), 1.2*random.Float32() - 0.6}
			s.Points = append(s.Points, p[i%3], p[(i+1)%3], p[(i+2)%3])
		}
		r.Samples = append(r.Samples, s)
	}
	return r
}

func decoded(t *testing.T, url, mediaType string) *bytes.Reader {
	t.Helper()
	text, ok := strings.CutPrefix(url, "data:"+mediaType+";base64,")
	if !ok {
		t.Fatalf("%.60s is no %s", url, mediaType)
	}
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(content)
}

func TestPicturesOfPage(t *testing.T) {
	t.Parallel()
	r := withSamples(full(), 256)
	doc, _ := render(t, r)
	pictures := doc.all("picture")
	if got, want := len(pictures), len(r.Changes.Pictured()); got != want {
		t.Fatalf("%d pictures, want %d", got, want)
	}
	for _, p := range pictures {
		turn, err := gif.DecodeAll(decoded(t, p.all("img")[0].attr("src"), "image/gif"))
		if err != nil || len(turn.Image) != pictureFrames {
			t.Fatalf("%v: %d frames", err, len(turn.Image))
		}
		source := p.all("source")[0]
		if !strings.Contains(source.attr("media"), "prefers-reduced-motion: reduce") {
			t.Errorf("media %q", source.attr("media"))
		}
		if _, err := png.Decode(decoded(t, source.attr("srcset"), "image/png")); err != nil {
			t.Error(err)
		}
	}
	if got := pictures[0].all("img")[0].attr("alt"); got != "sample 3, chair, jitter 5" {
		t.Errorf("the first picture is called %q", got)
	}
	strip := doc.table(t, "strip")
	if got, want := fmt.Sprint(strip[0][:3]), "[3 ✓ / ✓ ✓ / ✗ <b>lamp]"; got != want || len(strip[0]) != 2+len(r.Order) {
		t.Errorf("strip: got %s and %d cells, want %s", got, len(strip[0]), want)
	}
}

// A report with the pictures of a run over seven corruptions at three severities is small, and one result gives one page.
func TestSizeOfPictures(t *testing.T) {
	t.Parallel()
	r := full()
	r.Changes.Strip = r.Changes.Strip[:1]
	for _, name := range r.Order {
		for severity := 1; severity <= 5; severity += 2 {
			r.Changes.Strip = append(r.Changes.Strip, &result.SampleAnswer{Corruption: name, Severity: severity,
				Against: new(int), AgainstMargin: new(result.Number)})
		}
	}
	for len(r.Changes.Largest) < 12 {
		r.Changes.Largest = append(r.Changes.Largest, r.Changes.Largest[0])
	}
	withSamples(r, 1024)
	_, first := render(t, r)
	_, again := render(t, r)
	if !bytes.Equal(first, again) {
		t.Error("two pages of one result differ")
	}
	if len(first) > 2<<20 {
		t.Errorf("the page has %d bytes", len(first))
	}
}

// Images are shown as they are stored; what is neither a cloud nor an image is named without a picture.
func TestImagesOfPage(t *testing.T) {
	t.Parallel()
	r := full()
	r.Samples = make([]result.Sample, len(r.Changes.Pictured()))
	r.Samples[len(r.Samples)-1].PNG = []byte("picture")
	doc, _ := render(t, r)
	pictures := doc.all("picture")
	if len(pictures) != 1 || pictures[0].all("img")[0].attr("src") != "data:image/png;base64,cGljdHVyZQ==" {
		t.Errorf("%d pictures", len(pictures))
	}
	r.Samples = nil
	doc, _ = render(t, r)
	if !strings.Contains(doc.text(), "There are no pictures") || len(doc.all("picture")) > 0 {
		t.Error("the page does not say that there are no pictures")
	}
	if rows := doc.table(t, "largest"); len(rows) != 2 || rows[1][1] != "lost" {
		t.Errorf("the table of changes: %q", rows)
	}
}
