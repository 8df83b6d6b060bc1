package datasets_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wiseft/wiseft/datasets"
)

// fuzz decodes arbitrary files: none may panic or hang.
func fuzz(f *testing.F, extension string, seeds ...string) {
	f.Helper()
	n := 0
	for _, pattern := range seeds {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			file, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(file)
			n++
		}
	}
	if n == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(_ *testing.T, file []byte) { _ = datasets.DecodeFile(extension, file) })
}

func FuzzPLY(f *testing.F) { fuzz(f, ".ply", "testdata/ply/*/*.ply") }
func FuzzOFF(f *testing.F) { fuzz(f, ".off", "testdata/off/*/*/*.off") }
func FuzzOBJ(f *testing.F) { fuzz(f, ".obj", "testdata/obj/*/*.obj") }
func FuzzXYZ(f *testing.F) {
	fuzz(f, ".xyz", "testdata/xyz/*/*/*", "testdata/modelnet_text/*/*.txt")
}
func FuzzImage(f *testing.F) { fuzz(f, ".png", "testdata/images/*/*/*", "testdata/pictures/*.*") }
