package picture

import (
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
)

// Figure is a picture of a page, with the line below it.
type Figure struct {
	Still []byte // PNG
	Turn  []byte // GIF; nil if the picture does not turn
	Title string
	Size  int // pixels of a side
}

//go:embed page.html.tmpl
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"png": dataURL("image/png"), "gif": dataURL("image/gif"),
	// In srcset the template would escape the comma of a URL.
	"srcset": func(content []byte) template.Srcset { return template.Srcset(dataURL("image/png")(content)) }}).
	Parse(pageText))

// WritePage writes a page of figures that needs no other file and no network, and has no script. Where a reader wants
// no motion, pictures do not turn.
func WritePage(w io.Writer, title string, notes []string, figures []Figure) error {
	return page.Execute(w, struct {
		Title   string
		Notes   []string
		Figures []Figure
	}{title, notes, figures})
}

func dataURL(mediaType string) func(content []byte) template.URL {
	return func(content []byte) template.URL {
		return template.URL("data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString(content))
	}
}
