package main

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/wiseft/wiseft/internal/output"
	"google.golang.org/protobuf/encoding/protowire"
)

// largeModel is an ONNX model y = w with n random float32 weights.
func largeModel(n int, seed byte) []byte {
	message := func(b []byte, num protowire.Number, m []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), m)
	}
	number := func(b []byte, num protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
	}
	raw := make([]byte, 4*n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(raw)
	for i := 3; i < len(raw); i += 4 {
		raw[i] = 0x3f // no NaN, no infinity
	}
	w := number(number(nil, 1, uint64(n)), 2, 1) // TensorProto.dims and data_type
	w = message(message(w, 8, []byte("w")), 9, raw)
	node := message(message(message(nil, 1, []byte("w")), 2, []byte("y")), 4, []byte("Identity"))
	graph := message(message(nil, 1, node), 5, w)
	graph = message(graph, 12, message(nil, 1, []byte("y")))
	return message(nil, 7, graph)
}

// contents reads the model of the given name and its data file. Missing files are nil.
func contents(t *testing.T, dir, name string) (model, data []byte) {
	t.Helper()
	for path, into := range map[string]*[]byte{name: &model, name + ".data": &data} {
		b, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		*into = b
	}
	return model, data
}

// After a merge is killed, the output is the previous model or the whole result: never a part of a file, never a model
// beside another model's data file, and never none.
func TestKilledMergeLeavesNoHalfFile(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"a.onnx", "b.onnx"} {
		if err := os.WriteFile(filepath.Join(dir, name), largeModel(4<<20, byte(i)), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	merge := func(out, alpha string) *exec.Cmd {
		cmd := exec.Command(exe, "a.onnx", "b.onnx", "-o", out, "--alpha", alpha, "--external", "always", "--force", "-q")
		cmd.Args = append([]string{"wiseft", "merge"}, cmd.Args[1:]...)
		cmd.Dir = dir
		return cmd
	}
	run := func(out, alpha string) time.Duration {
		start := time.Now()
		if output, err := merge(out, alpha).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		return time.Since(start)
	}
	run("out.onnx", "0.7")
	newModel, newData := contents(t, dir, "out.onnx")
	took := run("out.onnx", "0.2")
	oldModel, oldData := contents(t, dir, "out.onnx")
	if bytes.Equal(oldData, newData) || len(oldModel) == 0 {
		t.Fatal("two merges are not told apart")
	}
	killed, writing := 0, 0
	const tries = 30
	for i := range tries {
		cmd := merge("out.onnx", "0.7")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(took * time.Duration(i+1) / tries)
		if cmd.Process.Kill() == nil && cmd.Wait() != nil {
			killed++
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".out.onnx*.tmp")); len(left) > 0 {
			writing++
		}
		if err := output.Recover(filepath.Join(dir, "out.onnx")); err != nil { // as every command that reads it does
			t.Fatal(err)
		}
		model, data := contents(t, dir, "out.onnx")
		switch {
		case bytes.Equal(model, oldModel) && bytes.Equal(data, oldData):
		case bytes.Equal(model, newModel) && bytes.Equal(data, newData):
		default:
			t.Fatalf("killed after %d/%d of the time: a model of %d bytes beside data of %d bytes", i+1, tries, len(model),
				len(data))
		}
		if !bytes.Equal(model, oldModel) {
			run("out.onnx", "0.2")
		}
	}
	if killed < tries/3 {
		t.Errorf("only %d of %d merges were killed before their end", killed, tries)
	}
	if writing == 0 {
		t.Error("no kill came while a file was written")
	}
}
