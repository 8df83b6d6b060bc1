package datasets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

func init() {
	registerFiles(fileFormat{
		name:       "ply",
		doc:        "PLY files (ascii and binary of either byte order), whose vertices are the points",
		extensions: []string{".ply"},
		match:      func(head []byte) bool { return bytes.HasPrefix(head, []byte("ply")) },
		decode:     decodePLY,
	})
}

// maxPLYHeader bounds the header in bytes.
const maxPLYHeader = 1 << 16

// plyHeader is the part of a file before the values.
type plyHeader struct {
	ascii    bool
	order    binary.ByteOrder
	elements []plyElement
}

type plyElement struct {
	name       string
	count      int
	properties []plyProperty
}

// plyProperty is a number, or a list of them with its length in front.
type plyProperty struct {
	name        string
	kind, count plyType // count is 0 unless this is a list
}

type plyType uint8

const (
	plyInt8 plyType = iota + 1
	plyUint8
	plyInt16
	plyUint16
	plyInt32
	plyUint32
	plyFloat32
	plyFloat64
)

var plyTypes = map[string]plyType{
	"char": plyInt8, "int8": plyInt8, "uchar": plyUint8, "uint8": plyUint8,
	"short": plyInt16, "int16": plyInt16, "ushort": plyUint16, "uint16": plyUint16,
	"int": plyInt32, "int32": plyInt32, "uint": plyUint32, "uint32": plyUint32,
	"float": plyFloat32, "float32": plyFloat32, "double": plyFloat64, "float64": plyFloat64,
}

func (t plyType) size() int {
	return [...]int{plyInt8: 1, plyUint8: 1, plyInt16: 2, plyUint16: 2, plyInt32: 4, plyUint32: 4, plyFloat32: 4,
		plyFloat64: 8}[t]
}

func (t plyType) value(b []byte, order binary.ByteOrder) float64 {
	switch t {
	case plyInt8:
		return float64(int8(b[0]))
	case plyUint8:
		return float64(b[0])
	case plyInt16:
		return float64(int16(order.Uint16(b)))
	case plyUint16:
		return float64(order.Uint16(b))
	case plyInt32:
		return float64(int32(order.Uint32(b)))
	case plyUint32:
		return float64(order.Uint32(b))
	case plyFloat32:
		return float64(math.Float32frombits(order.Uint32(b)))
	}
	return math.Float64frombits(order.Uint64(b))
}

// decodePLY appends the vertices to dst. Elements before them are skipped, and elements after them are ignored.
func decodePLY(dst []float32, file []byte, _ fileOptions) ([]float32, error) {
	h, body, err := parsePLYHeader(file)
	if err != nil {
		return nil, err
	}
	for i := range h.elements {
		e := &h.elements[i]
		isVertex := e.name == "vertex"
		if isVertex && e.count == 0 {
			return nil, errors.New("has no points")
		}
		xyz, err := e.xyz()
		if isVertex && err != nil {
			return nil, err
		}
		each := func(values []float64) {
			if isVertex {
				for _, at := range xyz {
					dst = append(dst, float32(values[at]))
				}
			}
		}
		if h.ascii {
			body, err = e.readASCII(body, each)
		} else {
			body, err = e.readBinary(body, h.order, each)
		}
		if err != nil {
			return nil, err
		}
		if isVertex {
			return dst, nil
		}
	}
	return nil, errors.New("has no element vertex")
}

// xyz returns which properties are the coordinates.
func (e *plyElement) xyz() (at [3]int, err error) {
	for k, name := range [3]string{"x", "y", "z"} {
		at[k] = -1
		for i, p := range e.properties {
			if p.name == name && p.count == 0 && at[k] < 0 {
				at[k] = i
			}
		}
		if at[k] < 0 {
			return at, fmt.Errorf("element vertex has no property %s", name)
		}
	}
	return at, nil
}

// readASCII reads one line for each item. Values of lists are discarded.
func (e *plyElement) readASCII(body []byte, each func(values []float64)) ([]byte, error) {
	values := make([]float64, len(e.properties))
	for i := range e.count {
		line, rest, _ := bytes.Cut(body, []byte("\n"))
		if len(body) == 0 {
			return nil, fmt.Errorf("has %d of %d items of element %s", i, e.count, e.name)
		}
		body = rest
		if err := checkLine(line); err != nil {
			return nil, fmt.Errorf("%s %d: %w", e.name, i, err)
		}
		words := bytes.Fields(line)
		for k, p := range e.properties {
			if len(words) == 0 {
				return nil, fmt.Errorf("%s %d has no property %s", e.name, i, p.name)
			}
			v, err := strconv.ParseFloat(string(words[0]), 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) {
				return nil, fmt.Errorf("%s %d: %s is %.40q, want a number", e.name, i, p.name, words[0])
			}
			values[k], words = v, words[1:]
			if p.count == 0 {
				continue
			}
			if !(v >= 0 && v <= float64(len(words))) {
				return nil, fmt.Errorf("%s %d: list %s needs %v numbers, has %d", e.name, i, p.name, v, len(words))
			}
			words = words[int(v):]
		}
		if len(words) > 0 {
			return nil, fmt.Errorf("%s %d has %d numbers too many", e.name, i, len(words))
		}
		each(values)
	}
	return body, nil
}

