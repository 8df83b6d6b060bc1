// Package arch tests that packages import only what the table in ARCHITECTURE.md allows.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../.."
	module = "github.com/wiseft/wiseft"
)

// imports maps a package to the packages that it may import, or imports, beside the standard library.
type imports map[string][]string

// readTable reads the block marked ```imports in ARCHITECTURE.md. Each line holds a package and the packages that
// it may import.
func readTable(t *testing.T) imports {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(text), "```imports\n")
	block, _, closed := strings.Cut(block, "```")
	if !ok || !closed {
		t.Fatal("ARCHITECTURE.md has no block ```imports")
	}
	table := imports{}
	for line := range strings.Lines(block) {
		words := strings.Fields(line)
		if len(words) < 2 {
			t.Fatalf("line %q of the import table names nothing to import; write std", line)
		}
		if _, dup := table[words[0]]; dup {
			t.Fatalf("%s is in the import table twice", words[0])
		}
		table[words[0]] = words[1:]
	}
	return table
}

// readImports returns the packages that the non-test files of every package import, without the standard library.
func readImports(t *testing.T) imports {
	t.Helper()
	found := imports{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if name == "testdata" || name != ".." && strings.HasPrefix(name, ".") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		pkg := filepath.ToSlash(rel)
		found[pkg] = append(found[pkg], "std")
		for _, spec := range parsed.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if first, _, _ := strings.Cut(name, "/"); strings.Contains(first, ".") || name == "C" {
				if name == module {
					name = "."
				}
				found[pkg] = append(found[pkg], strings.TrimPrefix(name, module+"/"))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (allowed imports) permits(pkg, name string) bool {
	for _, prefix := range allowed[pkg] {
		if name == prefix || strings.HasPrefix(name, prefix+"/") && strings.Contains(prefix, ".") {
			return true
		}
	}
	return name == "std" || strings.HasPrefix(name, "internal/")
}

func TestImports(t *testing.T) {
	t.Parallel()
	table, found := readTable(t), readImports(t)
	if len(found) < 10 {
		t.Fatalf("found %d packages only", len(found))
	}
	for pkg, names := range found {
		if _, ok := table[pkg]; !ok {
			t.Errorf("package %s is missing from the import table of ARCHITECTURE.md", pkg)
			continue
		}
		for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
			if !table.permits(pkg, name) {
				t.Errorf("%s must not import %s", pkg, name)
			}
		}
	}
	for pkg := range table {
		if _, ok := found[pkg]; !ok {
			t.Errorf("the import table names %s, which does not exist", pkg)
		}
	}
}

// TestTableKeepsTheRules checks the table itself: no line may allow what a rule forbids.
func TestTableKeepsTheRules(t *testing.T) {
	t.Parallel()
	for pkg, names := range readTable(t) {
		top, _, _ := strings.Cut(pkg, "/")
		for _, name := range names {
			other, _, _ := strings.Cut(name, "/")
			switch {
			case top == "onnxmerge" && other == "probe", top == "probe" && other == "onnxmerge":
				t.Errorf("%s may not import %s: the two sides meet in the root package", pkg, name)
			case top == "internal" && name != "std" && other != "internal":
				t.Errorf("%s is for helpers that need the standard library alone, and may not import %s", pkg, name)
			case strings.HasPrefix(name, "cmd/"):
				t.Errorf("%s may not import a command", pkg)
			case name == "C":
				t.Errorf("%s may not use cgo", pkg)
			case (strings.Contains(name, "onnxruntime_go") || strings.Contains(name, "purego")) && path.Clean(pkg) != "probe/ort",
				strings.Contains(name, "urfave/cli") && top != "cmd",
				strings.Contains(name, "onnx-go") && pkg != "onnxmerge/onnx/flow":
				t.Errorf("%s may not import %s", pkg, name)
			}
		}
	}
}
