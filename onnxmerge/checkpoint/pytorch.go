package checkpoint

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"strings"

	"github.com/wiseft/wiseft/internal/pickle"
	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// legacyMagic begins files of torch.save before PyTorch 1.6: a pickle of protocol 2 with an integer of 10 bytes.
const legacyMagic = "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."

// convertLegacy and the others are lines that convert what is not read.
const (
	convertLegacy = `convert it: python -c "import torch; torch.save(torch.load('OLD.pth', map_location='cpu'), 'NEW.pth')"`
	convertScript = `convert it: python -c "import torch; ` +
		`torch.save(torch.jit.load('OLD.pt', map_location='cpu').state_dict(), 'NEW.pth')"`
	convertModule = `save the weights alone, where the code of the model is installed: ` +
		`python -c "import torch; m = torch.load('OLD.pth', map_location='cpu', weights_only=False); ` +
		`torch.save(m.state_dict() if hasattr(m, 'state_dict') else m['model'], 'NEW.pth')"`
	makeDense = "save it as a dense tensor: tensor.to_dense(), or tensor.dequantize()"
)

// archive is an opened checkpoint.
type archive struct {
	r        io.ReaderAt
	order    binary.ByteOrder
	entries  map[string]*zip.File // by name without the archive's own
	storages map[string]*storage  // by key
}

// storage is the bytes of one or more tensors.
type storage struct {
	key   string
	kind  scalarType
	size  int64 // in bytes
	order binary.ByteOrder
	r     io.ReaderAt
}

func openPyTorch(r io.ReaderAt, size int64, head []byte) (*Checkpoint, error) {
	if strings.HasPrefix(string(head), legacyMagic) {
		return nil, malformedf("a checkpoint of a PyTorch before 1.6, which is not supported").WithHint("%s", convertLegacy)
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, malformedf("a zip archive that is damaged (%w)", err)
	}
	a := &archive{r: r, order: binary.LittleEndian, entries: map[string]*zip.File{}, storages: map[string]*storage{}}
	if err := a.index(z.File); err != nil {
		return nil, err
	}
	program, size, err := a.open("data.pkl")
	if err != nil {
		return nil, err
	}
	root, err := pickle.Read(program, size, pickle.Options{Call: a.call, Persistent: a.persistent})
	if err != nil {
		return nil, asMalformed("data.pkl", err)
	}
	return collect(root)
}

// index finds the archive's folder and its entries.
func (a *archive) index(files []*zip.File) error {
	folder := ""
	for _, f := range files {
		if dir, name := path.Split(f.Name); name == "data.pkl" && strings.Count(dir, "/") == 1 {
			if folder != "" {
				return malformedf("a zip archive with several data.pkl, which torch.save does not write")
			}
			folder = dir
		}
	}
	if folder == "" {
		return malformedf("a zip archive, but no PyTorch checkpoint: no NAME/data.pkl is in it")
	}
	for _, f := range files {
		name, ok := strings.CutPrefix(f.Name, folder)
		if !ok {
			continue
		}
		if a.entries[name] != nil {
			return malformedf("the archive has two entries called %q", f.Name)
		}
		if name == "constants.pkl" || strings.HasPrefix(name, "code/") {
			return malformedf("a TorchScript archive, which is not supported").WithHint("%s", convertScript)
		}
		a.entries[name] = f
	}
	return a.readOrder()
}

// readOrder reads the entry byteorder.
func (a *archive) readOrder() error {
	if a.entries["byteorder"] == nil {
		return nil // PyTorch before 2.0, on little-endian machines
	}
	r, size, err := a.open("byteorder")
	if err != nil {
		return err
	}
	text := make([]byte, min(size, 16))
	if _, err := r.ReadAt(text, 0); err != nil && err != io.EOF {
		return err
	}
	switch string(text) {
	case "little":
	case "big":
		a.order = binary.BigEndian
	default:
		return malformedf("entry byteorder is %q, want little or big", text)
	}
	return nil
}

