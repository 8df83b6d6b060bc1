// Package gallery has finished reports; its test checks the files.
package gallery

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxBytes bounds all pages together.
const maxBytes = 3 << 20

// loads finds what a browser would load: sources and style sheets that are not in the page.
var loads = regexp.MustCompile(`(?:src|srcset)="([^"]*)|url\(([^)]*)|<link[^>]*|@import[^;]*`)

// The lists name all pages and no others; pages load nothing, have no script but for the one that is for it, and are small.
func TestPages(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("pages/*")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		page := string(data)
		total += len(data)
		if path == "pages/explore.html" != strings.Contains(page, "<script") {
			t.Errorf("%s: has a script: %t", path, strings.Contains(page, "<script"))
		}
		for _, found := range loads.FindAllStringSubmatch(page, -1) {
			if address := found[1] + found[2]; !strings.HasPrefix(address, "data:") {
				t.Errorf("%s loads %.80s", path, found[0])
			}
		}
		if strings.Contains(page, os.TempDir()) || strings.Contains(page, "/home/") {
			t.Errorf("%s has a path of the machine that made it", path)
		}
	}
	if total > maxBytes || len(paths) < 7 {
		t.Errorf("%d pages have %d bytes, want at most %d", len(paths), total, maxBytes)
	}
	for _, list := range []string{"README.md", "index.html"} {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		named := regexp.MustCompile(`pages/[a-z]+\.(?:html|txt)`).FindAllString(string(text), -1)
		slices.Sort(named)
		if named = slices.Compact(named); !slices.Equal(named, paths) {
			t.Errorf("%s names %q, and there are %q", list, named, paths)
		}
	}
}
