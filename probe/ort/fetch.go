package ort

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// fetcher writes the members of a package into files of the same base name in dir.
type fetcher func(ctx context.Context, dir string, s source) error

// env returns the settings of a client for a source: with offline, one that keeps it from the network.
func (s source) env(offline string, more ...string) []string {
	if s.offline {
		more = append(more, offline)
	}
	return more
}

// run runs a package client and returns its standard output. The last line of a failing client's output becomes the
// error; what it printed is returned, too.
func run(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		lines := strings.Split(strings.TrimSpace(errs.String()+"\n"+out.String()), "\n")
		return out.Bytes(), fmt.Errorf("%s %s: %w: %s", name, args[0], err, lines[len(lines)-1])
	}
	return out.Bytes(), nil
}

// fetchGo takes the files from a Go module. The module is downloaded into Go's own cache and verified there; it is
// never compiled: importing it would link an unrelated library.
func fetchGo(ctx context.Context, dir string, s source) error {
	out, err := run(ctx, dir, s.env("GOPROXY=off", "GOFLAGS=", "GOWORK=off"), "go", "mod", "download", "-json", s.pkg)
	var module struct{ Dir, Error string }
	malformed := json.Unmarshal(out, &module)
	switch {
	case err != nil && module.Error != "":
		return fmt.Errorf("go mod download: %s", strings.Join(strings.Fields(module.Error), " "))
	case err != nil:
		return err
	case malformed != nil || module.Dir == "":
		return fmt.Errorf("go mod download names no folder (%v)", malformed)
	}
	for _, p := range s.files[platform()] {
		f, err := os.Open(filepath.Join(module.Dir, filepath.FromSlash(p.member)))
		if err != nil {
			return err
		}
		err = errors.Join(save(dir, p.member, f), f.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// fetchPip takes the files from a wheel.
func fetchPip(ctx context.Context, dir string, s source) error {
	python, err := lookAny("python3", "python")
	if err != nil {
		return err
	}
	args := []string{"-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
		"--implementation", "cp", "--python-version", "3.12", "--dest", dir}
	for _, tag := range pipPlatforms[platform()] {
		args = append(args, "--platform", tag)
	}
	if _, err := run(ctx, dir, s.env("PIP_NO_INDEX=1"), python, append(args, s.pkg)...); err != nil {
		return err
	}
	wheel, err := only(filepath.Join(dir, "*.whl"))
	if err != nil {
		return err
	}
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		return err
	}
	defer archive.Close()
	for _, p := range s.files[platform()] {
		f, err := archive.Open(p.member)
		if err != nil {
			return err
		}
		if err := errors.Join(save(dir, p.member, f), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// fetchNPM takes the files from an npm package, without running its install script.
func fetchNPM(ctx context.Context, dir string, s source) error {
	out, err := run(ctx, dir, s.env("npm_config_offline=true"), "npm", "pack", "--silent", "--json", "--pack-destination", dir, s.pkg)
	if err != nil {
		var answer struct{ Error struct{ Summary string } }
		if json.Unmarshal(out, &answer) == nil && answer.Error.Summary != "" {
			err = fmt.Errorf("npm pack: %s", answer.Error.Summary)
		}
		return err
	}
	path, err := only(filepath.Join(dir, "*.tgz"))
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, p := range s.files[platform()] {
		wanted[p.member] = true
	}
	for archive := tar.NewReader(unzipped); len(wanted) > 0; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s lacks %d of the required files", filepath.Base(path), len(wanted))
		}
		if err != nil {
			return err
		}
		if wanted[h.Name] {
			delete(wanted, h.Name)
			if err := save(dir, h.Name, archive); err != nil {
				return err
			}
		}
	}
	return nil
}

func save(dir, member string, r io.Reader) error {
	f, err := os.Create(filepath.Join(dir, base(member)))
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

func base(member string) string { return member[strings.LastIndexByte(member, '/')+1:] }

func only(glob string) (string, error) {
	matches, err := filepath.Glob(glob)
	if err == nil && len(matches) != 1 {
		err = fmt.Errorf("%d files match %s, want one: %w", len(matches), filepath.Base(glob), fs.ErrNotExist)
	}
	if err != nil {
		return "", err
	}
	return matches[0], nil
}

func lookAny(names ...string) (path string, err error) {
	for _, name := range names {
		if path, err = exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", err
}