// readBinary reads items as bytes. Values of lists are discarded.
func (e *plyElement) readBinary(body []byte, order binary.ByteOrder, each func(values []float64)) ([]byte, error) {
	values := make([]float64, len(e.properties))
	short := func(i int) error { return fmt.Errorf("has %d of %d items of element %s", i, e.count, e.name) }
	for i := range e.count {
		for k, p := range e.properties {
			if p.count != 0 {
				if len(body) < p.count.size() {
					return nil, short(i)
				}
				n := p.count.value(body, order)
				body = body[p.count.size():]
				if !(n >= 0 && n*float64(p.kind.size()) <= float64(len(body))) {
					return nil, fmt.Errorf("%s %d: list %s needs %v numbers, has %d bytes", e.name, i, p.name, n, len(body))
				}
				body = body[int(n)*p.kind.size():]
				continue
			}
			if len(body) < p.kind.size() {
				return nil, short(i)
			}
			values[k] = p.kind.value(body, order)
			body = body[p.kind.size():]
		}
		if len(e.properties) == 0 {
			break // items without bytes
		}
		each(values)
	}
	return body, nil
}

// parsePLYHeader returns the header and the bytes after it.
func parsePLYHeader(file []byte) (*plyHeader, []byte, error) {
	h := &plyHeader{}
	rest := file
	for number := 1; ; number++ {
		line, after, ok := bytes.Cut(rest, []byte("\n"))
		if !ok || len(file)-len(after) > maxPLYHeader {
			return nil, nil, errors.New("has no PLY header that ends in end_header")
		}
		rest = after
		words := strings.Fields(string(line))
		if number == 1 && (len(words) != 1 || words[0] != "ply") {
			return nil, nil, errors.New("does not begin with ply")
		}
		if number == 1 || len(words) == 0 {
			continue
		}
		if words[0] == "end_header" {
			break
		}
		if err := h.parseLine(words); err != nil {
			return nil, nil, fmt.Errorf("header line %d: %w", number, err)
		}
	}
	if !h.ascii && h.order == nil {
		return nil, nil, errors.New("has no format line")
	}
	return h, rest, nil
}

func (h *plyHeader) parseLine(words []string) error {
	switch {
	case words[0] == "comment" || words[0] == "obj_info":
		return nil
	case words[0] == "format" && len(words) == 3:
		switch words[1] {
		case "ascii":
			h.ascii = true
		case "binary_little_endian":
			h.order = binary.LittleEndian
		case "binary_big_endian":
			h.order = binary.BigEndian
		default:
			return fmt.Errorf("format is %.40q; ascii, binary_little_endian and binary_big_endian are supported", words[1])
		}
		return nil
	case words[0] == "element" && len(words) == 3:
		n, err := strconv.Atoi(words[2])
		if err != nil || n < 0 {
			return fmt.Errorf("number of items of element %.40s is %.40q, want an integer from 0", words[1], words[2])
		}
		h.elements = append(h.elements, plyElement{name: words[1], count: n})
		return nil
	case words[0] == "property" && len(h.elements) > 0:
		p, err := parsePLYProperty(words[1:])
		if err != nil {
			return err
		}
		e := &h.elements[len(h.elements)-1]
		e.properties = append(e.properties, p)
		return nil
	}
	return fmt.Errorf("%.80q is not a PLY header line", strings.Join(words, " "))
}

func parsePLYProperty(words []string) (plyProperty, error) {
	if len(words) == 2 {
		if t, ok := plyTypes[words[0]]; ok {
			return plyProperty{name: words[1], kind: t}, nil
		}
	}
	if len(words) == 4 && words[0] == "list" {
		count, ok1 := plyTypes[words[1]]
		kind, ok2 := plyTypes[words[2]]
		if ok1 && ok2 {
			return plyProperty{name: words[3], kind: kind, count: count}, nil
		}
	}
	return plyProperty{}, fmt.Errorf("property %.80q is malformed or has an unknown type", strings.Join(words, " "))
}
