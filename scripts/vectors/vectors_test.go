// Package vectors tests that the vector files of merge methods and solvers were made by the modules beside it.
package vectors

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// families are the folders of modules, and where their vector files lie.
var families = map[string]string{
	"methods": "../../onnxmerge/method/testdata",
	"solvers": "../../probe/fit/testdata",
}

// TestVectorsAreMadeByTheirSource compares the hash in every vector file with the hash of the module that makes
// it, computed as family.py does. Modules without a file and files without a module fail.
func TestVectorsAreMadeByTheirSource(t *testing.T) {
	t.Parallel()
	for family, target := range families {
		modules, err := filepath.Glob(filepath.Join(family, "[a-z]*.py"))
		if err != nil || len(modules) == 0 {
			t.Fatalf("%d modules in %s (%v)", len(modules), family, err)
		}
		want := map[string]string{}
		for _, module := range modules {
			name := strings.TrimSuffix(filepath.Base(module), ".py")
			if family == "solvers" {
				name = strings.ReplaceAll(name, "_", "-")
			}
			want[name] = digest(t, module)
		}
		files, err := filepath.Glob(filepath.Join(target, "*.json"))
		if err != nil || len(files) != len(modules) {
			t.Errorf("%d vector files for %d modules in %s (%v)", len(files), len(modules), family, err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			if got := recorded(t, file); got != want[name] {
				t.Errorf("%s was made by source %.12q, which is %.12q: run the script that makes it",
					file, got, want[name])
			}
		}
	}
}

// recorded reads the hash that a vector file holds.
func recorded(t *testing.T, file string) string {
	t.Helper()
	var doc struct {
		ScriptSHA256 string `json:"script_sha256"`
		MadeBy       struct {
			ScriptSHA256 string `json:"script_sha256"`
		} `json:"made_by"`
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return doc.ScriptSHA256 + doc.MadeBy.ScriptSHA256
}

// digest is digest of family.py.
func digest(t *testing.T, module string) string {
	t.Helper()
	dir := filepath.Dir(module)
	imports := regexp.MustCompile(`(?m)^from ` + dir + `\.(_\w+) import`)
	found := []string{module}
	var lines []string
	for i := 0; i < len(found); i++ {
		text, err := os.ReadFile(found[i])
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %x\n", filepath.Base(found[i]), sha256.Sum256(text)))
		for _, match := range imports.FindAllStringSubmatch(string(text), -1) {
			if other := filepath.Join(dir, match[1]+".py"); !slices.Contains(found, other) {
				found = append(found, other)
			}
		}
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}
