// Command package builds what a release consists of: archives and Python wheels with the program for five platforms,
// bills of materials, and SHA256SUMS. Equal sources and an equal Go give equal bytes.
//
//	go run ./scripts/package [-o dist] [-platform linux/amd64] archives wheels
//
// The version is the tag of the commit, v and [wiseft.Version], or else the version with the commit behind a plus. A
// release carries no C code: the program is built without cgo.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wiseft/wiseft"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	dir := flags.String("o", "dist", "folder to write; files of an earlier release in it are replaced")
	only := flags.String("platform", "", "build for one platform, such as linux/amd64")
	if err := flags.Parse(args); err != nil {
		return err
	}
	kinds := flags.Args()
	for _, kind := range kinds {
		if kind != "archives" && kind != "wheels" {
			return fmt.Errorf("there is no kind %q; there are archives, wheels", kind)
		}
	}
	if len(kinds) == 0 {
		return errors.New("say what to build: archives, wheels")
	}
	version, err := sourceVersion()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*dir, 0o777); err != nil {
		return err
	}
	built := 0
	for _, p := range platforms {
		if *only != "" && *only != p.String() {
			continue
		}
		built++
		if err := packagePlatform(*dir, version, p, kinds); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	if built == 0 {
		return fmt.Errorf("there is no platform %q; there are %v", *only, platforms)
	}
	return writeSums(*dir)
}

// packagePlatform writes the files for one platform.
func packagePlatform(dir, version string, p platform, kinds []string) error {
	program, err := build(version, p)
	if err != nil {
		return err
	}
	r := &release{version: version, platform: p, program: program}
	if err := r.readFiles(); err != nil {
		return err
	}
	write := func(name string, make func() ([]byte, error)) error {
		data, err := make()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("%s: %d bytes\n", name, len(data))
		return os.WriteFile(filepath.Join(dir, name), data, 0o644)
	}
	if slices.Contains(kinds, "archives") {
		if err := write(r.archiveName(), r.archive); err != nil {
			return err
		}
		if err := write(r.name()+".cdx.json", r.billOfMaterials); err != nil {
			return err
		}
	}
	if slices.Contains(kinds, "wheels") {
		return write(r.wheelName(), r.wheel)
	}
	return nil
}

// sourceVersion returns the version of the source, which is valid for Python (PEP 440) and as a semantic version. A tag of
// another version than that of the source is an error.
func sourceVersion() (string, error) {
	git := func(args ...string) (string, error) {
		out, err := exec.Command("git", args...).Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "", fmt.Errorf("the version is that of the commit: git: %w", err)
	}
	changes, err := git("status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", err
	}
	tag, err := git("describe", "--tags", "--exact-match", "--match", "v[0-9]*")
	return versionOf(tag, commit, err == nil, changes != "")
}

// versionOf returns the version of a commit.
func versionOf(tag, commit string, tagged, changed bool) (string, error) {
	switch {
	case tagged && tag != "v"+wiseft.Version:
		return "", fmt.Errorf("the tag %s is not that of the version %s in wiseft.go", tag, wiseft.Version)
	case changed:
		return wiseft.Version + "+g" + commit + ".modified", nil
	case tagged:
		return wiseft.Version, nil
	}
	return wiseft.Version + "+g" + commit, nil
}

// writeSums writes the SHA-256 of all other files of a folder, as sha256sum does.
func writeSums(dir string) error {
	const sums = "SHA256SUMS"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	for _, e := range entries {
		if e.Name() == sums || !e.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%s  %s\n", hexSHA256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, sums), text.Bytes(), 0o644)
}
