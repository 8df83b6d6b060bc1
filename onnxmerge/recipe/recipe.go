// Package recipe reads and writes merges as YAML documents.
//
// A recipe has either wiseft's own form, which [Example] writes for every method, or mergekit's, as far as it applies
// to ONNX files: models, merge_method, base_model, parameters with gradients and filters, dtype and out_dtype. All
// other keys of mergekit are refused by name. Every error states the line. Limit: 1 MiB.
//
// The package imports onnxmerge and not the other way round, so that merging does not depend on YAML. The YAML
// library is go.yaml.in/yaml/v3, which the YAML organisation maintains and which testify requires anyway;
// goccy/go-yaml would do as well.
package recipe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/wiseft/wiseft/internal/fault"
	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/method"
	"go.yaml.in/yaml/v3"
)

// maxBytes is the size limit of a recipe.
const maxBytes = 1 << 20

// Recipe is a merge as described by a document.
type Recipe struct {
	Models []string // files: the pre-trained model first, the model whose file is written last
	// BaseWeights is the checkpoint that the last ONNX model was exported from, by which checkpoints among Models are read; "" is
	// none.
	BaseWeights string
	Adapters    [][]Adapter // that are added to models, by their place; nil for a model without
	Fisher      []string    // files, in the order of Models
	Options     onnxmerge.Options
	DType       string  // dtype that weights must have; "" if the document has none
	Align       *Align  // nil without one
	Repair      *Repair // nil without one
	// Notes lists keys of the document that have no effect, with the reason, one line each.
	Notes []string
}

// Error reports a document that is not a recipe. Line counts from 1; 0 means the whole document. Its kind is Input.
type Error struct {
	Line int
	msg  string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.msg
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.msg)
}

// Kind returns fault.Input.
func (e *Error) Kind() fault.Kind { return fault.Input }

// Read reads a recipe of either form and checks everything that does not need the models. Errors are *[Error], or
// come from r.
func Read(r io.Reader) (*Recipe, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, &Error{msg: fmt.Sprintf("a recipe of more than %d bytes", maxBytes)}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	switch err := decoder.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &Error{msg: "the recipe is empty"}
	case err != nil:
		return nil, &Error{msg: strings.TrimPrefix(err.Error(), "yaml: ")}
	case decoder.Decode(&more) == nil:
		return nil, &Error{Line: more.Line, msg: "a second document; a recipe has one"}
	}
	top, err := mapping(doc.Content[0])
	if err != nil {
		return nil, err
	}
	var out *Recipe
	if top.has("merge_method") || top.has("slices") || top.has("modules") {
		out, err = readMergekit(top)
	} else {
		out, err = readOwn(top)
	}
	if err != nil {
		return nil, err
	}
	return out, out.check(top)
}

// check refuses what the method does not accept.
func (r *Recipe) check(top *object) error {
	m, err := method.Lookup(r.Options.Method)
	if err != nil {
		return top.fail("method", err)
	}
	complete := m.Complete
	if r.Options.Extrapolate {
		complete = m.CompleteBeyond
	}
	full, err := complete(r.Options.Params)
	if err != nil {
		return top.fail("params", err)
	}
	if len(r.Models) > 0 {
		if err := m.CheckModels(full.At(0), len(r.Models)); err != nil {
			return top.fail("models", err)
		}
	}
	for _, o := range r.Options.Set {
		if _, err := complete(o.Params); err != nil {
			return top.fail("set", err)
		}
		if err := o.Check(); err != nil {
			return top.fail("set", err)
		}
	}
	return nil
}
