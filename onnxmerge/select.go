package onnxmerge

import (
	"fmt"
	"path"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
)

func checkGlobs(lists ...[]string) error {
	for _, globs := range lists {
		for _, g := range globs {
			if _, err := path.Match(g, ""); err != nil {
				return &GlobError{g}
			}
		}
	}
	return nil
}

// GlobError reports a malformed pattern.
type GlobError struct{ Glob string }

// Kind implements the kinds of package fault.
func (*GlobError) Kind() fault.Kind { return fault.Usage }

func (e *GlobError) Error() string { return fmt.Sprintf("pattern %q is malformed", e.Glob) }

// notSelected is the decision of a tensor that would be merged or refused if the patterns selected it.
func notSelected() decision {
	return decision{Action: Copy, Reason: reasonNotSelected, deselected: true}
}

func selected(id string, include, exclude []string) bool {
	return (len(include) == 0 || matchAny(include, id)) && !matchAny(exclude, id)
}

// matchAny matches as path.Match does, except that * and ? match slashes, too: they have no meaning in tensor names.
func matchAny(globs []string, id string) bool {
	const slash = "\x00"
	id = strings.ReplaceAll(id, "/", slash)
	for _, g := range globs {
		if ok, _ := path.Match(strings.ReplaceAll(g, "/", slash), id); ok {
			return true
		}
	}
	return false
}
