package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft"
	"github.com/wiseft/wiseft/probe/ort"
)

// example returns a release with documents of the repository and a few bytes as its program.
func example(t *testing.T, p platform) *release {
	t.Helper()
	r := &release{version: "1.2.3", platform: p, program: []byte("program")}
	for _, name := range []string{"LICENSE", "README.md"} {
		data, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		r.files = append(r.files, file{name, 0o644, data})
	}
	r.files = append(r.files, file{"NOTICES", 0o644, []byte("licenses\n")})
	return r
}

// runningProgram returns the running test, a Go program.
func runningProgram(t *testing.T) []byte {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// wheelFiles returns the files of a wheel with their modes, after checking RECORD against them.
func wheelFiles(t *testing.T, wheel []byte) (files map[string][]byte, modes map[string]os.FileMode) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(wheel), int64(len(wheel)))
	if err != nil {
		t.Fatal(err)
	}
	files, modes = map[string][]byte{}, map[string]os.FileMode{}
	recordName := ""
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err = errors.Join(err, in.Close()); err != nil {
			t.Fatal(err)
		}
		files[f.Name], modes[f.Name] = data, f.Mode()
		if !f.Modified.Equal(stamp) {
			t.Errorf("%s is of %v", f.Name, f.Modified)
		}
		if strings.HasSuffix(f.Name, ".dist-info/RECORD") {
			recordName = f.Name
		}
	}
	recorded := map[string]bool{}
	for line := range strings.Lines(string(files[recordName])) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		recorded[fields[0]] = true
		sum := sha256.Sum256(files[fields[0]])
		want := []string{fields[0], "sha256=" + strings.TrimRight(base64.URLEncoding.EncodeToString(sum[:]), "="),
			fmt.Sprint(len(files[fields[0]]))}
		if fields[0] == recordName {
			want = []string{recordName, "", ""}
		}
		if !slices.Equal(fields, want) {
			t.Errorf("RECORD: got %v, want %v", fields, want)
		}
	}
	if len(recorded) != len(files) || len(files) < 7 {
		t.Errorf("RECORD has %d of %d files", len(recorded), len(files))
	}
	return files, modes
}

// checkWheel checks a wheel of a version for a platform.
func checkWheel(t *testing.T, wheel []byte, version string, p platform) (program []byte) {
	t.Helper()
	files, modes := wheelFiles(t, wheel)
	name := fmt.Sprintf("wiseft-%s.data/scripts/%s", version, p.programName())
	if got := modes[name]; got != 0o755 {
		t.Errorf("%s: mode %v, want 0755", name, got)
	}
	info := fmt.Sprintf("wiseft-%s.dist-info/", version)
	tags := string(files[info+"WHEEL"])
	for tag := range strings.SplitSeq(p.wheelTag, ".") {
		if !strings.Contains(tags, "\nTag: py3-none-"+tag+"\n") {
			t.Errorf("WHEEL has no tag %s: %s", tag, tags)
		}
	}
	if !strings.Contains(tags, "Root-Is-Purelib: false\n") {
		t.Errorf("WHEEL: %s", tags)
	}
	head, readme, _ := strings.Cut(string(files[info+"METADATA"]), "\n\n")
	for _, want := range []string{"Name: wiseft", "Version: " + version, "Requires-Dist: onnxruntime>=1.23; extra == 'cpu'",
		"Requires-Dist: onnxruntime-gpu>=1.23; extra == 'gpu'"} {
		if !strings.Contains(head+"\n", want+"\n") {
			t.Errorf("METADATA has no line %s", want)
		}
	}
	if strings.Count(head, "Requires-Dist") != 2 || !strings.HasPrefix(readme, "# wiseft\n") ||
		strings.Contains(readme, "](scripts/") {
		t.Errorf("METADATA: %.400s", files[info+"METADATA"])
	}
	return files[name]
}

func TestWheels(t *testing.T) {
	t.Parallel()
	for _, p := range platforms {
		r := example(t, p)
		wheel, err := r.wheel()
		if err != nil {
			t.Fatal(err)
		}
		if program := checkWheel(t, wheel, "1.2.3", p); !bytes.Equal(program, r.program) {
			t.Errorf("%s: the program has %d bytes, want %d", p, len(program), len(r.program))
		}
		if p != platforms[0] {
			continue
		}
		again, err := r.wheel()
		if err != nil || !bytes.Equal(wheel, again) {
			t.Errorf("two wheels of one program differ (%v)", err)
		}
	}
	if !strings.HasPrefix(ort.MinVersion, minOnnxruntime+".") {
		t.Errorf("the extras take onnxruntime %s, the program from %s on", minOnnxruntime, ort.MinVersion)
	}
}

// archived returns the files of an archive with their modes.
func archived(t *testing.T, name string, data []byte) map[string]os.FileMode {
	t.Helper()
	modes := map[string]os.FileMode{}
	if strings.HasSuffix(name, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			modes[f.Name] = f.Mode()
		}
		return modes
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return modes
		}
		if err != nil {
			t.Fatal(err)
		}
		modes[h.Name] = h.FileInfo().Mode()
	}
}

