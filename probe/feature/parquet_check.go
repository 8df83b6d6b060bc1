package feature

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// Limits of a Parquet file. A column has at most valuesPerByte values a byte of the file, and a million more:
// dictionaries repeat values, but features hardly do.
const (
	maxFooter     = 64 << 20  // bytes
	maxPage       = 256 << 20 // bytes of a page, decompressed; writers make pages of 1 MiB
	valuesPerByte = 64
	moreValues    = 1 << 20
)

// checkFooter compares the lengths in the metadata at the end of a file with the bytes that there are.
func checkFooter(r io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return errors.New("is too short for a Parquet file")
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	switch {
	case string(tail[4:]) == "PARE":
		return errors.New("is encrypted")
	case string(tail[4:]) != parquetMagic:
		return errors.New("does not end as a Parquet file: it is cut off")
	case n > size-12 || n > maxFooter:
		return fmt.Errorf("has metadata of %d bytes in a file of %d", n, size)
	}
	footer := make([]byte, n)
	if _, err := r.ReadAt(footer, size-8-n); err != nil {
		return err
	}
	t := thrift{data: footer}
	if err := t.structure("", nil, 0); err != nil {
		return fmt.Errorf("has malformed metadata: %w", err)
	}
	return nil
}

// checkPages reads all pages of a column chunk, and compares their sizes with the file and with what the pages decompress
// to, and counts within them. parquet-go allocates what a header or a run of values claims, and decompresses without a limit.
func (p *parquetFile) checkPages(group int, column *parquet.Column) error {
	leaf := column.Index()
	columns := p.file.Metadata().RowGroups[group].Columns
	if leaf >= len(columns) {
		return fmt.Errorf("row group %d has no such column", group)
	}
	meta := columns[leaf].MetaData
	off := meta.DataPageOffset
	if meta.DictionaryPageOffset != 0 {
		off = meta.DictionaryPageOffset
	}
	if off < 0 || meta.TotalCompressedSize < 0 || off > p.size || meta.TotalCompressedSize > p.size-off {
		return fmt.Errorf("row group %d lies beyond the end of the file", group)
	}
	chunk := make([]byte, meta.TotalCompressedSize)
	if _, err := p.r.ReadAt(chunk, off); err != nil {
		return err
	}
	room := p.size*valuesPerByte + moreValues
	for len(chunk) > 0 {
		t := thrift{data: chunk}
		fields := map[string]int64{}
		if err := t.structure("", fields, 0); err != nil {
			return fmt.Errorf("row group %d has a malformed page: %w", group, err)
		}
		size, stored := fields["2"], fields["3"]
		if stored < 0 || stored > int64(len(chunk)-t.at) || size < 0 || size > maxPage {
			return fmt.Errorf("row group %d has a page of %d bytes, decompressed %d, in %d", group, stored, size, len(chunk))
		}
		values := int64(0)
		for _, count := range []string{"5.1", "7.1", "8.1"} { // num_values of the three kinds of pages
			values += fields[count]
			if room -= fields[count]; fields[count] < 0 || room < 0 {
				return fmt.Errorf("row group %d has too many values for a file of %d bytes", group, p.size)
			}
		}
		page := chunk[t.at : t.at+int(stored)]
		levels, contents, err := inflated(meta.Codec, page, fields)
		if err == nil {
			err = pageCounts{column, values, p.size*valuesPerByte + moreValues}.check(fields, levels, contents)
		}
		if err != nil {
			return fmt.Errorf("row group %d has a malformed page: %w", group, err)
		}
		chunk = chunk[t.at+int(stored):]
	}
	return nil
}

// inflated returns the contents of a page as they are decompressed, which must be as long as its header says, and the
// levels that are in front of them in pages of the second version.
func inflated(codec format.CompressionCodec, page []byte, fields map[string]int64) (levels, contents []byte, err error) {
	want := fields["2"]
	if _, v2 := fields["8.1"]; v2 {
		size := fields["8.5"] + fields["8.6"] // of levels, which are not compressed
		if fields["8.5"] < 0 || fields["8.6"] < 0 || size > int64(len(page)) || size > want {
			return nil, nil, errors.New("its levels are longer than the page")
		}
		levels, page, want = page[:size], page[size:], want-size
	}
	if compressed, said := fields["8.7"]; codec == format.Uncompressed || said && compressed == 0 {
		return levels, page, nil
	}
	if want == 0 && len(page) == 0 {
		return levels, nil, nil
	}
	switch contents, err = decompressed(codec, page, want); {
	case err == nil && int64(len(contents)) > want:
		err = fmt.Errorf("it decompresses to more than the %d bytes that its header says", want)
	case err == nil && int64(len(contents)) < want:
		err = fmt.Errorf("it decompresses to %d bytes, and its header says %d", len(contents), want)
	}
	return levels, contents, err
}

