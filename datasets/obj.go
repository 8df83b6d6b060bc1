package datasets

import (
	"bytes"
	"fmt"
	"strconv"
)

func init() {
	registerFiles(fileFormat{
		name:       "obj",
		doc:        "Wavefront OBJ meshes, sampled by area",
		extensions: []string{".obj"},
		match: func(head []byte) bool {
			head = bytes.ReplaceAll(bytes.TrimPrefix(head, []byte("\ufeff")), []byte("\t"), []byte(" "))
			return bytes.HasPrefix(head, []byte("v ")) || bytes.Contains(head, []byte("\nv ")) ||
				bytes.Contains(head, []byte("\rv ")) || bytes.HasPrefix(head, []byte("#"))
		},
		decode: decodeOBJ,
		mesh:   true,
	})
}

// decodeOBJ reads vertices (v) and faces (f) and samples the surface. Other lines are ignored.
func decodeOBJ(dst []float32, file []byte, opt fileOptions) ([]float32, error) {
	var m mesh
	var corners []int
	number := 0
	for line := range bytes.Lines(file) {
		number++
		if line[0] == '#' {
			continue
		}
		if err := checkLine(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		fields := bytes.Fields(line)
		if len(fields) == 0 {
			continue
		}
		switch string(fields[0]) {
		case "v":
			v, err := parseVertex(fields[1:])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			m.vertices = append(m.vertices, v)
		case "f":
			corners = corners[:0]
			for _, word := range fields[1:] {
				// v, v/t, v//n or v/t/n, from 1, or from -1 backwards.
				index, _, _ := bytes.Cut(word, []byte("/"))
				c, err := strconv.Atoi(string(index))
				if err != nil || c == 0 {
					return nil, fmt.Errorf("line %d: corner %.40q is not a vertex index", number, word)
				}
				if c < 0 {
					c += len(m.vertices) + 1
				}
				corners = append(corners, c-1)
			}
			if err := m.addPolygon(corners); err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
		}
	}
	return m.sample(dst, opt)
}

func parseVertex(words [][]byte) (v [3]float64, err error) {
	if len(words) < 3 {
		return v, fmt.Errorf("a vertex has %d numbers, want 3", len(words))
	}
	for k := range v {
		if v[k], err = strconv.ParseFloat(string(words[k]), 64); err != nil {
			return v, fmt.Errorf("coordinate of a vertex is %.40q, want a number", words[k])
		}
	}
	return v, nil
}
