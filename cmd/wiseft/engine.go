package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/wiseft/wiseft/probe"
	"github.com/wiseft/wiseft/probe/ort"
)

// engineFlags choose how models run.
func engineFlags() []cli.Flag {
	const category = "Running models:"
	return []cli.Flag{
		&cli.StringFlag{Name: "output", Aliases: []string{"backbone-output"}, Usage: "the `TENSOR` to take as features; any tensor of the model", DefaultText: "its only output, or the one named features", EnvVars: []string{"WISEFT_OUTPUT"}, Category: category},
		&cli.StringFlag{Name: "device", Value: "cpu", Usage: "cpu, cuda or cuda:N; a GPU that does not work is an error", EnvVars: []string{"WISEFT_DEVICE"}, Category: category},
		&cli.IntFlag{Name: "threads", Usage: "`N` threads of one forward pass", DefaultText: "one per core", EnvVars: []string{"WISEFT_THREADS"}, Category: category},
		&cli.IntFlag{Name: "batch", Usage: "`N` samples per forward pass", DefaultText: "8, or 32 on a GPU", EnvVars: []string{"WISEFT_BATCH"}, Category: category},
		onnxruntimeFlag(category),
	}
}

func onnxruntimeFlag(category string) cli.Flag {
	return &cli.StringFlag{Name: "onnxruntime", Usage: "the shared `LIBRARY` to use", DefaultText: "found, or installed once into the cache folder", EnvVars: []string{"WISEFT_ONNXRUNTIME"}, Category: category}
}

// engine makes extractors for any tensor of a model.
type engine struct{ ort.Engine }

// Open implements probe.Engine.
func (e engine) Open(ctx context.Context, model []byte, tensor string) (probe.Extractor, error) {
	exposed, err := expose(ctx, model, tensor)
	if err != nil {
		return nil, err
	}
	return e.Engine.Open(ctx, exposed, tensor)
}

// newEngine loads onnxruntime as the flags say.
func (c *call) newEngine() (engine, error) {
	device, err := ort.ParseDevice(c.String("device"))
	if err != nil {
		return engine{}, usageError{msg: err.Error()}
	}
	if c.Int("threads") < 0 || c.Int("batch") < 0 || (c.IsSet("batch") && c.Int("batch") == 0) {
		return engine{}, usageError{msg: "--threads must not be negative, and --batch must be at least 1"}
	}
	opt := c.libraryOptions()
	opt.CUDA = device.CUDA
	if _, err := ort.Load(c.Context.Context, opt); err != nil {
		return engine{}, err
	}
	return engine{ort.Engine{Device: device, Threads: c.Int("threads")}}, nil
}

// gpuBatch is the number of samples of one forward pass on a GPU, whose cores many samples
// keep busy.
const gpuBatch = 32

// batch is the number of samples of one forward pass.
func (c *call) batch() int {
	switch {
	case c.Int("batch") > 0:
		return c.Int("batch")
	case strings.HasPrefix(c.String("device"), "cuda"):
		return gpuBatch
	}
	return probe.DefaultBatch
}

// libraryOptions says where onnxruntime is looked for on this machine.
func (c *call) libraryOptions() ort.Options {
	opt := ort.Options{Library: c.String("onnxruntime"), Install: true, Say: c.say}
	if cache, err := ort.DefaultCacheDir(); err == nil {
		opt.CacheDir = cache
	}
	var programDir string
	if program, err := os.Executable(); err == nil {
		programDir = filepath.Dir(program)
	}
	opt.Search = ort.Places(programDir, filepath.SplitList(c.getenv("LD_LIBRARY_PATH")), c.pythonPrefixes(), nodePrefixes())
	return opt
}

// pythonPrefixes lists where Python packages may be installed: the environment that
// is active, the Python on the path, the user's own packages.
func (c *call) pythonPrefixes() []string {
	var prefixes []string
	for _, env := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := c.getenv(env); dir != "" {
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

// nodePrefixes lists where Node packages may be installed: in this folder, or
// globally beside the Node on the path.
func nodePrefixes() []string {
	prefixes := []string{"."}
	if node, err := exec.LookPath("node"); err == nil {
		if real, err := filepath.EvalSymlinks(node); err == nil {
			prefixes = append(prefixes, filepath.Join(filepath.Dir(filepath.Dir(real)), "lib"))
		}
	}
	return prefixes
}