// decompressed returns what a page decompresses to, or if that are more than want bytes, one of them more.
func decompressed(codec format.CompressionCodec, page []byte, want int64) (contents []byte, err error) {
	switch codec {
	case format.Snappy:
		const most = 32 // times its size: three bytes copy up to 64
		length, err := snappy.DecodedLen(page)
		if err == nil && (int64(length) > want || length > most*len(page)) {
			err = fmt.Errorf("it claims %d bytes, and its header %d", length, want)
		}
		if err != nil {
			return nil, err
		}
		return snappy.Decode(nil, page)
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(page))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(io.LimitReader(z, want+1))
	case format.Zstd:
		z, err := zstd.NewReader(bytes.NewReader(page), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxPage))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		if contents, err = io.ReadAll(io.LimitReader(z, want+1)); err == nil {
			err = checkFrame(page, want)
		}
		return contents, err
	case format.Lz4Raw:
		const most = 255 // times its size
		if want > most*int64(len(page)) {
			return nil, fmt.Errorf("its header says %d bytes", want)
		}
		contents = make([]byte, want)
		n, err := lz4.UncompressBlock(page, contents)
		return contents[:max(n, 0)], err
	}
	return nil, fmt.Errorf("it is compressed by %s; none, snappy, gzip, zstd and lz4 are read", codec)
}

// checkFrame returns an error if the first frame of zstd claims more than want bytes, which the decoder would allocate.
func checkFrame(page []byte, want int64) error {
	var h zstd.Header
	if err := h.Decode(page); err != nil {
		return err
	}
	if h.HasFCS && h.FrameContentSize > uint64(want) {
		return fmt.Errorf("it claims %d bytes, and its header %d", h.FrameContentSize, want)
	}
	return nil
}

// thrift walks over a structure in Thrift's compact protocol. The lengths of lists and texts must not be larger than
// the bytes that follow, since every element takes one at least.
type thrift struct {
	data []byte
	at   int
}

var errShort = errors.New("it ends within a field")

// maxNesting bounds the nesting of structures; Parquet's have 7.
const maxNesting = 32

func (t *thrift) byte() (byte, error) {
	if t.at >= len(t.data) {
		return 0, errShort
	}
	t.at++
	return t.data[t.at-1], nil
}

func (t *thrift) varint() (uint64, error) {
	v, n := binary.Uvarint(t.data[t.at:])
	if n <= 0 {
		return 0, errShort
	}
	t.at += n
	return v, nil
}

// length reads the length of a list or text.
func (t *thrift) length(n uint64) (int, error) {
	if n > uint64(len(t.data)-t.at) || n > math.MaxInt32 {
		return 0, fmt.Errorf("a length is %d, and %d bytes follow", n, len(t.data)-t.at)
	}
	return int(n), nil
}

// structure walks over a structure. Integers and booleans of it are added to fields, unless that is nil, by their
// number behind that of the structure: "5.1".
func (t *thrift) structure(prefix string, fields map[string]int64, depth int) error {
	if depth > maxNesting {
		return errors.New("it is nested too deeply")
	}
	number := int64(0)
	for {
		head, err := t.byte()
		if err != nil || head == 0 {
			return err
		}
		if delta := int64(head >> 4); delta != 0 {
			number += delta
		} else {
			v, err := t.varint()
			if err != nil {
				return err
			}
			number = unzigzag(v)
		}
		name := prefix + strconv.FormatInt(number, 10)
		if err := t.value(head&15, name, fields, depth); err != nil {
			return err
		}
	}
}

func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// value walks over a value of a type of the compact protocol.
func (t *thrift) value(kind byte, name string, fields map[string]int64, depth int) error {
	set := func(v int64) {
		if fields != nil {
			fields[name] = v
		}
	}
	switch kind {
	case 1, 2: // true, false
		set(int64(2 - kind))
	case 3: // byte
		_, err := t.byte()
		return err
	case 4, 5, 6: // integers of 16, 32 and 64 bits
		v, err := t.varint()
		set(unzigzag(v))
		return err
	case 7: // double
		t.at += 8
		if t.at > len(t.data) {
			return errShort
		}
	case 8: // text
		v, err := t.varint()
		if err != nil {
			return err
		}
		n, err := t.length(v)
		t.at += n
		return err
	case 9, 10: // list, set
		return t.list(depth)
	case 12:
		return t.structure(name+".", fields, depth+1)
	default:
		return fmt.Errorf("a field has type %d", kind)
	}
	return nil
}

func (t *thrift) list(depth int) error {
	head, err := t.byte()
	if err != nil {
		return err
	}
	count := uint64(head >> 4)
	if count == 15 {
		if count, err = t.varint(); err != nil {
			return err
		}
	}
	n, err := t.length(count)
	if err != nil {
		return err
	}
	for range n {
		if kind := head & 15; kind == 1 || kind == 2 { // booleans of a list take a byte
			_, err = t.byte()
		} else {
			err = t.value(kind, "", nil, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
