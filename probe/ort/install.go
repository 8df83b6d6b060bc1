package ort

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/wiseft/wiseft/internal/output"
	"github.com/wiseft/wiseft/internal/reach"
)

// install fetches a library into opt.CacheDir from the first source that works. The files are verified before they
// are renamed into place, the library last, so that a folder with the library is complete. Two processes may install
// at once; both end with the same files.
func install(ctx context.Context, opt Options) (Library, error) {
	var tried []string
	var list []source
	for _, s := range sourcesFor(opt.CUDA) {
		switch {
		case len(s.files[platform()]) == 0:
		case !haveClient(s.client):
			tried = append(tried, fmt.Sprintf("%s: no %s on the path", s.pkg, s.client))
		default:
			list = append(list, s)
		}
	}
	asking, stop := context.WithCancel(ctx)
	defer stop()
	check := checks(asking, list)
	for i, s := range list {
		lib, err := installFrom(ctx, opt, s, check[i])
		if err == nil {
			return lib, nil
		}
		if ctx.Err() != nil {
			return Library{}, ctx.Err()
		}
		if _, wrong := errors.AsType[*hashError](err); wrong {
			opt.say(fmt.Sprintf("%s does not deliver what it should: %v", s.pkg, err)) // also if the next one works
		}
		tried = append(tried, fmt.Sprintf("%s: %v", s.pkg, err))
	}
	reason := "could not be installed"
	if len(tried) == 0 {
		reason = "there is no build for " + platform()
	}
	return Library{}, &LibraryError{Reason: reason, Tried: tried, Advice: opt.advice()}
}

// checkGPU returns an error if a library for CUDA would be installed, of 400 MB, on a machine where it cannot run.
func checkGPU(opt Options) error {
	hasBuild := func(s source) bool { return len(s.files[platform()]) > 0 }
	if !opt.CUDA || opt.WithoutGPU || !slices.ContainsFunc(cudaSources, hasBuild) {
		return nil
	}
	n, err := countGPUs()
	if err == nil && n == 0 {
		err = errors.New("the NVIDIA driver finds no GPU")
	}
	if err != nil {
		return &LibraryError{
			Reason: fmt.Sprintf("no library for CUDA is installed, since this machine cannot run it: %v", err),
			Advice: "run it on the CPU (--device cpu), or " + CUDAHint,
		}
	}
	return nil
}

func sourcesFor(cuda bool) []source {
	if cuda {
		return cudaSources
	}
	return sources
}

// folder returns the name of the folder into which the source's files are installed.
func (s source) folder(cuda bool) string {
	name := s.version + "-" + platform()
	if cuda {
		name += "-cuda"
	}
	return name
}

func (o Options) say(line string) {
	if o.Say != nil {
		o.Say(line)
	}
}

// CUDAHint names what the CUDA provider of an installed library needs.
const CUDAHint = "install an NVIDIA driver, CUDA 12 and cuDNN 9, and have their libraries on the loader's path"

// advice describes how to get a usable library.
func (o Options) advice() string {
	if o.CUDA {
		return "install onnxruntime-gpu " + MinVersion +
			" or newer with pip, and name its library with --onnxruntime or WISEFT_ONNXRUNTIME"
	}
	return "install onnxruntime " + MinVersion +
		" or newer (pip install onnxruntime), or name the library with --onnxruntime or WISEFT_ONNXRUNTIME"
}

func haveClient(client string) bool {
	if client == "pip" {
		_, err := lookAny("python3", "python")
		return err == nil
	}
	_, err := exec.LookPath(client)
	return err == nil
}

// installFrom fetches a library from a source, whose client is run without network if check returns an error.
func installFrom(ctx context.Context, opt Options, s source, check func() error) (Library, error) {
	target := filepath.Join(opt.CacheDir, s.folder(opt.CUDA))
	opt.say(fmt.Sprintf("installing onnxruntime %s into %s (from %s by %s; once)", s.version, target, s.pkg, s.client))
	if err := os.MkdirAll(target, 0o755); err != nil {
		return Library{}, err
	}
	removeStale(opt.CacheDir)
	temp, err := os.MkdirTemp(opt.CacheDir, installing+"*") // the same file system as target
	if err != nil {
		return Library{}, err
	}
	defer os.RemoveAll(temp)
	if lock, err := os.Open(temp); err == nil {
		output.Lock(lock)
		defer lock.Close()
	}
	unreachable := check()
	s.offline = unreachable != nil
	if err := s.fetch(ctx, temp, s); err != nil {
		return Library{}, cmp.Or(unreachable, err)
	}
	files := s.files[platform()]
	for _, p := range files {
		path := filepath.Join(temp, base(p.member))
		if err := errors.Join(syncFile(path), verify(path, p.sha256)); err != nil {
			return Library{}, err
		}
	}
	for i := len(files) - 1; i >= 0; i-- { // the library, which is the first, is renamed last
		file := base(files[i].member)
		if err := os.Rename(filepath.Join(temp, file), filepath.Join(target, file)); err != nil {
			return Library{}, err
		}
	}
	output.SyncFolder(target)
	if err := checkFiles(target, files); err != nil { // another process may have replaced them
		return Library{}, err
	}
	return describe(filepath.Join(target, base(files[0].member)), cacheOrigin), nil
}

// limits are how long a source may take to answer. The clients wait longer, and try again: pip for minutes.
var limits = reach.Default

// patience is how long the server of one source is waited for before those of the others are asked meanwhile.
const patience = 2 * time.Second

// checks returns what checks each source: once, and together from the first one that does not answer soon.
func checks(ctx context.Context, list []source) []func() error {
	answers, together := make([]func() error, len(list)), make([]func() error, len(list))
	for i, s := range list {
		answers[i] = sync.OnceValue(func() error { return s.check(ctx) })
	}
	all := sync.OnceFunc(func() {
		for _, answer := range answers {
			go func() { _ = answer() }()
		}
	})
	for i, answer := range answers {
		together[i] = func() error {
			late := time.AfterFunc(patience, all)
			defer late.Stop()
			err := answer()
			if err != nil {
				all()
			}
			return err
		}
	}
	return together
}

// check returns an error if the server that the client asks does not answer.
func (s source) check(ctx context.Context) error {
	if s.address == nil {
		return nil
	}
	address := s.address(ctx)
	if address == "" {
		return nil
	}
	return limits.Check(ctx, address)
}

// installing begins the names of folders that are being filled.
const installing = ".installing-"

// removeStale removes folders that killed processes were filling.
func removeStale(dir string) {
	folders, _ := filepath.Glob(filepath.Join(dir, installing+"*")) // the pattern is well-formed
	for _, path := range folders {
		output.RemoveStale(path)
	}
}

// syncFile makes a file's contents durable, so that a power failure leaves no half library under its final name.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// hashError reports a file that is not the pinned one.
type hashError struct{ name, got, want string }

func (e *hashError) Error() string {
	return fmt.Sprintf("%s has SHA-256 %s, pinned is %s", e.name, e.got, e.want)
}

// verify compares a file's SHA-256 with the pinned one.
func verify(path, want string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return &hashError{filepath.Base(path), got, want}
	}
	return nil
}

// DefaultCacheDir is where the library is kept on this machine: a folder below the
// user's cache folder.
func DefaultCacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "wiseft", "onnxruntime"), nil
}
