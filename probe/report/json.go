package report

import (
	"encoding/json"
	"io"

	"github.com/wiseft/wiseft/probe/bench/result"
)

func init() {
	register(Format{Name: "json", Doc: "the whole result as one JSON document", Files: []string{"*.json"}, Write: writeJSON})
}

func writeJSON(w io.Writer, r *result.Result) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