// open returns an entry and its size. Compressed entries are refused: torch.save writes none.
func (a *archive) open(name string) (io.ReaderAt, int64, error) {
	f := a.entries[name]
	if f == nil {
		return nil, 0, malformedf("the archive has no entry %q", name)
	}
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 {
		return nil, 0, malformedf("entry %q is compressed, which torch.save does not do", f.Name)
	}
	off, err := f.DataOffset()
	if err != nil {
		return nil, 0, malformedf("entry %q: %w", f.Name, err)
	}
	size := int64(f.UncompressedSize64)
	if size < 0 || off < 0 || size > 1<<62-off {
		return nil, 0, malformedf("entry %q: claims %d bytes", f.Name, f.UncompressedSize64)
	}
	if size > 0 { // its last byte must be in the file
		if _, err := a.r.ReadAt(make([]byte, 1), off+size-1); err != nil {
			return nil, 0, malformedf("entry %q: claims %d bytes, and the file ends before", f.Name, size)
		}
	}
	return io.NewSectionReader(a.r, off, size), size, nil
}

// persistent returns the storage of an identifier: ("storage", type, key, location, number of elements).
func (a *archive) persistent(id any) (any, error) {
	list, _ := id.(pickle.Tuple)
	if len(list) < 5 || list[0] != "storage" {
		return nil, errors.New("refers to an object that is no storage")
	}
	class, ok1 := list[1].(pickle.Global)
	key, ok2 := list[2].(string)
	count, ok3 := list[4].(int64)
	if !ok1 || !ok2 || !ok3 {
		return nil, errors.New("has a storage whose identifier is not (type, key, location, size)")
	}
	kind, known := storageTypes[strings.TrimPrefix(strings.TrimPrefix(string(class), "torch.storage."), "torch.")]
	if !known {
		return nil, malformedf("has a storage of type %q; those of quantised tensors are not supported", class).
			WithHint("%s", makeDense)
	}
	if s := a.storages[key]; s != nil {
		if s.kind != kind {
			return nil, malformedf("has storage %q with two types", key)
		}
		return s, nil
	}
	r, size, err := a.open("data/" + key)
	if err != nil {
		return nil, err
	}
	if count < 0 || kind.size > 0 && count > size/kind.size {
		return nil, malformedf("storage %q: %d elements of %s need more than its %d bytes", key, count, kind.name, size)
	}
	s := &storage{key: key, kind: kind, size: size, order: a.order, r: r}
	a.storages[key] = s
	return s, nil
}

// scalarType is a dtype of PyTorch.
type scalarType struct {
	name  string
	dtype onnx.DType
	size  int64 // of one element in bytes
	word  int64 // of what is reversed in another byte order: half of a complex element
}

// scalarTypes are the dtypes of PyTorch that an ONNX type corresponds to.
var scalarTypes = map[string]scalarType{}

// storageTypes are the classes of storages. UntypedStorage has bytes.
var storageTypes = map[string]scalarType{"UntypedStorage": {"uint8", onnx.Uint8, 1, 1}}

func init() {
	for _, t := range []struct {
		name, storage string
		dtype         onnx.DType
		size, word    int64
	}{
		{"float64", "Double", onnx.Float64, 8, 8}, {"float32", "Float", onnx.Float32, 4, 4},
		{"float16", "Half", onnx.Float16, 2, 2}, {"bfloat16", "BFloat16", onnx.BFloat16, 2, 2},
		{"int64", "Long", onnx.Int64, 8, 8}, {"int32", "Int", onnx.Int32, 4, 4}, {"int16", "Short", onnx.Int16, 2, 2},
		{"int8", "Char", onnx.Int8, 1, 1}, {"uint8", "Byte", onnx.Uint8, 1, 1}, {"bool", "Bool", onnx.Bool, 1, 1},
		{"complex64", "ComplexFloat", onnx.Complex64, 8, 4}, {"complex128", "ComplexDouble", onnx.Complex128, 16, 8},
		{"uint16", "", onnx.Uint16, 2, 2}, {"uint32", "", onnx.Uint32, 4, 4}, {"uint64", "", onnx.Uint64, 8, 8},
		{"float8_e4m3fn", "", onnx.Float8E4M3FN, 1, 1}, {"float8_e5m2", "", onnx.Float8E5M2, 1, 1},
		{"float8_e4m3fnuz", "", onnx.Float8E4M3FNUZ, 1, 1}, {"float8_e5m2fnuz", "", onnx.Float8E5M2FNUZ, 1, 1},
		{"float8_e8m0fnu", "", onnx.Float8E8M0, 1, 1},
	} {
		kind := scalarType{t.name, t.dtype, t.size, t.word}
		scalarTypes[t.name] = kind
		if t.storage != "" {
			storageTypes[t.storage+"Storage"] = kind
		}
	}
}
