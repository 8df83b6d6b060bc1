package datasets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/datasets/internal/lzf"
)

// maxPCDHeader bounds the header in bytes; the usual ten lines take about 200.
const maxPCDHeader = 1 << 16

// pcdHeader is the part of a PCD file (version 0.7 and older) before the points.
type pcdHeader struct {
	fields []pcdField
	stride int // bytes of a point
	words  int // numbers of a point
	points int
	data   string // "ascii", "binary" or "binary_compressed"
}

// pcdField is one field of a point: count values of size bytes.
type pcdField struct {
	name        string
	kind        byte // 'F' float, 'I' signed, 'U' unsigned
	size, count int
	off, word   int // where it starts, in bytes and in numbers
}

// decodePCD appends the x, y and z of every point to dst. Other fields are
// ignored.
func decodePCD(dst []float32, file []byte) ([]float32, error) {
	h, body, err := parsePCDHeader(file)
	if err != nil {
		return nil, err
	}
	xyz, err := h.xyz()
	if err != nil {
		return nil, err
	}
	switch h.data {
	case "ascii":
		return h.decodeASCII(dst, body, xyz)
	case "binary":
		if need := h.points * h.stride; len(body) < need {
			return nil, fmt.Errorf("%d points need %d bytes, has %d", h.points, need, len(body))
		}
		for i := range h.points {
			point := body[i*h.stride:][:h.stride]
			for _, f := range xyz {
				dst = append(dst, f.value(point[f.off:]))
			}
		}
		return dst, nil
	}
	return h.decodeCompressed(dst, body, xyz)
}

// value decodes the float at the start of b.
func (f *pcdField) value(b []byte) float32 {
	if f.size == 4 {
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	}
	return float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
}

func (h *pcdHeader) decodeASCII(dst []float32, body []byte, xyz [3]pcdField) ([]float32, error) {
	read := 0
	for line := range bytes.Lines(body) {
		if err := checkLine(line); err != nil {
			return nil, fmt.Errorf("point %d: %w", read, err)
		}
		words := strings.Fields(string(line))
		if len(words) == 0 {
			continue
		}
		if read == h.points {
			return nil, fmt.Errorf("has more lines than the %d points of its header", h.points)
		}
		if len(words) != h.words {
			return nil, fmt.Errorf("point %d has %d numbers, want %d", read, len(words), h.words)
		}
		for _, f := range xyz {
			v, err := strconv.ParseFloat(words[f.word], 32)
			if err != nil && !errors.Is(err, strconv.ErrRange) {
				return nil, fmt.Errorf("point %d: %s is %.40q, want a number", read, f.name, words[f.word])
			}
			dst = append(dst, float32(v))
		}
		read++
	}
	if read < h.points {
		return nil, fmt.Errorf("has %d of the %d points of its header", read, h.points)
	}
	return dst, nil
}

// decodeCompressed reads binary_compressed data: two sizes, then an LZF stream of
// all values of the first field, then all of the second, and so on.
func (h *pcdHeader) decodeCompressed(dst []float32, body []byte, xyz [3]pcdField) ([]float32, error) {
	if len(body) < 8 {
		return nil, errors.New("ends before the sizes of its compressed points")
	}
	packed := int64(binary.LittleEndian.Uint32(body))
	size := int64(binary.LittleEndian.Uint32(body[4:]))
	need := int64(h.points) * int64(h.stride)
	switch {
	case packed > int64(len(body)-8):
		return nil, fmt.Errorf("compressed size is %d bytes, has %d", packed, len(body)-8)
	case size != need || size > packed*lzf.MaxRatio:
		return nil, fmt.Errorf("%d points need %d bytes, but the sizes are %d bytes, compressed %d", h.points, need, size,
			packed)
	}
	raw := make([]byte, size)
	if err := lzf.Decode(raw, body[8:8+packed]); err != nil {
		return nil, err
	}
	for i := range h.points {
		for _, f := range xyz {
			dst = append(dst, f.value(raw[h.points*f.off+i*f.size:]))
		}
	}
	return dst, nil
}

