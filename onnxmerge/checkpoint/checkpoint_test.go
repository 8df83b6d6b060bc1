package checkpoint

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wiseft/wiseft/internal/fault"
)

func open(b []byte) (*Checkpoint, error) { return Open(bytes.NewReader(b), int64(len(b))) }

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// expected is what PyTorch reads from a file, written by testdata/make.py.
type expected struct {
	Within, Skipped []string
	Tensors         map[string]struct {
		Type  string
		Dims  []int64
		Bytes string
	}
}

// typeWords are the names of safetensors' dtypes in PyTorch.
var typeWords = map[string]string{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
	"I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool", "F8_E4M3": "float8_e4m3fn",
	"F8_E5M2": "float8_e5m2"}

// TestOpen compares every byte of every tensor with what PyTorch reads.
func TestOpen(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) < 8 {
		t.Fatalf("%d files with expected tensors", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want expected
			if err := json.Unmarshal(readFile(t, file), &want); err != nil {
				t.Fatal(err)
			}
			path := "testdata/" + name
			if filepath.Ext(name) == "" {
				path += ".pth"
			}
			c, err := open(readFile(t, path))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(c.Within, want.Within) || !slices.Equal(c.Skipped, want.Skipped) {
				t.Errorf("within %q, skipped %q; want %q and %q", c.Within, c.Skipped, want.Within, want.Skipped)
			}
			if len(c.Tensors) != len(want.Tensors) {
				t.Errorf("%d tensors, want %d", len(c.Tensors), len(want.Tensors))
			}
			for tensor, w := range want.Tensors {
				compareTensor(t, c.Lookup(tensor), tensor, w.Type, w.Dims, w.Bytes)
			}
		})
	}
}

func compareTensor(t *testing.T, got *Tensor, name, kind string, dims []int64, raw string) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: missing", name)
		return
	}
	if word := typeWords[got.Type]; got.Type != kind && word != kind || !slices.Equal(got.Dims, dims) {
		t.Errorf("%s: %s %v, want %s %v", name, got.Type, got.Dims, kind, dims)
	}
	b := make([]byte, got.SizeBytes())
	if err := got.ReadAt(b, 0); err != nil || hex.EncodeToString(b) != raw {
		t.Errorf("%s: %x (%v), want %s", name, b, err, raw)
	}
	item := int(got.bits / 8)
	for off := item; off < len(b); off += 5 * item { // parts, as a stream reads them
		part := make([]byte, min(2*item, len(b)-off))
		if err := got.ReadAt(part, int64(off)); err != nil || !bytes.Equal(part, b[off:off+len(part)]) {
			t.Errorf("%s: bytes from %d on are %x (%v), want %x", name, off, part, err, b[off:])
		}
	}
	if err := got.ReadAt(make([]byte, 1), got.SizeBytes()); err == nil {
		t.Errorf("%s: a byte after its end is read", name)
	}
}

// TestRefuses reads files that are no checkpoints of tensors, or of a kind that is not supported.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct{ says, hint string }{
		"legacy.pth":       {"a PyTorch before 1.6", "torch.save(torch.load("},
		"module.pth":       {`calls "torch.nn.modules.linear.Linear"`, "state_dict()"},
		"script.pt":        {"TorchScript", "torch.jit.load"},
		"code.pth":         {`system": a checkpoint of tensors needs no code`, "state_dict()"},
		"sparse.pth":       {"sparse", "dense"},
		"quantised.pth":    {"quantised", "dense"},
		"expanded.pth":     {"repeats the 2 elements", "contiguous()"},
		"tensor.pth":       {"is a single tensor", ""},
		"no_tensors.pth":   {"has no tensors", ""},
		"compressed.pth":   {"is compressed", ""},
		"other.zip":        {"no NAME/data.pkl", ""},
		"plain_pickle.pth": {"neither a safetensors file nor a PyTorch checkpoint", ""},
	} {
		_, err := open(readFile(t, "testdata/refused/"+name))
		if err == nil || !strings.Contains(err.Error(), want.says) || !strings.Contains(fault.HintOf(err), want.hint) ||
			fault.KindOf(err) != fault.Input {
			t.Errorf("%s: %v (%v, hint %q), want %q, hint %q", name, err, fault.KindOf(err), fault.HintOf(err), want.says, want.hint)
		}
	}
	names, _ := filepath.Glob("testdata/refused/*")
	if len(names) != 12 {
		t.Errorf("%d refused files, 12 are tested", len(names))
	}
}

// TestBeyond opens a checkpoint whose tensors claim more than their storages have.
func TestBeyond(t *testing.T) {
	t.Parallel()
	b := readFile(t, "testdata/plain.pth")
	const shape, strides = "K\x02K\x03\x86", "K\x03K\x01\x86" // of fc.weight, (2, 3) and (3, 1)
	for name, test := range map[string]struct{ old, changed, want string }{
		"shape":   {shape, "K\x02K\x7f\x86", "repeats the 6 elements"},
		"strides": {strides, "K\x7fK\x01\x86", "beyond its storage of 6 elements"},
		"last":    {strides, "K\x04K\x01\x86", "beyond its storage of 6 elements"},
	} {
		if !bytes.Contains(b, []byte(test.old)) {
			t.Fatalf("%s: the pickle has not %q", name, test.old)
		}
		_, err := open(bytes.Replace(b, []byte(test.old), []byte(test.changed), 1))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestDamaged cuts files and changes their bytes: what opens must be readable.
func TestDamaged(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain.pth", "dtypes.safetensors", "training.pth"} {
		b := readFile(t, "testdata/"+name)
		for n := 0; n < len(b); n += 7 {
			if c, err := open(b[:n]); err == nil {
				t.Fatalf("%s: its first %d of %d bytes open with %d tensors", name, n, len(b), len(c.Tensors))
			}
		}
		for i := 0; i < len(b); i += 3 {
			changed := bytes.Clone(b)
			changed[i] ^= 0xff
			readAll(t, changed)
		}
	}
}

// readAll reads every tensor of a file that opens.
func readAll(t *testing.T, b []byte) {
	c, err := open(b)
	if err != nil {
		return
	}
	for _, tensor := range c.Tensors {
		readTensor(t, tensor, len(b))
	}
}

// readTensor reads a tensor of a file of some size.
func readTensor(t *testing.T, x *Tensor, size int) {
	if x.SizeBytes() > 2*int64(size) {
		t.Fatalf("%q claims %d bytes in a file of %d", x.Name, x.SizeBytes(), size)
	}
	_ = x.ReadAt(make([]byte, x.SizeBytes()), 0) // an error is possible where the file is damaged
}

func FuzzOpen(f *testing.F) {
	for _, pattern := range []string{"testdata/*.pth", "testdata/*.safetensors", "testdata/refused/*"} {
		paths, _ := filepath.Glob(pattern)
		if len(paths) == 0 {
			f.Fatalf("no seeds %s", pattern)
		}
		for _, path := range paths {
			f.Add(readFile(f, path))
		}
	}
	f.Fuzz(readAll)
}
