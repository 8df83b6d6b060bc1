package ort

import (
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Place is a location of libraries: a glob of folders or files.
type Place struct {
	Origin string // "beside the program", "python", …
	Glob   string
}

// Find lists the libraries in the cache and at the places of opt, in the order in
// which Load tries them. It opens none of them.
func Find(opt Options) []Library { return slices.Collect(candidates(opt)) }

// candidates yields what [Find] lists. A place is looked at when those before it have no further library, because folders of
// the system are large.
func candidates(opt Options) iter.Seq[Library] {
	return func(yield func(Library) bool) {
		seen := map[string]bool{}
		for _, place := range opt.places() {
			for _, path := range place.libraries() {
				real, err := filepath.EvalSymlinks(path)
				if err != nil || seen[real] {
					continue
				}
				seen[real] = true
				if !yield(describe(path, place.Origin)) {
					return
				}
			}
		}
	}
}

// places returns the places that are searched, the cache included.
func (o Options) places() []Place {
	places := slices.Clone(o.Search)
	if o.CacheDir != "" {
		cache := []Place{{cacheOrigin, filepath.Join(o.CacheDir, "*-"+platform())}}
		if o.CUDA {
			cache[0].Glob += "-cuda"
		}
		// The cache comes after libraries beside the program or in its environment, and before those of the system.
		at := slices.IndexFunc(places, func(p Place) bool { return p.Origin != BesideProgram && p.Origin != ofEnvironment })
		if at < 0 {
			at = len(places)
		}
		places = slices.Insert(places, at, cache...)
	}
	return places
}

// libraries returns the paths of the libraries at a place, newer versions first.
func (p Place) libraries() (paths []string) {
	matches, _ := filepath.Glob(p.Glob) // a malformed glob finds nothing
	slices.Reverse(matches)
	for _, match := range matches {
		paths = append(paths, librariesIn(match)...)
	}
	return paths
}

// BesideProgram is the origin of libraries in the folder of the running program.
const BesideProgram = "beside the program"

// ofEnvironment is the origin of the library in the Python environment into whose scripts pip has installed the program.
const ofEnvironment = "the program's environment"

// packageFolders are the folders of Python packages below the prefix of an environment.
var packageFolders = []string{"lib/python3*/site-packages", "lib/python3*/dist-packages", "lib/python3/dist-packages",
	"Lib/site-packages"}

// pythonPlaces returns where a Python environment has the library.
func pythonPlaces(origin, prefix string) (places []Place) {
	for _, folder := range packageFolders {
		places = append(places, Place{origin, filepath.Join(prefix, filepath.FromSlash(folder), "onnxruntime", "capi")})
	}
	return places
}

// Places returns where onnxruntime lies on systems of this kind: beside the program, in the Python environment to which it
// belongs, on the loader's path, in other Python environments and in Node packages. loaderPath, pythons and nodes are
// searched first to last; pythons and nodes are prefixes, such as /usr or a virtual environment.
func Places(programDir string, loaderPath, pythons, nodes []string) []Place {
	var places []Place
	if programDir != "" {
		places = append(places, Place{BesideProgram, programDir})
		if name := filepath.Base(programDir); name == "bin" || strings.EqualFold(name, "Scripts") {
			places = append(places, pythonPlaces(ofEnvironment, filepath.Dir(programDir))...)
		}
	}
	system := loaderPath
	switch runtime.GOOS {
	case "linux":
		system = append(slices.Clip(system), "/usr/local/lib", "/usr/lib", "/usr/lib/*-linux-gnu", "/usr/lib64",
			"/opt/onnxruntime/lib")
	case "darwin":
		system = append(slices.Clip(system), "/opt/homebrew/lib", "/usr/local/lib")
	}
	for _, dir := range system {
		places = append(places, Place{"system", dir})
	}
	for _, prefix := range pythons {
		places = append(places, pythonPlaces("python", prefix)...)
	}
	nodeArch := runtime.GOARCH
	if nodeArch == "amd64" {
		nodeArch = "x64"
	}
	nodeOS := runtime.GOOS
	if nodeOS == "windows" {
		nodeOS = "win32"
	}
	for _, prefix := range nodes {
		places = append(places, Place{"node", filepath.Join(prefix, "node_modules", "onnxruntime-node", "bin",
			"napi-v*", nodeOS, nodeArch)})
	}
	return places
}

// DefaultPlaces returns where onnxruntime may lie on this machine: beside the program, in LD_LIBRARY_PATH, in system
// folders, and in installed Python and Node packages. No place is searched because it is the working folder. getenv is
// os.Getenv, or its replacement in a test; python3 and node are looked up in the PATH of the process.
func DefaultPlaces(getenv func(name string) string) []Place {
	var programDir string
	if program, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil { // pipx and uv link to programs of environments
			program = real
		}
		programDir = filepath.Dir(program)
	}
	loaderPath := slices.DeleteFunc(filepath.SplitList(getenv("LD_LIBRARY_PATH")),
		func(dir string) bool { return dir == "" }) // a stray colon, which stands for the working folder
	return Places(programDir, loaderPath, pythonPrefixes(getenv), nodePrefixes())
}

