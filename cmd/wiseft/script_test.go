package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/wiseft/wiseft/datasets"
	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/datasets/shapes"
	"github.com/wiseft/wiseft/internal/hub/hubtest"
	measurement "github.com/wiseft/wiseft/probe/bench/result"
	"github.com/wiseft/wiseft/probe/ort/orttest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"wiseft": func() {
		interceptSteps(os.Getenv("WISEFT_TEST_STEP"))
		main()
	}, demoWriter: func() {
		interceptSteps(os.Getenv("WISEFT_TEST_STEP"))
		writeDemo()
	}, "scorer": scorer})
}

// TestScripts runs the scripts of testdata/script, one for each command.
func TestScripts(t *testing.T) {
	t.Parallel()
	lib := orttest.Load(t)
	hub := newHub(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HF_ENDPOINT", hub.URL())
			env.Setenv("HF_HOME", filepath.Join(env.WorkDir, "hf"))
			return setupScript(env, lib.Path)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     cmdExits,
			"interrupt": cmdInterrupt,
			"truncate":  cmdTruncate,
			"empty":     cmdEmpty,
			"agree":     cmdAgree,
			"alike":     cmdAlike,
			"flip":      cmdFlip,
			"chosen":    cmdChosen,
		},
	})
}

// newHub serves the demo's models, a model with data files, and a data set, as the Hugging Face Hub does.
func newHub(t *testing.T) *hubtest.Server {
	t.Helper()
	files := map[string]string{"onnx/pretrained.onnx": string(demoPretrained), "finetuned.onnx": string(demoFinetuned)}
	for folder, from := range map[string]string{"external/": "../../onnxmerge/onnx/testdata/external", "clouds/": "../../datasets/testdata/ply"} {
		err := fs.WalkDir(os.DirFS(from), ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(filepath.Join(from, name))
			files[folder+name] = string(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const part = "model-00001-of-00001.safetensors"
	weights, err := os.ReadFile("../../scripts/checkpoint/testdata/base.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]any
	if err := json.Unmarshal(weights[8:8+binary.LittleEndian.Uint64(weights)], &header); err != nil {
		t.Fatal(err)
	}
	delete(header, "__metadata__")
	for name := range header {
		header[name] = part
	}
	index, err := json.Marshal(map[string]any{"weight_map": header})
	if err != nil {
		t.Fatal(err)
	}
	files["weights/"+part], files["weights/model.safetensors.index.json"] = string(weights), string(index)
	return hubtest.New(t, files)
}

// setupScript writes into every script's folder the demo's models, tiny ones, exports of several kinds and small data
// sets, and sets the path of onnxruntime.
func setupScript(env *testscript.Env, library string) error {
	env.Setenv("WISEFT_ONNXRUNTIME", library)
	env.Setenv("WISEFT_ORT_BINDING", os.Getenv("WISEFT_ORT_BINDING"))
	for name, data := range map[string][]byte{"pretrained.onnx": demoPretrained, "finetuned.onnx": demoFinetuned,
		"weights.safetensors": []byte("\x02\x00\x00\x00\x00\x00\x00\x00{}")} {
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), data, 0o666); err != nil {
			return err
		}
	}
	for _, name := range []string{
		"pretrained", "finetuned", "finetuned_float16", "finetuned_other_use", "finetuned_folded",
	} {
		data, err := os.ReadFile(filepath.Join("../../onnxmerge/onnx/testdata", name+".onnx"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, "tiny_"+name+".onnx"), data, 0o666); err != nil {
			return err
		}
	}
	for name, from := range map[string]string{"normed_a": "resnet/a_keep", "normed_b": "resnet/b_keep",
		"folded_a": "resnet/a_fold", "folded_b": "resnet/b_fold", "more_norms": "resnet/b_norm_keep",
		"classes5": "pointnet/a_keep", "classes7": "pointnet/b_classes7_keep", "attention_a": "cross_attention/a_slim",
		"mlp_a": "mlp/a_fold", "mlp_b": "mlp/b_fold", "recurrent_a": "recurrent/a_hashed_keep"} {
		if err := unpack(filepath.Join(env.WorkDir, name+".onnx"),
			"../../onnxmerge/pair/testdata/corpus/"+from+".onnx.gz"); err != nil {
			return err
		}
	}
	if err := os.CopyFS(env.WorkDir, os.DirFS("../../onnxmerge/mapping/testdata")); err != nil {
		return err
	}
	for _, folder := range []string{"external", "stores"} {
		if err := os.CopyFS(filepath.Join(env.WorkDir, folder),
			os.DirFS(filepath.Join("../../onnxmerge/onnx/testdata", folder))); err != nil {
			return err
		}
	}
	for name, from := range map[string]string{"inputs": "testdata/inputs", "adapters": "../../onnxmerge/adapter/testdata"} {
		if err := os.CopyFS(filepath.Join(env.WorkDir, name), os.DirFS(from)); err != nil {
			return err
		}
	}
	for _, folder := range []string{"../../probe/feature/testdata", "../../datasets/testdata/arrays"} {
		if err := os.CopyFS(filepath.Join(env.WorkDir, "elsewhere", filepath.Base(folder)), os.DirFS(folder)); err != nil {
			return err
		}
	}
	fold, err := os.ReadFile("../../datasets/testdata/pickle/fewshot.pkl")
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(env.WorkDir, "folds"), 0o777); err != nil {
		return err
	}
	for _, name := range []string{"2.pkl", "10.pkl"} {
		if err := os.WriteFile(filepath.Join(env.WorkDir, "folds", name), fold, 0o666); err != nil {
			return err
		}
	}
	for name, file := range map[string]string{"nan": "bad_nan", "no_label": "no_label", "four_columns": "bad_four_columns"} {
		data, err := os.ReadFile(filepath.Join("../../datasets/testdata/h5", file+".h5"))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, name+".h5"), data, 0o666); err != nil {
			return err
		}
	}
	for _, split := range []string{"train", "val", "test"} {
		if err := writeScans(filepath.Join(env.WorkDir, split+".npz"), split); err != nil {
			return err
		}
	}
	return writeNamed(filepath.Join(env.WorkDir, "named.npz"))
}

