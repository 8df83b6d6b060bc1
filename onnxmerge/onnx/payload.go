package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"

	"github.com/wiseft/wiseft/onnxmerge/internal/wire"
	"google.golang.org/protobuf/encoding/protowire"
)

// payload gives the elements of a tensor as raw_data would hold them: row-major,
// little-endian, two 4-bit elements a byte. Reading is safe for concurrent use.
type payload interface {
	readAt(dst []byte, off int64) error
}

// spans is a payload that lies in a file as it is, in one piece or several.
type spans struct {
	source *wire.Source
	pieces []wire.Span
	starts []int64 // payload offset of each piece, where there are several
}

func newSpans(source *wire.Source, pieces []wire.Span) *spans {
	s := &spans{source: source, pieces: pieces}
	if len(pieces) > 1 {
		s.starts = make([]int64, len(pieces))
		for i := range pieces[1:] {
			s.starts[i+1] = s.starts[i] + pieces[i].Len
		}
	}
	return s
}

func (s *spans) start(piece int) int64 {
	if s.starts == nil {
		return 0
	}
	return s.starts[piece]
}

func (s *spans) readAt(dst []byte, off int64) error {
	i := 0
	if s.starts != nil {
		i = sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > off }) - 1
	}
	for len(dst) > 0 {
		p := s.pieces[i]
		skip := off - s.start(i)
		n := min(int64(len(dst)), p.Len-skip)
		if _, err := s.source.ReadAt(dst[:n], p.Off+skip); err != nil {
			return err
		}
		dst, off, i = dst[n:], off+n, i+1
	}
	return nil
}

// varints is a payload of protobuf varints, each of which holds width bytes of it in
// its low bits. They have no fixed place, so every markEvery-th is marked.
type varints struct {
	source *wire.Source
	pieces []wire.Span
	width  int
	marks  []mark
}

const markEvery = 4 << 10

// mark is the place of one varint: byte off of the file, in a piece.
type mark struct {
	piece int
	off   int64
}

// newVarints counts the varints in pieces and marks places among them.
func newVarints(source *wire.Source, pieces []wire.Span, width int) (v *varints, count int64, err error) {
	v = &varints{source: source, pieces: pieces, width: width}
	r := varintReader{v: v}
	for {
		if count%markEvery == 0 {
			v.marks = append(v.marks, r.place())
		}
		if _, err := r.next(); err != nil {
			if errors.Is(err, io.EOF) {
				return v, count, nil
			}
			return nil, 0, err
		}
		count++
	}
}

func (v *varints) readAt(dst []byte, off int64) error {
	width := int64(v.width)
	first := off / width
	r := varintReader{v: v}
	r.seek(v.marks[first/markEvery])
	for range first % markEvery {
		if _, err := r.next(); err != nil {
			return err
		}
	}
	var item [8]byte
	skip := int(off % width)
	for len(dst) > 0 {
		value, err := r.next()
		if err != nil {
			return err
		}
		binary.LittleEndian.PutUint64(item[:], value)
		dst = dst[copy(dst, item[skip:v.width]):]
		skip = 0
	}
	return nil
}

// varintReader reads the varints of a payload one after the other.
type varintReader struct {
	v      *varints
	piece  int
	off    int64  // of buf in the file; 0 before the first piece was begun
	buf    []byte // what is left of the bytes read
	memory []byte
}

// varintBuffer is as large as some thousand small numbers.
const varintBuffer = 8 << 10

func (r *varintReader) place() mark { return mark{r.piece, r.off} }

func (r *varintReader) seek(m mark) { r.piece, r.off, r.buf = m.piece, m.off, nil }

// next returns io.EOF after the last varint.
func (r *varintReader) next() (uint64, error) {
	if len(r.buf) < binary.MaxVarintLen64 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	value, n := protowire.ConsumeVarint(r.buf)
	if n < 0 {
		return 0, formatf("the number at byte %d is cut off", r.off)
	}
	r.buf, r.off = r.buf[n:], r.off+int64(n)
	return value, nil
}

// fill makes buf begin at off and hold at least one whole varint, if the piece does.
func (r *varintReader) fill() error {
	for r.piece < len(r.v.pieces) {
		p := r.v.pieces[r.piece]
		r.off = max(r.off, p.Off)
		left := p.End() - r.off
		if left == 0 {
			r.piece, r.off = r.piece+1, 0
			continue
		}
		if int64(len(r.buf)) == left {
			return nil
		}
		if r.memory == nil {
			r.memory = make([]byte, varintBuffer)
		}
		r.buf = r.memory[:min(left, varintBuffer)]
		_, err := r.v.source.ReadAt(r.buf, r.off)
		return err
	}
	return io.EOF
}

// errUnreadable is what ReadAt says of a payload it cannot read.
func errUnreadable(t *Tensor, off int64, n int) error {
	return fmt.Errorf("graph: bytes %d to %d of %s tensor %q are not readable", off, off+int64(n), t.Store, t.ID())
}
