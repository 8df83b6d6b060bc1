package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

// command is the package of the program.
const command = "github.com/wiseft/wiseft/cmd/wiseft"

// platform is a system and processor that releases are built for.
type platform struct {
	os, arch string
	// wheelTag is the platform of the wheel. Go 1.26 needs macOS 12; the program calls no function of the C library that
	// is newer than those of manylinux2014.
	wheelTag string
}

var platforms = []platform{
	{"linux", "amd64", "manylinux_2_17_x86_64.manylinux2014_x86_64"},
	{"linux", "arm64", "manylinux_2_17_aarch64.manylinux2014_aarch64"},
	{"darwin", "amd64", "macosx_12_0_x86_64"},
	{"darwin", "arm64", "macosx_12_0_arm64"},
	{"windows", "amd64", "win_amd64"},
}

func (p platform) String() string { return p.os + "/" + p.arch }

// programName returns the name of the program's file.
func (p platform) programName() string {
	if p.os == "windows" {
		return "wiseft.exe"
	}
	return "wiseft"
}

// build returns the program. What the environment could change of its bytes is set.
func build(version string, p platform) ([]byte, error) {
	dir, err := os.MkdirTemp("", "wiseft-package-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, p.programName())
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", "-s -w -buildid= -X main.release="+version, "-o", path, command)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=",
		"GOEXPERIMENT=", "GOWORK=off")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return program, checkProgram(program, p)
}

// checkProgram returns an error if a file is not the program for a platform, built without cgo.
func checkProgram(program []byte, p platform) error {
	r := bytes.NewReader(program)
	format, machine := "", ""
	if f, err := elf.NewFile(r); err == nil {
		format, machine = "linux", map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}[f.Machine]
	} else if f, err := macho.NewFile(r); err == nil {
		format, machine = "darwin", map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"}[f.Cpu]
	} else if f, err := pe.NewFile(r); err == nil {
		machines := map[uint16]string{pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64"}
		format, machine = "windows", machines[f.Machine]
	}
	if got := format + "/" + machine; got != p.String() {
		return fmt.Errorf("the program is for %s", got)
	}
	info, err := programInfo(program)
	if err != nil {
		return err
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" && s.Value != "0" {
			return fmt.Errorf("the program was built with cgo")
		}
	}
	if info.Path != command {
		return fmt.Errorf("the program is %s", info.Path)
	}
	return nil
}

// programInfo returns the modules that a program consists of.
func programInfo(program []byte) (*debug.BuildInfo, error) {
	return buildinfo.Read(bytes.NewReader(program))
}

// release has what the files for one platform are made of.
type release struct {
	version  string
	platform platform
	program  []byte
	files    []file // documents: license, notices, README
}

// file is a file of an archive.
type file struct {
	name string
	mode os.FileMode
	data []byte
}

// name returns the release's name for the platform.
func (r *release) name() string {
	return fmt.Sprintf("wiseft_%s_%s_%s", r.version, r.platform.os, r.platform.arch)
}

// readFiles reads the documents.
func (r *release) readFiles() error {
	root, err := goOutput("list", "-m", "-f", "{{.Dir}}", "github.com/wiseft/wiseft")
	if err != nil {
		return err
	}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md", "METHODS.md"} {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err
		}
		r.files = append(r.files, file{name, 0o644, data})
	}
	scripts, err := filepath.Glob(filepath.Join(root, "cmd/wiseft/completion/wiseft.*"))
	if err != nil || len(scripts) == 0 {
		return fmt.Errorf("%d completion scripts (%v)", len(scripts), err)
	}
	for _, path := range scripts {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		r.files = append(r.files, file{"completion/" + filepath.Base(path), 0o644, data})
	}
	notices, err := r.notices()
	r.files = append(r.files, file{"NOTICES", 0o644, notices})
	return err
}

// document returns one of the files.
func (r *release) document(name string) []byte {
	for _, f := range r.files {
		if f.name == name {
			return f.data
		}
	}
	return nil
}

// notices returns the licenses of the modules that the program contains, which may not be left out.
func (r *release) notices() ([]byte, error) {
	info, err := programInfo(r.program)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	goRoot, err := goOutput("env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := appendLicenses(&out, "The Go standard library, "+info.GoVersion, goRoot); err != nil {
		return nil, err
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		dir, err := goOutput("list", "-m", "-f", "{{.Dir}}", m.Path)
		if err != nil {
			return nil, err
		}
		if err := appendLicenses(&out, m.Path+" "+m.Version, dir); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// licenseName matches the names of files with terms.
var licenseName = regexp.MustCompile(`(?i)^(LICEN[SC]E|COPYING|NOTICE|PATENTS)`)

// appendLicenses appends the license files of a module.
func appendLicenses(out io.Writer, title, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	found := 0
	for _, e := range entries {
		if e.IsDir() || !licenseName.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		found++
		fmt.Fprintf(out, "%s\n%s: %s\n%s\n\n%s\n\n", strings.Repeat("=", 79), title, e.Name(), strings.Repeat("=", 79),
			bytes.TrimSpace(text))
	}
	if found == 0 {
		fmt.Fprintf(out, "%s\n%s: the module has no license file\n\n", strings.Repeat("=", 79), title)
	}
	return nil
}

// goOutput returns what a go command prints.
func goOutput(args ...string) (string, error) {
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func hexSHA256(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