// writeNamed writes an NPZ file with the arrays X_train, y_train, X_test and y_test, whose labels are text; the test
// labels lack the first class.
func writeNamed(path string) error {
	var b bytes.Buffer
	z := npy.NewWriter(&b)
	for _, split := range []string{"train", "test"} {
		scans, err := shapes.New(shapes.Options{Domain: shapes.Scan, Split: split, PerClass: 6, Points: 64,
			Classes: shapes.Indoor()[:4]})
		if err != nil {
			return err
		}
		var kept []int
		var names []string
		for i := range scans.Len() {
			if split == "train" || scans.Label(i) > 0 {
				kept = append(kept, i)
				names = append(names, scans.Info().Classes[scans.Label(i)])
			}
		}
		var s datasets.Sample
		err = z.Float32Rows("X_"+split, len(kept), []int{64, 3}, func(i int) ([]float32, error) {
			err := scans.Read(contextOfTests, &s, kept[i])
			return s.X, err
		})
		if err = errors.Join(err, z.Strings("y_"+split, names)); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

// unpack decompresses a gzip file.
func unpack(path, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o666)
}

func writeScans(path, split string) error {
	scans, err := shapes.New(shapes.Options{Domain: shapes.Scan, Split: split, PerClass: 6, Points: 64,
		Classes: shapes.Indoor()[:4]})
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	// The script's own context ends with the script, which may be before this returns.
	if err := datasets.WriteNPZ(contextOfTests, &buf, scans); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o666)
}

// cmdExits runs a command and checks its exit code: exits 3 wiseft inspect none.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s\n%s", code, args[0], ts.ReadFile("stderr"))
	}
}

// cmdInterrupt starts a command, sends it Ctrl-C when its standard error holds the
// given text, and checks that it ends with exit code 130: interrupt TEXT PROGRAM ARGS… What it
// writes to standard error after that is in interrupted.txt.
func cmdInterrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: interrupt TEXT PROGRAM ARGS…")
	}
	path, err := exec.LookPath(filepath.Join(ts.Getenv("WISEFT_BIN"), args[1]))
	if err != nil {
		path = args[1]
	}
	cmd := exec.Command(path, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "WISEFT_ONNXRUNTIME="+ts.Getenv("WISEFT_ONNXRUNTIME"))
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	lines := bufio.NewScanner(stderr)
	seen := false
	for !seen && lines.Scan() {
		seen = strings.Contains(lines.Text(), args[0])
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	rest, err := io.ReadAll(stderr)
	ts.Check(err)
	_ = cmd.Wait() // the exit code is checked below
	if !seen {
		ts.Fatalf("%q was never printed", args[0])
	}
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		ts.Fatalf("exit code %d after Ctrl-C, want %d\n%s", code, exitInterrupted, rest)
	}
	ts.Check(os.WriteFile(ts.MkAbs("interrupted.txt"), rest, 0o666))
}

// cmdTruncate cuts a file to its first half.
func cmdTruncate(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data[:len(data)/2], 0o666))
}

// cmdFlip changes one bit of a file: flip FILE OFFSET.
func cmdFlip(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	off, err := strconv.Atoi(args[1])
	ts.Check(err)
	data[off] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o666))
}

// cmdEmpty checks that a folder holds nothing, or with ! that it holds something.
func cmdEmpty(ts *testscript.TestScript, neg bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if (len(entries) > 0) != neg {
		ts.Fatalf("%s holds %v", args[0], entries)
	}
}

// cmdChosen runs the command line of the chosen model of a result, and compares the file that it writes with the model
// that was measured.
func cmdChosen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: chosen RESULT")
	}
	var r measurement.Result
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	if r.Chosen == nil || r.Chosen.Command == "" {
		ts.Fatalf("%s has no command", args[0])
	}
	ts.Logf("%s", r.Chosen.Command)
	ts.Check(ts.Exec("sh", "-c", r.Chosen.Command))
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(ts.ReadFile("chosen.onnx"))))
	for _, m := range r.Models {
		if m.ID == r.Chosen.ID && m.ModelSHA256 != sum {
			ts.Fatalf("the command writes %s, measured was %s", sum, m.ModelSHA256)
		}
	}
	ts.Check(os.Remove(ts.MkAbs("chosen.onnx")))
}
