package ort

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A library of the cache is compared with the pinned hash after each change of its file, and not before.
func TestCheckFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "library.so")
	write := func(text string, modified time.Time) {
		t.Helper()
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o666), os.Chtimes(path, modified, modified)); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte("library"))
	want := hex.EncodeToString(sum[:])
	check := func() error { return checkFile(path, want) }
	at := time.Unix(1_700_000_000, 0)
	write("library", at)
	if err := check(); err != nil {
		t.Fatal(err)
	}
	write("librarx", at)
	if err := check(); err != nil {
		t.Errorf("the file was hashed again, although neither its size nor its time has changed: %v", err)
	}
	for name, change := range map[string]func(){
		"replaced": func() { write("librarx", at.Add(time.Second)) },
		"cut":      func() { write("lib", at) },
	} {
		change()
		if err := check(); !errors.As(err, new(*hashError)) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	write("library", at.Add(time.Hour))
	if err := check(); err != nil {
		t.Errorf("the right file again: %v", err)
	}
}

// A file of the cache that has none of the pinned hashes is not used, whatever its name.
func TestCheckCachedRefusesOtherLibraries(t *testing.T) {
	t.Parallel()
	for _, s := range sources {
		for _, p := range s.files[platform()] {
			path := filepath.Join(t.TempDir(), base(p.member))
			if err := os.WriteFile(path, []byte("not a library"), 0o666); err != nil {
				t.Fatal(err)
			}
			if err := usable(Library{Path: path, Origin: fromCache, Version: s.version}, Options{}); err == nil {
				t.Errorf("%s is used", path)
			}
		}
	}
}

// No place is the working folder or relative to it.
func TestTheWorkingFolderIsNotSearched(t *testing.T) {
	environment := map[string]string{"LD_LIBRARY_PATH": "::.:lib:" + os.TempDir()}
	places := DefaultPlaces(func(name string) string { return environment[name] })
	temp := false
	for _, p := range places {
		if !filepath.IsAbs(p.Glob) {
			t.Errorf("%s: %q", p.Origin, p.Glob)
		}
		temp = temp || p.Glob == os.TempDir()
	}
	if !temp {
		t.Error("the loader's path is not searched")
	}
}
