package datasets

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

func init() {
	registerFiles(fileFormat{
		name:       "off",
		doc:        "OFF meshes (OFF, COFF, NOFF, STOFF and their combinations), sampled by area",
		extensions: []string{".off"},
		match:      func(head []byte) bool { _, _, ok := cutOFF(head); return ok },
		decode:     decodeOFF,
		mesh:       true,
	})
}

// maxCorners bounds the corners of a polygon.
const maxCorners = 1 << 16

// words yields the words of a text, which white space separates, without comments, which extend from # to the end of
// the line.
type words struct{ rest []byte }

func (w *words) next() []byte {
	for {
		w.rest = bytes.TrimLeft(w.rest, " \t\r\n")
		if len(w.rest) == 0 || w.rest[0] != '#' {
			break
		}
		end := bytes.IndexByte(w.rest, '\n')
		if end < 0 {
			end = len(w.rest)
		}
		w.rest = w.rest[end:]
	}
	end := bytes.IndexAny(w.rest, " \t\r\n")
	if end < 0 {
		end = len(w.rest)
	}
	word := w.rest[:end]
	w.rest = w.rest[end:]
	return word
}

// count reads an integer that is not negative.
func (w *words) count(what string) (int, error) {
	word := w.next()
	n, err := strconv.Atoi(string(word))
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is %.40q, want a number from 0", what, word)
	}
	return n, nil
}

// decodeOFF reads the mesh and samples it. Many files of ModelNet40 lack the line break
// after OFF.
func decodeOFF(dst []float32, file []byte, opt fileOptions) ([]float32, error) {
	body, more, ok := cutOFF(file)
	if !ok {
		return nil, errors.New("does not begin with OFF")
	}
	w := words{body}
	vertices, err1 := w.count("the number of vertices")
	faces, err2 := w.count("the number of faces")
	_, err3 := w.count("the number of edges")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	var m mesh
	for i := range vertices {
		var v [3]float64
		for k := range v {
			word := w.next()
			x, err := strconv.ParseFloat(string(word), 64)
			if err != nil {
				return nil, fmt.Errorf("coordinate of vertex %d of %d is %.40q, want a number", i, vertices, word)
			}
			v[k] = x
		}
		m.vertices = append(m.vertices, v)
		if more {
			w.skipLine()
		}
	}
	var corners []int
	for i := range faces {
		n, err := w.count(fmt.Sprintf("the number of corners of face %d of %d", i, faces))
		if err != nil {
			return nil, err
		}
		if n > maxCorners {
			return nil, fmt.Errorf("face %d has %d corners; at most %d are supported", i, n, maxCorners)
		}
		corners = corners[:0]
		for range n {
			c, err := w.count(fmt.Sprintf("a corner of face %d", i))
			if err != nil {
				return nil, err
			}
			corners = append(corners, c)
		}
		if err := m.addPolygon(corners); err != nil {
			return nil, fmt.Errorf("face %d: %w", i, err)
		}
		w.skipLine() // a colour
	}
	return m.sample(dst, opt)
}

// cutOFF removes the word at the beginning of a file. more reports that vertices have normals (N), colours (C) or
// places in a texture (ST) behind their coordinates, on the same line.
func cutOFF(file []byte) (body []byte, more, ok bool) {
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	body = file
	for _, prefix := range []string{"ST", "C", "N"} {
		body = bytes.TrimPrefix(body, []byte(prefix))
	}
	more = len(body) < len(file)
	body, ok = bytes.CutPrefix(body, []byte("OFF"))
	return body, more, ok
}

// skipLine skips the rest of a line.
func (w *words) skipLine() {
	if end := bytes.IndexByte(w.rest, '\n'); end >= 0 {
		w.rest = w.rest[end:]
	}
}