func TestArchives(t *testing.T) {
	t.Parallel()
	for _, p := range platforms {
		r := example(t, p)
		data, err := r.archive()
		if err != nil {
			t.Fatal(err)
		}
		modes := archived(t, r.archiveName(), data)
		want := "wiseft_1.2.3_" + p.os + "_" + p.arch + "/"
		if modes[want+p.programName()] != 0o755 || modes[want+"LICENSE"] != 0o644 || modes[want+"NOTICES"] != 0o644 {
			t.Errorf("%s: got %v", p, modes)
		}
	}
}

func TestBillOfMaterials(t *testing.T) {
	t.Parallel()
	r := example(t, platforms[0])
	r.program = runningProgram(t)
	data, err := r.billOfMaterials()
	if err != nil {
		t.Fatal(err)
	}
	var doc bom
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	if c := doc.Metadata.Component; c.Hashes[0].Content != hexSHA256(r.program) || c.Version != "1.2.3" {
		t.Errorf("got %+v", c)
	}
	versions := map[string]string{}
	for _, c := range doc.Components {
		versions[c.Name] = c.Version
		if c.PURL != "pkg:golang/"+c.Name+"@"+c.Version {
			t.Errorf("%s: got %s", c.Name, c.PURL)
		}
	}
	if versions["std"] != strings.TrimPrefix(runtime.Version(), "go") || versions["github.com/ebitengine/purego"] == "" {
		t.Errorf("got %v", versions)
	}
	if len(doc.Dependencies) != 1 || len(doc.Dependencies[0].DependsOn) != len(doc.Components) {
		t.Errorf("got %v", doc.Dependencies)
	}
}

func TestVersionOfSource(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		tag             string
		tagged, changed bool
		want            string
	}{
		{"v" + wiseft.Version, true, false, wiseft.Version},
		{"v" + wiseft.Version, true, true, wiseft.Version + "+gabc.modified"},
		{"", false, false, wiseft.Version + "+gabc"},
		{"v9.9.9", true, false, ""},
	} {
		got, err := versionOf(test.tag, "abc", test.tagged, test.changed)
		if got != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%+v: got %q and %v", test, got, err)
		}
	}
}

func TestAbsoluteLinks(t *testing.T) {
	t.Parallel()
	in := `<source media="x" srcset="a/d.svg"><img alt="p" src="a/b.svg"> ` + "![p](a/b.svg) [c](scripts/x/README.md#y) [d](https://e.org) [f](#g) `a[i](b)`"
	want := `<source media="x" srcset="` + repository + `/raw/v1/a/d.svg"><img alt="p" src="` + repository + `/raw/v1/a/b.svg"> ` +
		"![p](" + repository + "/raw/v1/a/b.svg) [c](" + repository + "/blob/v1/scripts/x/README.md#y) " +
		"[d](https://e.org) [f](#g)"
	got, err := absoluteLinks(in, "1")
	if err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("got %s (%v), want %s", got, err, want)
	}
}

func TestProgramOfAnotherPlatform(t *testing.T) {
	t.Parallel()
	other := platforms[1]
	if runtime.GOARCH == other.arch && runtime.GOOS == other.os {
		other = platforms[0]
	}
	err := checkProgram(runningProgram(t), other)
	if err == nil || !strings.Contains(err.Error(), "is for "+runtime.GOOS+"/"+runtime.GOARCH) {
		t.Errorf("got %v, want an error about the platform", err)
	}
	if err := checkProgram([]byte("#!/bin/sh\n"), other); err == nil {
		t.Error("a script is taken for the program")
	}
}

// TestDist inspects the files of a release, which `make release` builds: WISEFT_DIST is their folder.
func TestDist(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("WISEFT_DIST")
	if dir == "" {
		t.Skip("WISEFT_DIST names no folder")
	}
	for _, p := range platforms {
		wheels, err := filepath.Glob(filepath.Join(dir, "wiseft-*-py3-none-"+p.wheelTag+".whl"))
		if err != nil || len(wheels) != 1 {
			t.Errorf("%s: %d wheels (%v)", p, len(wheels), err)
			continue
		}
		version := strings.Split(filepath.Base(wheels[0]), "-")[1]
		wheel, err := os.ReadFile(wheels[0])
		if err != nil {
			t.Fatal(err)
		}
		program := checkWheel(t, wheel, version, p)
		if err := checkProgram(program, p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
		r := &release{version: version, platform: p}
		archive, err := os.ReadFile(filepath.Join(dir, r.archiveName()))
		if err != nil {
			t.Fatal(err)
		}
		if modes := archived(t, r.archiveName(), archive); modes[r.name()+"/"+p.programName()] != 0o755 {
			t.Errorf("%s: got %v", p, modes)
		}
		var doc bom
		text, err := os.ReadFile(filepath.Join(dir, r.name()+".cdx.json"))
		if err = errors.Join(err, json.Unmarshal(text, &doc)); err != nil {
			t.Fatal(err)
		}
		if got := doc.Metadata.Component.Hashes[0].Content; got != hexSHA256(program) {
			t.Errorf("%s: the bill of materials is of the program %s", p, got)
		}
	}
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil || strings.Count(string(sums), "\n") != 3*len(platforms) {
		t.Errorf("SHA256SUMS: %s (%v)", sums, err)
	}
	for line := range strings.Lines(string(sums)) {
		hash, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || hexSHA256(data) != hash {
			t.Errorf("SHA256SUMS: %s (%v)", name, err)
		}
	}
}
