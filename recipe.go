package wiseft

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wiseft/wiseft/onnxmerge"
	"github.com/wiseft/wiseft/onnxmerge/recipe"
)

// Recipe is a merge as a document.
type Recipe struct {
	*recipe.Recipe
	Models []string     // paths
	Merge  MergeOptions // that the recipe stands for
}

// ReadRecipe reads a recipe, of our form or mergekit's, with the paths of its models and its options. Files that the
// recipe names are relative to its folder, or, where that has none of the name, to the working folder. The recipe's
// Notes list what has no effect.
func ReadRecipe(path string) (*Recipe, error) {
	f, _, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := recipe.Read(f)
	if err != nil {
		return nil, withPath(path, err)
	}
	paths := func(names []string) (paths []string) {
		for _, name := range names {
			found, _ := findBeside(path, name)
			paths = append(paths, found)
		}
		return paths
	}
	return newRecipe(r, paths), nil
}

// ExtractRecipe returns the recipe that a merged model carries in its provenance. A provenance has the names of files
// without folders: the models are searched beside the merged model and in the working folder, as [Verify] does, and the
// recipe's Notes name those that are in neither. A model that no merge wrote is an error of kind Input.
func ExtractRecipe(path string) (_ *Recipe, err error) {
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	provenance, err := onnxmerge.ReadProvenance(m.Model)
	if err != nil {
		return nil, withPath(path, err)
	}
	r := recipe.FromProvenance(provenance)
	paths := func(names []string) (paths []string) {
		for i, name := range names {
			found, ok := findBeside(path, name)
			if ok {
				names[i] = filepath.ToSlash(found)
			} else {
				r.Notes = append(r.Notes, fmt.Sprintf("%s is neither beside %s nor in the working folder: write its path here",
					name, path))
			}
			paths = append(paths, found)
		}
		return paths
	}
	return newRecipe(r, paths), nil
}

// findBeside returns the path of a file that another one names: beside that one, or else in the working folder. If it
// is in neither, found is false, and the path is the one beside.
func findBeside(from, name string) (path string, found bool) {
	if IsReference(name) {
		return name, true
	}
	path = filepath.FromSlash(name)
	if filepath.IsAbs(path) {
		_, err := os.Stat(path)
		return path, err == nil
	}
	beside := filepath.Join(filepath.Dir(from), path)
	for _, path := range []string{beside, path} {
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return beside, false
}

// newRecipe returns a recipe with the paths of its files, which paths finds by their names and may write into these.
func newRecipe(r *recipe.Recipe, paths func(names []string) []string) *Recipe {
	pathOf := func(name *string) string {
		names := []string{*name}
		found := paths(names)
		*name = names[0]
		return found[0]
	}
	o := r.Options
	merge := MergeOptions{
		Method: o.Method, Params: o.Params, Set: o.Set, Extrapolate: o.Extrapolate, Include: o.Include, Exclude: o.Exclude,
		FoldNorms: o.FoldNorms, Pairs: o.Pairs, Statistics: o.Statistics,
		AllowNonfinite: o.AllowNonfinite, BackboneOutput: o.BackboneOutput, Fisher: paths(r.Fisher), DType: r.DType}
	if r.BaseWeights != "" {
		merge.BaseWeights = pathOf(&r.BaseWeights)
	}
	for _, list := range r.Adapters {
		var adapters []Adapter
		for i := range list {
			adapters = append(adapters, Adapter{Path: pathOf(&list[i].Path), Scale: list[i].Scale})
		}
		merge.Adapters = append(merge.Adapters, adapters)
	}
	if r.Repair != nil {
		d := &r.Repair.Data
		path := pathOf(&d.File)
		merge.Repair = &RepairOptions{Mode: r.Repair.Mode, Samples: d.Count, Seed: d.Seed, Layout: d.Layout,
			Data: preparedAs(*d, path)}
	}
	if r.Align != nil {
		d := &r.Align.Data
		merge.Align = &AlignOptions{By: r.Align.By, Samples: d.Count, Draws: r.Align.Draws, Seed: d.Seed, Layout: d.Layout}
		if d.File != "" {
			path := pathOf(&d.File)
			merge.Align.Data = preparedAs(*d, path)
		}
	}
	return &Recipe{Recipe: r, Models: paths(r.Models), Merge: merge}
}
