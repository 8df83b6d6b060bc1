package picture

import (
	"image"
	"image/color"
	"slices"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// Thumbnail draws an image, [3 height width] with values from 0 to 1, in a square of size pixels; what the square has
// beyond it is transparent. Values outside are drawn as 0 or 1.
func Thumbnail(x []float32, height, width, size int) *image.NRGBA {
	whole := image.NewNRGBA(image.Rect(0, 0, width, height))
	plane := height * width
	for i := range plane {
		for k := range 3 {
			whole.Pix[4*i+k] = uint8(min(max(x[k*plane+i], 0), 1)*255 + 0.5)
		}
		whole.Pix[4*i+3] = 255
	}
	m := image.NewNRGBA(image.Rect(0, 0, size, size))
	side := max(height, width)
	w, h := max(1, width*size/side), max(1, height*size/side)
	at := image.Rect((size-w)/2, (size-h)/2, (size-w)/2+w, (size-h)/2+h)
	draw.BiLinear.Scale(m, at, whole, whole.Rect, draw.Src, nil)
	return m
}

// Tile is a picture of a sheet with the line below it.
type Tile struct {
	Picture image.Image
	Title   string
}

const (
	gap       = 8  // pixels between tiles
	lineSpace = 16 // pixels of a title
)

var titleColor = color.NRGBA{110, 119, 129, 255} // is read on white and on near black

// TurningSheet returns the pictures of clouds that turn side by side: frames are those of each cloud, as [Turn] returns
// them. The layout is that of [Sheet].
func TurningSheet(clouds [][]*image.Paletted, titles []string, columns int) []*image.Paletted {
	if len(clouds) == 0 {
		return nil
	}
	colors := append(slices.Clone(palette), titleColor)
	var sheets []*image.Paletted
	for frame := range clouds[0] {
		tiles := make([]Tile, len(clouds))
		for i := range clouds {
			tiles[i] = Tile{clouds[i][frame], titles[i]}
		}
		whole := Sheet(tiles, columns)
		m := image.NewPaletted(whole.Rect, colors)
		draw.Draw(m, m.Rect, whole, image.Point{}, draw.Src)
		sheets = append(sheets, m)
	}
	return sheets
}

// Sheet draws tiles in rows of columns. All pictures have the size of the first; titles are cut to its width, and what
// the font lacks is drawn as a box.
func Sheet(tiles []Tile, columns int) *image.NRGBA {
	if len(tiles) == 0 {
		return image.NewNRGBA(image.Rectangle{})
	}
	size := tiles[0].Picture.Bounds().Size()
	columns = min(columns, len(tiles))
	rows := (len(tiles) + columns - 1) / columns
	m := image.NewNRGBA(image.Rect(0, 0, columns*(size.X+gap)+gap, rows*(size.Y+lineSpace+gap)+gap))
	for i, t := range tiles {
		at := image.Pt(gap+i%columns*(size.X+gap), gap+i/columns*(size.Y+lineSpace+gap))
		draw.Draw(m, image.Rectangle{at, at.Add(size)}, t.Picture, t.Picture.Bounds().Min, draw.Over)
		d := font.Drawer{Dst: m, Src: image.NewUniform(titleColor), Face: basicfont.Face7x13}
		title := []rune(t.Title)
		for len(title) > 0 && d.MeasureString(string(title)).Ceil() > size.X {
			title = title[:len(title)-1]
		}
		d.Dot = fixed.P(at.X+(size.X-d.MeasureString(string(title)).Ceil())/2, at.Y+size.Y+lineSpace-4)
		d.DrawString(string(title))
	}
	return m
}