// xyz finds the coordinates among the fields.
func (h *pcdHeader) xyz() (out [3]pcdField, err error) {
	for i, name := range [3]string{"x", "y", "z"} {
		found := false
		for _, f := range h.fields {
			if f.name != name {
				continue
			}
			if found || f.kind != 'F' || f.size != 4 && f.size != 8 || f.count != 1 {
				return out, fmt.Errorf("field %s must occur once, with count 1, as a float of 4 or 8 bytes", name)
			}
			out[i], found = f, true
		}
		if !found {
			return out, fmt.Errorf("has no field %s", name)
		}
	}
	return out, nil
}

// parsePCDHeader returns the header and the bytes after it. Every number in it is
// small enough that points * stride cannot overflow.
func parsePCDHeader(file []byte) (*pcdHeader, []byte, error) {
	entries := map[string][]string{}
	rest := file
	for len(entries["DATA"]) == 0 {
		end := bytes.IndexByte(rest[:min(len(rest), maxPCDHeader)], '\n')
		if end < 0 || len(file)-len(rest) > maxPCDHeader {
			return nil, nil, errors.New("has no PCD header with a DATA line")
		}
		words := strings.Fields(string(rest[:end]))
		rest = rest[end+1:]
		if len(words) > 1 && !strings.HasPrefix(words[0], "#") {
			entries[words[0]] = words[1:]
		}
	}
	h := &pcdHeader{data: entries["DATA"][0]}
	if h.data != "ascii" && h.data != "binary" && h.data != "binary_compressed" {
		return nil, nil, fmt.Errorf("DATA is %.40q; ascii, binary and binary_compressed are supported", h.data)
	}
	if err := h.readFields(entries); err != nil {
		return nil, nil, err
	}
	if err := h.readPoints(entries); err != nil {
		return nil, nil, err
	}
	return h, rest, nil
}

func (h *pcdHeader) readFields(entries map[string][]string) error {
	names, sizes, kinds := entries["FIELDS"], entries["SIZE"], entries["TYPE"]
	counts, ok := entries["COUNT"]
	if !ok {
		counts = make([]string, len(names))
		for i := range counts {
			counts[i] = "1"
		}
	}
	if len(names) == 0 || len(sizes) != len(names) || len(kinds) != len(names) || len(counts) != len(names) {
		return fmt.Errorf("has %d FIELDS, but %d SIZE, %d TYPE and %d COUNT", len(names), len(sizes), len(kinds), len(counts))
	}
	for i, name := range names {
		f := pcdField{name: name, kind: kinds[i][0], off: h.stride, word: h.words}
		var err1, err2 error
		f.size, err1 = strconv.Atoi(sizes[i])
		f.count, err2 = strconv.Atoi(counts[i])
		if err1 != nil || err2 != nil || f.size < 1 || f.size > 8 || f.count < 0 || f.count > 1<<16 {
			return fmt.Errorf("field %.40q has size %.20q and count %.20q, want a size of 1 to 8 and a count of 0 to %d",
				name, sizes[i], counts[i], 1<<16)
		}
		h.fields = append(h.fields, f)
		h.stride += f.size * f.count
		h.words += f.count
	}
	if h.stride > 1<<20 {
		return fmt.Errorf("has points of %d bytes; at most %d are supported", h.stride, 1<<20)
	}
	return nil
}

func (h *pcdHeader) readPoints(entries map[string][]string) error {
	number := func(key string, missing int) (int, error) {
		words, ok := entries[key]
		if !ok {
			return missing, nil
		}
		n, err := strconv.Atoi(words[0])
		if err != nil || n < 0 || n > 1<<30 {
			return 0, fmt.Errorf("%s is %.40q, want an integer from 0 to %d", key, words[0], 1<<30)
		}
		return n, nil
	}
	width, err1 := number("WIDTH", 0)
	height, err2 := number("HEIGHT", 1)
	points, err3 := number("POINTS", width*height)
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	if points != width*height {
		return fmt.Errorf("has %d POINTS, but WIDTH %d times HEIGHT %d", points, width, height)
	}
	if points == 0 {
		return errors.New("has no points")
	}
	h.points = points
	return nil
}
