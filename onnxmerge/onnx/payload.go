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

// payload reads the elements of a tensor as raw_data would hold them: row-major, little-endian, two 4-bit elements a
// byte. It is safe for concurrent use.
type payload interface {
	readAt(dst []byte, off int64) error
}

// stored is the payload of a tensor that one range of a file has as it is read, or none has if it has no elements.
type stored Tensor

func (s *stored) readAt(dst []byte, off int64) error {
	if len(dst) == 0 {
		return nil
	}
	source := s.model.source
	if s.external != nil {
		source = s.external.file.source
	}
	_, err := source.ReadAt(dst, s.pieces[0].Off+off)
	return err
}

// pieced is a payload that is stored as it is read, in several ranges.
type pieced struct {
	source *wire.Source
	pieces []wire.Span
	starts []int64 // offset in the payload of each piece
}

func newPieced(source *wire.Source, pieces []wire.Span) *pieced {
	p := &pieced{source: source, pieces: pieces, starts: make([]int64, len(pieces))}
	for i := range pieces[1:] {
		p.starts[i+1] = p.starts[i] + pieces[i].Len
	}
	return p
}

func (p *pieced) readAt(dst []byte, off int64) error {
	i := sort.Search(len(p.starts), func(i int) bool { return p.starts[i] > off }) - 1
	for len(dst) > 0 {
		at := p.pieces[i]
		skip := off - p.starts[i]
		n := min(int64(len(dst)), at.Len-skip)
		if _, err := p.source.ReadAt(dst[:n], at.Off+skip); err != nil {
			return err
		}
		dst, off, i = dst[n:], off+n, i+1
	}
	return nil
}

// varints is a payload of protobuf varints, each with width bytes of the payload in its low bits. Varints have no
// fixed size, so the position of every markEvery-th is recorded.
type varints struct {
	source *wire.Source
	pieces []wire.Span
	width  int
	marks  []mark
}

const markEvery = 4 << 10

// mark is the position of a varint: offset off in the file, in a piece.
type mark struct {
	piece int
	off   int64
}

// newVarints counts the varints in pieces and records positions.
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

// varintReader reads the varints of a payload in order.
type varintReader struct {
	v      *varints
	piece  int
	off    int64  // offset of buf in the file; 0 before a piece is begun
	buf    []byte // unread bytes
	memory []byte
}

// varintBuffer is the size in bytes of one read.
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

// fill reads so that buf begins at off and holds at least one whole varint, if the piece has one left.
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

// errUnreadable is the error of ReadAt for a payload or a range that cannot be read.
func errUnreadable(t *Tensor, off int64, n int) error {
	return fmt.Errorf("onnx: bytes %d to %d of %s tensor %q are not readable", off, off+int64(n), t.Store, t.ID())
}
