package ort

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestParseDevice(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "cpu", "cpu": "cpu", "cuda": "cuda", "cuda:0": "cuda",
		"cuda:3": "cuda:3"} {
		d, err := ParseDevice(text)
		if err != nil || d.String() != want {
			t.Errorf("ParseDevice(%q) = %v (%v), want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1x", "cpu:1", "CUDA"} {
		if d, err := ParseDevice(text); err == nil {
			t.Errorf("ParseDevice(%q) = %v, want an error", text, d)
		}
	}
}

func touch(t *testing.T, path string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFindOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	beside := touch(t, filepath.Join(dir, "bin", "libonnxruntime.so"))
	old := touch(t, filepath.Join(dir, "cache", "1.23.2-"+platform(), "libonnxruntime.so"))
	gpu := touch(t, filepath.Join(dir, "cache", "1.23.2-"+platform()+"-cuda", "libonnxruntime.so"))
	touch(t, filepath.Join(dir, "cache", "1.23.2-"+platform()+"-cuda", "libonnxruntime_providers_cuda.so"))
	wheel := touch(t, filepath.Join(dir, "venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.20.1"))
	touch(t, filepath.Join(dir, "venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime_providers_shared.so"))
	opt := Options{CacheDir: filepath.Join(dir, "cache"),
		Search: []Place{{BesideProgram, filepath.Join(dir, "bin")},
			{"python", filepath.Join(dir, "venv/lib/python3*/site-packages/onnxruntime/capi")}}}
	paths := func(libs []Library) (out []string) {
		for _, l := range libs {
			out = append(out, l.Path)
		}
		return out
	}
	if got, want := paths(Find(opt)), []string{beside, old, wheel}; !slices.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	if got := Find(opt); got[1].Version != "1.23.2" || got[2].Version != "1.20.1" {
		t.Errorf("versions %q and %q", got[1].Version, got[2].Version)
	}
	opt.CUDA = true
	got := Find(opt)
	if !slices.Equal(paths(got), []string{beside, gpu, wheel}) || !got[1].CUDA || got[0].CUDA {
		t.Errorf("with CUDA: found %+v", got)
	}
}

// A place is looked at only when the libraries of those before it are not usable: folders of the system are large.
func TestLaterPlacesAreNotListed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := touch(t, filepath.Join(dir, "first", "libonnxruntime.so"))
	second := filepath.Join(dir, "second", "libonnxruntime.so")
	opt := Options{Search: []Place{{"python", filepath.Dir(first)}, {"system", filepath.Dir(second)}}}
	var found []string
	for lib := range candidates(opt) {
		found = append(found, lib.Path)
		if lib.Path == first {
			touch(t, second)
		}
	}
	if want := []string{first, second}; !slices.Equal(found, want) {
		t.Errorf("found %v, want %v", found, want)
	}
}

// A program that pip has installed takes the library of its own environment before that of the cache.
func TestFindInEnvironmentOfProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	own := touch(t, filepath.Join(dir, "venv/lib/python3.11/site-packages/onnxruntime/capi/libonnxruntime.so.1.23.2"))
	windows := touch(t, filepath.Join(dir, "venv/Lib/site-packages/onnxruntime/capi/onnxruntime.dll"))
	cached := touch(t, filepath.Join(dir, "cache", "1.23.2-"+platform(), "libonnxruntime.so"))
	for folder, want := range map[string][]string{"bin": {own, windows, cached}, "Scripts": {own, windows, cached}, "tools": {cached}} {
		opt := Options{CacheDir: filepath.Join(dir, "cache"), Search: Places(filepath.Join(dir, "venv", folder), nil, nil, nil)}
		var got []string
		for _, lib := range Find(opt) {
			if strings.HasPrefix(lib.Path, dir) {
				got = append(got, lib.Path)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: found %v, want %v", folder, got, want)
		}
	}
}

func TestOlder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"1.20.1", "1.23.0", true}, {"1.9.0", "1.23.0", true}, {"1.23.0", "1.23.0", false},
		{"1.30.0", "1.23.0", false}, {"2.0.0", "1.23.0", false}, {"", "1.23.0", false},
	} {
		if got := older(c.a, c.b); got != c.want {
			t.Errorf("older(%q, %q) = %v", c.a, c.b, got)
		}
	}
}

func TestPinsAreComplete(t *testing.T) {
	t.Parallel()
	covered := map[string]int{}
	for _, s := range sources {
		for platform, files := range s.files {
			covered[platform]++
			for _, p := range files {
				if len(p.sha256) != 64 || p.member == "" {
					t.Errorf("%s on %s: pin %+v", s.pkg, platform, p)
				}
			}
		}
	}
	for _, platform := range []string{"linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64"} {
		if covered[platform] < 2 {
			t.Errorf("%s has %d sources, want two ways at least", platform, covered[platform])
		}
	}
}

