package checkpoint

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/wiseft/wiseft/onnxmerge/onnx"
)

// maxHeader is the largest header in bytes, as the format's own library has it.
const maxHeader = 100_000_000

// maxRank bounds the number of axes.
const maxRank = 64

// metadataKey is the key of the header that is no tensor.
const metadataKey = "__metadata__"

// stored is a dtype of the format.
type stored struct {
	dtype onnx.DType // onnx.DTypeUndefined if ONNX has none
	bits  int64
}

// safetensorsTypes are the dtypes of safetensors 0.6.
var safetensorsTypes = map[string]stored{
	"BOOL": {onnx.Bool, 8}, "U8": {onnx.Uint8, 8}, "I8": {onnx.Int8, 8}, "I16": {onnx.Int16, 16}, "U16": {onnx.Uint16, 16},
	"I32": {onnx.Int32, 32}, "U32": {onnx.Uint32, 32}, "I64": {onnx.Int64, 64}, "U64": {onnx.Uint64, 64},
	"F16": {onnx.Float16, 16}, "BF16": {onnx.BFloat16, 16}, "F32": {onnx.Float32, 32}, "F64": {onnx.Float64, 64},
	"F8_E5M2": {onnx.Float8E5M2, 8}, "F8_E4M3": {onnx.Float8E4M3FN, 8}, "F8_E8M0": {onnx.Float8E8M0, 8},
	"F4": {onnx.Float4E2M1, 4}, "F6_E2M3": {onnx.DTypeUndefined, 6}, "F6_E3M2": {onnx.DTypeUndefined, 6},
	"C64": {onnx.Complex64, 64},
}

// entry is the description of a tensor in the header.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

// headerBytes returns the length that the first 8 bytes of a safetensors file give.
func headerBytes(head []byte) uint64 { return binary.LittleEndian.Uint64(head) }

func openSafetensors(r io.ReaderAt, size int64) (*Checkpoint, error) {
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, err
	}
	header := make([]byte, headerBytes(length[:])) // Recognise has compared it with the file
	if _, err := r.ReadAt(header, 8); err != nil {
		return nil, err
	}
	entries, metadata, err := parseHeader(header)
	if err != nil {
		return nil, err
	}
	start := 8 + int64(len(header))
	if err := checkRanges(entries, size-start); err != nil {
		return nil, err
	}
	var tensors []*Tensor
	for _, e := range entries {
		from := start + e.Offsets[0]
		kind := safetensorsTypes[e.DType]
		t := &Tensor{Name: e.name, Type: e.DType, DType: kind.dtype, Dims: e.Shape, bits: kind.bits,
			read: func(dst []byte, off int64) error {
				_, err := r.ReadAt(dst, from+off)
				if errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF
				}
				return err
			}}
		t.setPlace(r, from)
		tensors = append(tensors, t)
	}
	c, err := newCheckpoint(Safetensors, tensors)
	if err != nil {
		return nil, err
	}
	c.Metadata = metadata
	c.unwrap()
	return c, nil
}

// named is an entry with its key.
type named struct {
	name string
	entry
}

// parseHeader reads the JSON object of the header. Unlike json.Unmarshal into a map it refuses duplicate names.
func parseHeader(header []byte) (entries []named, metadata map[string]string, err error) {
	err = eachMember("the header of the safetensors file", header, func(d *json.Decoder, name string) error {
		if name == metadataKey {
			return d.Decode(&metadata)
		}
		entries = append(entries, named{name: name})
		return d.Decode(&entries[len(entries)-1].entry)
	})
	return entries, metadata, err
}

// checkRanges refuses entries whose ranges do not have the size of their tensors, or do not fill the dataBytes bytes
// after the header one after another.
func checkRanges(entries []named, dataBytes int64) error {
	for _, e := range entries {
		kind, known := safetensorsTypes[e.DType]
		if !known {
			return malformedf("tensor %q: dtype %q is not known", e.name, e.DType)
		}
		if e.Shape == nil || len(e.Shape) > maxRank || len(e.Offsets) != 2 {
			return malformedf("tensor %q: has a shape of %d axes (at most %d) and %d offsets (2)",
				e.name, len(e.Shape), maxRank, len(e.Offsets))
		}
		n, ok := product(e.Shape)
		if !ok {
			return malformedf("tensor %q: shape %v is negative or too large", e.name, e.Shape)
		}
		from, to := e.Offsets[0], e.Offsets[1]
		if from < 0 || to < from || to > dataBytes {
			return malformedf("tensor %q: bytes %d to %d are not inside of the file's %d bytes of data",
				e.name, from, to, dataBytes)
		}
		if n*kind.bits%8 != 0 {
			return malformedf("tensor %q: shape %v of %s is no whole number of bytes", e.name, e.Shape, e.DType)
		}
		if want := n * kind.bits / 8; want != to-from {
			return malformedf("tensor %q: shape %v of %s needs %d bytes, has %d", e.name, e.Shape, e.DType, want, to-from)
		}
	}
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(a, b named) int {
		return cmp.Or(cmp.Compare(a.Offsets[0], b.Offsets[0]), cmp.Compare(a.Offsets[1], b.Offsets[1]))
	})
	end := int64(0)
	for _, e := range sorted {
		if from := e.Offsets[0]; from < end {
			return malformedf("tensor %q: its bytes from %d on overlap with those of another, which end at %d", e.name, from, end)
		} else if from > end {
			return malformedf("tensor %q: its bytes begin at %d, and those before end at %d: nothing describes what is between",
				e.name, from, end)
		}
		end = e.Offsets[1]
	}
	if end != dataBytes {
		return malformedf("the tensors end at byte %d of the data, and the file has %d", end, dataBytes)
	}
	return nil
}
