package corrupt_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// exact holds the functions of package math whose results are the same bits on every processor: operations that
// IEEE 754 rounds correctly, and those that only move or compare bits. All others, such as Sin, Exp and Pow, are
// approximations that Go computes by other code on other processors.
var exact = []string{
	"Abs", "Ceil", "Copysign", "FMA", "Float32bits", "Float32frombits", "Float64bits", "Float64frombits", "Floor",
	"Frexp", "Inf", "IsInf", "IsNaN", "Ldexp", "Max", "Min", "Mod", "Modf", "NaN", "Nextafter", "Nextafter32",
	"Remainder", "Round", "RoundToEven", "Signbit", "Sqrt", "Trunc",
}

// TestExactArithmetic checks that corruptions call only exact functions of package math. Package precise, which
// computes the others correctly rounded, is the one exception.
func TestExactArithmetic(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "precise" || d.Name() == "corrupttest") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files++
			for _, problem := range inexact(t, path, nil) {
				t.Error(problem)
			}
		}
		return nil
	})
	if err != nil || files < 40 {
		t.Fatalf("read %d files (%v)", files, err)
	}
}

// TestInexactIsFound checks inexact itself.
func TestInexactIsFound(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]int{
		`package p; import "math"; var x = math.Sin(1) + math.Sqrt(2) + math.Pi`: 1,
		`package p; import m "math"; var f, g = m.Exp, m.Floor`:                  1,
		`package p; import . "math"; var x = Pi`:                                 1,
		`package p; import "math/cmplx"; var x = cmplx.Exp(1)`:                   1,
		`package p; import "math/rand/v2"; var x = rand.N(3)`:                    0,
	} {
		if got := inexact(t, "p.go", source); len(got) != want {
			t.Errorf("%s: found %q, want %d", source, got, want)
		}
	}
}

// inexact lists the uses of functions outside of exact in a Go file. src is as for parser.ParseFile.
func inexact(t *testing.T, path string, src any) (problems []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	name := ""
	for _, spec := range file.Imports {
		switch spec.Path.Value {
		case `"math"`:
			name = "math"
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if name == "." {
				problems = append(problems, fmt.Sprintf("%s: math is imported without a name", set.Position(spec.Pos())))
			}
		case `"math/cmplx"`:
			problems = append(problems, fmt.Sprintf("%s: math/cmplx is not exact", set.Position(spec.Pos())))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := s.X.(*ast.Ident); ok && name != "" && pkg.Name == name && !isConstant(s.Sel.Name) &&
			!slices.Contains(exact, s.Sel.Name) {
			problems = append(problems, fmt.Sprintf("%s: math.%s differs between processors; see package precise",
				set.Position(s.Pos()), s.Sel.Name))
		}
		return true
	})
	return problems
}

// isConstant reports whether name is a constant of package math.
func isConstant(name string) bool {
	return name == "Pi" || name == "E" || name == "Phi" || strings.HasPrefix(name, "Max") && name != "Max" ||
		strings.HasPrefix(name, "Smallest") || strings.HasPrefix(name, "Ln") ||
		strings.HasPrefix(name, "Sqrt") && name != "Sqrt" ||
		name == "Log2E" || name == "Log10E"
}