func TestVerifyRefusesAnotherFile(t *testing.T) {
	t.Parallel()
	path := touch(t, filepath.Join(t.TempDir(), "lib"))
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if err := verify(path, empty); err != nil {
		t.Errorf("the right file is refused: %v", err)
	}
	if err := verify(path, strings.Repeat("0", 64)); err == nil || !strings.Contains(err.Error(), empty) {
		t.Errorf("the wrong file gives %v", err)
	}
}

func TestDefaultPlaces(t *testing.T) {
	t.Parallel()
	places := DefaultPlaces(func(name string) string {
		return map[string]string{"VIRTUAL_ENV": "/venv", "LD_LIBRARY_PATH": "/libs"}[name]
	})
	at := func(origin, prefix string) int {
		return slices.IndexFunc(places, func(p Place) bool { return p.Origin == origin && strings.HasPrefix(p.Glob, prefix) })
	}
	program, libs, venv := at(BesideProgram, ""), at("system", "/libs"), at("python", "/venv")
	if program != 0 || libs < program || venv < libs {
		t.Errorf("program at %d, LD_LIBRARY_PATH at %d, virtual environment at %d of %v", program, libs, venv, places)
	}
}

// Nothing is searched because it lies in the working folder: it may hold anybody's files.
func TestWorkingFolderIsNotSearched(t *testing.T) {
	dir := t.TempDir()
	arch, system := runtime.GOARCH, runtime.GOOS
	if arch == "amd64" {
		arch = "x64"
	}
	touch(t, filepath.Join(dir, "node_modules/onnxruntime-node/bin/napi-v6", system, arch, "libonnxruntime.so.1"))
	touch(t, filepath.Join(dir, "libonnxruntime.so"))
	below := touch(t, filepath.Join(dir, "below", "x"))
	venv := touch(t, filepath.Join(dir, "venv/lib/python3.12/site-packages/onnxruntime/capi/libonnxruntime.so.1.23.2"))
	for _, folder := range []string{dir, filepath.Dir(below)} {
		t.Chdir(folder)
		found := Find(Options{Search: DefaultPlaces(func(name string) string {
			return map[string]string{"VIRTUAL_ENV": filepath.Join(dir, "venv"), "LD_LIBRARY_PATH": ":/none:"}[name]
		})})
		var inside []string
		for _, lib := range found {
			path, err := filepath.Abs(lib.Path)
			if err != nil || strings.HasPrefix(path, dir) {
				inside = append(inside, path)
			}
		}
		if !slices.Equal(inside, []string{venv}) {
			t.Errorf("found %v, want the active environment's alone", inside)
		}
	}
}

// A library in the cache is the one that was installed: another one, a part of it, one with a changed bit are replaced.
// Of the sources that are tried, one that delivers another file is named.
func TestCachedLibraryIsVerified(t *testing.T) {
	whole := []byte("a whole library")
	hash := sha256.Sum256(whole)
	before := sources
	defer func() { sources = before }()
	fetches := 0
	from := func(pkg string, data []byte) source {
		return source{client: "go", pkg: pkg, version: InstallVersion,
			files: map[string][]pin{platform(): {{"lib/libonnxruntime.so", hex.EncodeToString(hash[:])}}},
			fetch: func(_ context.Context, dir string, _ source) error {
				fetches++
				return os.WriteFile(filepath.Join(dir, "libonnxruntime.so"), data, 0o666)
			}}
	}
	sources = []source{from("bad-source", []byte("another library")), from("good-source", whole)}
	var said []string
	opt := Options{CacheDir: t.TempDir(), Install: true, Say: func(line string) { said = append(said, line) }}
	left := touch(t, filepath.Join(opt.CacheDir, installing+"1", "half"))
	lib, err := install(t.Context(), opt)
	if err != nil || !strings.Contains(strings.Join(said, "\n"), "bad-source does not deliver what it should") {
		t.Fatalf("%v; said %q", err, said)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("the folder of a killed installation stays")
	}
	changed := append([]byte("b"), whole[1:]...)
	for name, data := range map[string][]byte{"whole": whole, "truncated": whole[:4], "empty": nil, "changed": changed} {
		if err := os.WriteFile(lib.Path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		damaged := !bytes.Equal(data, whole)
		offline := opt
		offline.Install = false
		if _, err := repaired(t.Context(), offline, lib); (err != nil) != damaged {
			t.Errorf("%s: %v", name, err)
		}
		fetches = 0
		if _, err := repaired(t.Context(), opt, lib); err != nil || (fetches > 0) != damaged {
			t.Errorf("%s: %v after %d fetches", name, err, fetches)
		}
		if got, err := os.ReadFile(lib.Path); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("%s: %q (%v) after the repair", name, got, err)
		}
	}
	other := describe(touch(t, filepath.Join(opt.CacheDir, "9.9.9-"+platform(), "libonnxruntime.so")), cacheOrigin)
	if err := checkCached(other, false); err == nil {
		t.Error("a library that no version installs is trusted")
	}
}
