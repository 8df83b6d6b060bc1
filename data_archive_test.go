package wiseft_test

import (
	"archive/zip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
)

// Data in a zip archive is described as that of its folder, whether the path names the archive or leads into it, and
// the archive is an input that no output replaces.
func TestDataInAnArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "set.zip")
	out, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(out)
	for i, class := range []string{"chair", "desk"} {
		w, err := z.Create("set/" + class + "/a.xyz")
		if err == nil {
			_, err = fmt.Fprintf(w, "0 0 %d\n1 1 1\n", i)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	var sums []string
	for _, path := range []string{file, filepath.Join(file, "set")} {
		r, err := wiseft.DescribeData(t.Context(), wiseft.Data{Path: path}, wiseft.Monitor{})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.Classes, " "); got != "chair desk" || r.N != 2 {
			t.Errorf("%s: classes %s, %d samples", path, got, r.N)
		}
		sums = append(sums, r.SHA256)
		_, err = wiseft.WriteFeatures(t.Context(), file, filepath.Join(dir, "no.onnx"),
			wiseft.FeaturesOptions{Data: wiseft.Data{Path: path}, Force: true})
		if err == nil || !strings.Contains(err.Error(), "the output is the input") {
			t.Errorf("%s: got %v, want that the archive is not replaced", path, err)
		}
	}
	if sums[0] != sums[1] {
		t.Errorf("hashes %v differ", sums)
	}
	_, err = wiseft.DescribeData(t.Context(), wiseft.Data{Path: filepath.Join(file, "none")}, wiseft.Monitor{})
	if err == nil || !strings.Contains(err.Error(), "no such file or folder") {
		t.Errorf("got %v", err)
	}
}