// pythonPrefixes lists where Python packages may be installed: the active environment, the Python on the path, the
// user's own packages.
func pythonPrefixes(getenv func(name string) string) []string {
	var prefixes []string
	for _, env := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := getenv(env); dir != "" {
			prefixes = append(prefixes, dir)
		}
	}
	if python, err := exec.LookPath("python3"); err == nil {
		if real, err := filepath.EvalSymlinks(python); err == nil {
			prefixes = append(prefixes, filepath.Dir(filepath.Dir(real)))
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		prefixes = append(prefixes, filepath.Join(home, ".local"))
	}
	return append(prefixes, "/usr/local", "/usr")
}

// nodePrefixes lists where Node packages may be installed: globally beside the Node on the path. Packages of the
// working folder are not searched: it may hold anybody's files.
func nodePrefixes() (prefixes []string) {
	if node, err := exec.LookPath("node"); err == nil {
		if real, err := filepath.EvalSymlinks(node); err == nil {
			prefixes = append(prefixes, filepath.Join(filepath.Dir(filepath.Dir(real)), "lib"))
		}
	}
	return prefixes
}

func platform() string { return runtime.GOOS + "-" + runtime.GOARCH }

// librariesIn returns path itself if it is a file, else the onnxruntime libraries
// in the folder.
func librariesIn(path string) []string {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	if !info.IsDir() {
		return []string{path}
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries {
		if libraryName.MatchString(e.Name()) {
			found = append(found, filepath.Join(path, e.Name()))
		}
	}
	return found
}

// libraryName matches libonnxruntime.so, .so.1, .so.1.23.2, .1.23.2.dylib and
// onnxruntime.dll, and neither providers nor language bindings.
var libraryName = regexp.MustCompile(`^(libonnxruntime(\.so(\.\d+)*|(\.\d+)*\.dylib)|onnxruntime\.dll)$`)

var fullVersion = regexp.MustCompile(`\d+\.\d+\.\d+`)

// describe guesses version and CUDA from file names.
func describe(path, origin string) Library {
	lib := Library{Path: path, Origin: origin}
	name := filepath.Base(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		name = filepath.Base(real)
	}
	lib.Version = fullVersion.FindString(name)
	if lib.Version == "" && origin == cacheOrigin {
		lib.Version = fullVersion.FindString(filepath.Base(filepath.Dir(path)))
	}
	providers := "libonnxruntime_providers_cuda.so"
	if runtime.GOOS == "windows" {
		providers = "onnxruntime_providers_cuda.dll"
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(path), providers))
	lib.CUDA = err == nil
	return lib
}

// older reports whether version a comes before b. An unknown version is not older.
func older(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	number := func(text string) []int {
		var n []int
		for _, part := range strings.Split(text, ".") {
			v, _ := strconv.Atoi(part)
			n = append(n, v)
		}
		return n
	}
	return slices.Compare(number(a), number(b)) < 0
}
