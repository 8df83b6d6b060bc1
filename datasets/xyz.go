package datasets

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

func init() {
	registerFiles(fileFormat{
		name:       "xyz",
		doc:        "text files with a point a line, x, y and z first, separated by spaces or commas",
		extensions: []string{".xyz", ".txt", ".csv", ".pts"},
		match: func(head []byte) bool {
			// The last line may be cut off.
			if at := bytes.LastIndexByte(head, '\n'); at >= 0 {
				head = head[:at]
			}
			_, err := decodeXYZ(nil, head, fileOptions{})
			return err == nil
		},
		decode: decodeXYZ,
		unless: matchModelNetText,
	})
}

// decodeXYZ reads the first three numbers of each line. Every line must have the same number of further columns, such
// as normals. Blank lines and lines that begin with # are skipped, and so is a first line without any number: a
// table's header.
func decodeXYZ(dst []float32, file []byte, _ fileOptions) ([]float32, error) {
	columns, points, number := 0, 0, 0
	for line := range bytes.Lines(file) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		words := bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == ';' })
		if columns == 0 && points == 0 && !startsNumber(words) {
			columns = -1 // there is at most one header line
			continue
		}
		if columns <= 0 {
			columns = len(words)
		}
		if len(words) != columns || columns < 3 {
			return nil, fmt.Errorf("line %d has %d numbers, want %d", number, len(words), max(3, columns))
		}
		for k, word := range words[:3] {
			v, err := parseFloat(word)
			if err != nil {
				return nil, fmt.Errorf("line %d: %c is %.40q, want a number", number, "xyz"[k], word)
			}
			dst = append(dst, v)
		}
		points++
	}
	if points == 0 {
		return nil, errors.New("has no points")
	}
	return dst, nil
}

func startsNumber(words [][]byte) bool {
	if len(words) == 0 {
		return false
	}
	_, err := parseFloat(words[0])
	return err == nil
}

// parseFloat reads a number as float32. One that is too large becomes infinite; the check for finite values refuses
// it later and names its place.
func parseFloat(word []byte) (float32, error) {
	v, err := strconv.ParseFloat(string(word), 32)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, err
	}
	return float32(v), nil
}
