package picture

import (
	"bytes"
	"image"
	"image/gif"
	"image/png"
	"math"
	"strings"
	"testing"
)

var front = View{}

// shadeAt returns the shade of the pixel at a place from -1 to 1, x to the right and y up; 0 is the ground.
func shadeAt(m *image.Paletted, x, y float64) uint8 {
	side := float64(m.Rect.Dx())
	return m.ColorIndexAt(int((x/margin+1)/2*side), int((-y/margin+1)/2*side))
}

// The axis x points to the right, y up and z to the viewer; near points cover far ones and have a higher shade.
func TestCloudDirections(t *testing.T) {
	t.Parallel()
	unit := Frame{Radius: 1}
	points := []float32{0.9, 0, 0, 0, 0.9, 0, 0, 0, 1, 0, 0, -1}
	m := Cloud(points, unit, front, 64)
	for _, test := range []struct {
		x, y float64
		want uint8
	}{{0.9, 0, 8}, {0, 0.9, 8}, {0, 0, shades}, {-0.9, 0, 0}, {0, -0.9, 0}, {0.5, 0.5, 0}} {
		if got := shadeAt(m, test.x, test.y); got != test.want {
			t.Errorf("at %g %g: shade %d, want %d", test.x, test.y, got, test.want)
		}
	}
	if m := Cloud([]float32{0, 0, 0.9}, unit, View{Azimuth: 90}, 64); shadeAt(m, -0.9, 0) == 0 {
		t.Error("from the right, what points to the viewer is not on the left")
	}
	if m := Cloud([]float32{0, 0, -0.9}, unit, View{Elevation: 90}, 64); shadeAt(m, 0, 0.9) == 0 {
		t.Error("from above, what is far from the front is not up")
	}
}

// A cloud fills its frame from wherever it is seen, and values that are not finite are left out.
func TestFrame(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, test := range map[string]struct {
		points []float32
		want   Frame
	}{
		"box":     {[]float32{1, 2, 3, 3, 2, 3}, Frame{[3]float64{2, 2, 3}, 1}},
		"point":   {[]float32{5, 5, 5}, Frame{[3]float64{5, 5, 5}, 0}},
		"none":    {nil, Frame{}},
		"bad":     {[]float32{1, 2, 3, 3, 2, 3, nan, 2, 3, inf, 2, 3}, Frame{[3]float64{2, 2, 3}, 1}},
		"all bad": {[]float32{nan, nan, nan}, Frame{}},
	} {
		got := FrameOf(test.points)
		if got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
		Cloud(test.points, got, Default, 32)
		Braille(test.points, got, Default, 10)
	}
}

func TestBraille(t *testing.T) {
	t.Parallel()
	unit := Frame{Radius: 1}
	// Two points in opposite corners of a square of 4 characters, which are 2 lines.
	got := strings.Join(Braille([]float32{-0.99, 0.99, 0, 0.99, -0.99, 0}, unit, front, 4), "|")
	if want := "⠁|⠀⠀⠀⢀"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Braille([]float32{0, 0, 0}, unit, front, 40); len(got) != 1 {
		t.Errorf("a point takes the lines %q", got)
	}
}

// A turn can be decoded, has the number of pictures, and ends before it repeats the first.
func TestTurn(t *testing.T) {
	t.Parallel()
	points := []float32{1, 0, 0, 0, 1, 0, 0, 0, -1}
	frames := TurningSheet([][]*image.Paletted{Turn(points, FrameOf(points), Default, 32, 6),
		Turn(points, FrameOf(points), Default, 32, 6)}, []string{"one", "two"}, 2)
	var b bytes.Buffer
	if err := WriteGIF(&b, frames); err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(&b)
	if err != nil || len(g.Image) != 6 || g.LoopCount != 0 {
		t.Fatalf("%d pictures, %v", len(g.Image), err)
	}
	if bytes.Equal(g.Image[0].Pix, g.Image[5].Pix) || bytes.Equal(g.Image[0].Pix, g.Image[1].Pix) {
		t.Error("pictures are equal")
	}
	if _, _, _, a := g.Image[0].At(0, 0).RGBA(); a != 0 {
		t.Error("the ground is not transparent")
	}
}

// A thumbnail keeps colours and proportions.
func TestThumbnail(t *testing.T) {
	t.Parallel()
	const height, width = 2, 4
	x := make([]float32, 3*height*width)
	for i := range height * width {
		x[i], x[height*width+i], x[2*height*width+i] = 1, 0.5, -3
	}
	m := Thumbnail(x, height, width, 8)
	if got := m.NRGBAAt(4, 4); got.R != 255 || got.G != 128 || got.B != 0 || got.A != 255 {
		t.Errorf("got %v", got)
	}
	if got := m.NRGBAAt(4, 0); got.A != 0 {
		t.Errorf("above the image is %v", got)
	}
}

// Sheets hold all tiles, of one size, and titles of any length.
func TestSheet(t *testing.T) {
	t.Parallel()
	tile := Tile{Cloud([]float32{0, 0, 0}, Frame{}, front, 20), strings.Repeat("long ", 20)}
	m := Sheet([]Tile{tile, tile, tile}, 2)
	if got, want := m.Rect, image.Rect(0, 0, 2*28+8, 2*(20+16+8)+8); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	var b bytes.Buffer
	if err := WritePNG(&b, m); err != nil {
		t.Fatal(err)
	}
	if back, err := png.Decode(&b); err != nil || back.Bounds() != m.Rect {
		t.Errorf("%v", err)
	}
	if Sheet(nil, 2).Rect.Dx() != 0 {
		t.Error("a sheet of nothing is not empty")
	}
}

// Names from files cannot inject anything into a page.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	bad := `"><script>alert(1)</script>`
	if err := WritePage(&b, bad, []string{bad}, []Figure{{Still: []byte("x"), Turn: []byte("y"), Title: bad, Size: 20}}); err != nil {
		t.Fatal(err)
	}
	if page := b.String(); strings.Contains(page, "<script") || strings.Count(page, "data:image/") != 2 {
		t.Error(page)
	}
}

// Where no motion is wanted the page shows the still picture, whose URL is as that of an image.
func TestStillPictureOfPage(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := WritePage(&out, "clouds", nil, []Figure{{Still: []byte("still"), Turn: []byte("turn"), Title: "chair", Size: 10}}); err != nil {
		t.Fatal(err)
	}
	if want := `srcset="data:image/png;base64,c3RpbGw="`; !strings.Contains(out.String(), want) {
		t.Errorf("the page has no %s: %s", want, out.String())
	}
}

func TestDisplayed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ x, want []float32 }{
		"as it is":   {[]float32{0, 0.5, 1}, []float32{0, 0.5, 1}},
		"normalised": {[]float32{(0.2 - 0.485) / 0.229, (0.9 - 0.456) / 0.224, (0 - 0.406) / 0.225}, []float32{0.2, 0.9, 0}},
		"stretched":  {[]float32{0, 51, 255}, []float32{0, 0.2, 1}},
		"equal":      {[]float32{7, 7, 7}, []float32{7, 7, 7}},
	} {
		got := Displayed(test.x)
		for i := range got {
			if math.Abs(float64(got[i]-test.want[i])) > 1e-6 {
				t.Errorf("%s: got %v, want %v", name, got, test.want)
				break
			}
		}
	}
}
