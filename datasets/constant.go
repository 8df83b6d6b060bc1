package datasets

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/wiseft/wiseft/datasets/npy"
	"github.com/wiseft/wiseft/datasets/typed"
	"github.com/wiseft/wiseft/internal/fault"
)

// Constant is what an input of a model gets with every sample.
type Constant struct {
	Input string `json:"input"`
	Value string `json:"value"` // as it was given
	// SHA256 is that of the values, if they are of a file.
	SHA256 string `json:"sha256,omitempty"`
	// Array has the values: a single number that fills the input's shape, or an array. Its type is [typed.Undefined]
	// for zeros, and in a record, which has no values.
	Array typed.Array `json:"-"`
}

// Zeros is the text of a constant of zeros.
const Zeros = "zeros"

// ParseConstant reads what an input gets: zeros, a number, true or false, a list in brackets, an NPY file by a path
// that ends in .npy, or else text. Errors are of the kind Usage, or those of the file.
func ParseConstant(input, text string) (Constant, error) {
	c := Constant{Input: input, Value: text}
	var err error
	switch {
	case text == Zeros:
	case strings.HasSuffix(text, ".npy"):
		if c.Array, err = ReadArray(text); err == nil {
			s := Sample{Arrays: []typed.Array{c.Array}}
			sum := sha256.Sum256(s.AppendBytes(nil))
			c.SHA256 = hex.EncodeToString(sum[:])
		}
	case strings.HasPrefix(text, "["):
		if c.Array, err = parseList(text); err != nil {
			err = fault.Usagef("--constant %s=%s: %w", input, text, err)
		}
	default:
		c.Array, err = arrayOf([]any{parseWord(text)}, nil)
	}
	return c, err
}

// parseWord reads a number, true or false, or else text.
func parseWord(text string) any {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return json.Number(text)
	}
	if text == "true" || text == "false" {
		return text == "true"
	}
	return text
}

// parseList reads a list of numbers, booleans or texts, or of such lists.
func parseList(text string) (typed.Array, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		return typed.Array{}, errors.New("is no list such as [1, 2] or [[0.5], [1]]")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return typed.Array{}, errors.New("has more than one list")
	}
	var shape []int64
	for v := value; ; {
		list, ok := v.([]any)
		if !ok {
			break
		}
		shape = append(shape, int64(len(list)))
		if len(list) == 0 {
			break
		}
		v = list[0]
	}
	values, err := flatten(nil, value, shape)
	if err != nil {
		return typed.Array{}, err
	}
	return arrayOf(values, shape)
}

// flatten appends the elements of a list that has a shape.
func flatten(dst []any, value any, shape []int64) ([]any, error) {
	list, ok := value.([]any)
	if len(shape) == 0 && !ok {
		return append(dst, value), nil
	}
	if !ok || len(shape) == 0 || int64(len(list)) != shape[0] {
		return nil, errors.New("has lists of several lengths or depths")
	}
	var err error
	for _, v := range list {
		if dst, err = flatten(dst, v, shape[1:]); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// arrayOf makes an array of numbers, which are integers if all are, of booleans, or of texts.
func arrayOf(values []any, shape []int64) (typed.Array, error) {
	a := typed.Array{Type: typed.Int64, Shape: shape}
	isWhole := func(v any) bool {
		number, ok := v.(json.Number)
		_, err := number.Int64()
		return ok && err == nil
	}
	if slices.ContainsFunc(values, func(v any) bool { return !isWhole(v) }) {
		a.Type = typed.Float64
	}
	for i, v := range values {
		switch v := v.(type) {
		case json.Number:
			if whole, err := v.Int64(); a.Type == typed.Int64 && err == nil {
				a.Data = binary.LittleEndian.AppendUint64(a.Data, uint64(whole))
				continue
			}
			f, err := v.Float64()
			if err != nil || a.Type != typed.Float64 {
				return a, fmt.Errorf("has the value %s among others of another kind, or beyond float64", v)
			}
			a.Data = binary.LittleEndian.AppendUint64(a.Data, math.Float64bits(f))
		case bool:
			if i == 0 {
				a.Type = typed.Bool
			}
			if a.Type != typed.Bool {
				return a, fmt.Errorf("has the value %v among others of another kind", v)
			}
			a.Data = append(a.Data, map[bool]byte{true: 1}[v])
		case string:
			if i == 0 {
				a.Type = typed.String
			}
			if a.Type != typed.String {
				return a, fmt.Errorf("has the text %q among others of another kind", v)
			}
			a.Text = append(a.Text, v)
		default:
			return a, fmt.Errorf("has the value %v, which is no number, text, true or false", v)
		}
	}
	return a, nil
}

// ReadArray reads an NPY file. Errors of what it holds are *FormatError.
func ReadArray(path string) (a typed.Array, err error) {
	err = withFile(path, func(r io.ReaderAt, size int64) error {
		rows, err := npy.OpenArray(r, size)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for _, n := range rows.Shape {
			a.Shape = append(a.Shape, int64(n))
		}
		return readTyped(&a, rows, 0, rows.Len())
	})
	return a, err
}

// WithConstants returns ds with inputs that get the same with every sample: what its features depend on, too. It is ds
// itself without any. ds must stay open; closing the result does not close it.
func WithConstants(ds Dataset, list []Constant) Dataset {
	if len(list) == 0 {
		return ds
	}
	return &constantData{ds, list}
}

type constantData struct {
	Dataset
	constants []Constant
}

func (d *constantData) Info() Info {
	info := d.Dataset.Info()
	info.Constants = append(slices.Clone(info.Constants), d.constants...)
	return info
}

func (d *constantData) Hash(ctx context.Context) (string, error) {
	var line bytes.Buffer
	for _, c := range d.constants {
		fmt.Fprintf(&line, "constant %q %q\n", c.Input, cmp.Or(c.SHA256, c.Value)) // a file's name has no influence
	}
	return DerivedHash(ctx, d.Dataset, line.String())
}

func (d *constantData) Close() error { return nil }
