package feature

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// plainDictionary is the encoding that older writers name for dictionaries and for pages of their indexes.
const plainDictionary format.Encoding = 2

// pageCounts compares the counts that are within a page with the values that its header claims: parquet-go makes as many
// values as the runs of a page have, of which one run of six bytes may be two thousand million.
type pageCounts struct {
	column *parquet.Column
	values int64 // of the page, by its header
	text   int64 // bytes that the texts of a page may have together
}

// check compares the counts of a page: its levels, which are apart in a page of the second version, and its contents
// behind them or with them, as they are decompressed.
func (c pageCounts) check(fields map[string]int64, levels, data []byte) error {
	encoding := format.Encoding(fields["5.2"])
	switch _, v2 := fields["8.1"]; {
	case fields["8.2"] < 0 || fields["8.2"] > c.values: // null values
		return fmt.Errorf("it has %d missing values of %d", fields["8.2"], c.values)
	case v2:
		repetition := levels[:fields["8.6"]]
		if err := c.hybrid(repetition, levelBits(c.column.MaxRepetitionLevel())); err != nil {
			return err
		}
		if err := c.hybrid(levels[len(repetition):], levelBits(c.column.MaxDefinitionLevel())); err != nil {
			return err
		}
		encoding = format.Encoding(fields["8.4"])
	default:
		if _, ok := fields["7.1"]; ok { // dictionary
			encoding = format.Encoding(fields["7.2"])
			if encoding == plainDictionary {
				return nil
			}
			break
		}
		var err error
		if data, err = c.levels(data, c.column.MaxRepetitionLevel(), fields["5.4"]); err != nil {
			return err
		}
		if data, err = c.levels(data, c.column.MaxDefinitionLevel(), fields["5.3"]); err != nil {
			return err
		}
	}
	return c.contents(encoding, data)
}

func levelBits(most int) int { return bits.Len8(uint8(most)) }

// prefixed divides data with a length in front into what has this length and the rest.
func prefixed(data []byte) (part, rest []byte, err error) {
	if len(data) < 4 {
		return nil, nil, errShort
	}
	n, rest := binary.LittleEndian.Uint32(data), data[4:]
	if uint64(n) > uint64(len(rest)) {
		return nil, nil, errShort
	}
	return rest[:n], rest[n:], nil
}

// levels checks levels up to most at the start of data, and returns what is behind them.
func (c pageCounts) levels(data []byte, most int, encoding int64) ([]byte, error) {
	if most == 0 {
		return data, nil
	}
	part, rest, err := prefixed(data)
	if err == nil && format.Encoding(encoding) == format.RLE {
		err = c.hybrid(part, levelBits(most))
	}
	return rest, err
}

// contents checks the values of a page.
func (c pageCounts) contents(encoding format.Encoding, data []byte) error {
	switch encoding {
	case plainDictionary, format.RLEDictionary:
		if len(data) == 0 {
			return nil
		}
		return c.hybrid(data[1:], int(data[0]))
	case format.RLE:
		part, _, err := prefixed(data)
		if err != nil {
			return err
		}
		return c.hybrid(part, 1)
	case format.DeltaBinaryPacked:
		_, _, err := c.deltas(data)
		return err
	case format.DeltaLengthByteArray:
		sum, rest, err := c.deltas(data)
		if err == nil && sum > int64(len(rest)) {
			err = fmt.Errorf("it has %d bytes of text, and %d follow", sum, len(rest))
		}
		return err
	case format.DeltaByteArray: // each text begins with a part of the one before
		prefixes, data, err := c.deltas(data)
		if err != nil {
			return err
		}
		suffixes, _, err := c.deltas(data)
		if err == nil && prefixes+suffixes > c.text {
			err = fmt.Errorf("its texts have %d bytes", prefixes+suffixes)
		}
		return err
	}
	return nil
}

// roundedUp is more than by how much packed values may be more than those of a page: they are stored in groups of eight.
const roundedUp = 512

// hybrid counts the values of the hybrid of runs and packed values, each of a width in bits.
func (c pageCounts) hybrid(data []byte, width int) error {
	for sum := uint64(0); len(data) > 0; {
		head, n := binary.Uvarint(data)
		if n <= 0 {
			return errShort
		}
		count, size := head>>1, uint64(width+7)/8
		if head&1 != 0 {
			size = count * uint64(width)
			count *= 8
		}
		if sum += count; count > 1<<40 || sum > uint64(c.values)+roundedUp {
			return fmt.Errorf("it has more values than the %d that its header says", c.values)
		}
		if size > uint64(len(data)-n) {
			return errShort
		}
		data = data[n+int(size):]
	}
	return nil
}

// deltas returns the sum of values that are stored as differences (DELTA_BINARY_PACKED), and what follows them. It is only
// looked at where they are lengths, of which none is negative.
func (c pageCounts) deltas(data []byte) (sum int64, rest []byte, err error) {
	t := thrift{data: data} // the numbers are stored as Thrift's
	var head [4]uint64
	for i := range head {
		if head[i], err = t.varint(); err != nil {
			return 0, nil, err
		}
	}
	block, parts, left, value := head[0], head[1], head[2], unzigzag(head[3])
	const most = 1 << 20 // values of a block
	if block == 0 || block > most || parts == 0 || parts > block {
		return 0, nil, errors.New("its blocks have no sizes")
	}
	if left > uint64(c.values) {
		return 0, nil, fmt.Errorf("it has more values than the %d that its header says", c.values)
	}
	if left == 0 {
		return 0, data[t.at:], nil
	}
	sum = value
	for left--; left > 0; {
		least, err := t.varint()
		if err != nil {
			return 0, nil, err
		}
		widths := data[t.at:min(t.at+int(parts), len(data))]
		if t.at += len(widths); len(widths) == 0 {
			return 0, nil, errShort
		}
		for _, width := range widths {
			if left == 0 {
				break
			}
			if width > 64 {
				return 0, nil, errors.New("it has numbers of more than 64 bits")
			}
			packed := data[t.at:min(t.at+int(block/parts)*int(width)/8, len(data))]
			t.at += len(packed)
			for k := range min(block/parts, left) {
				value += unzigzag(least) + packedBits(packed, int(k)*int(width), int(width))
				if sum += value; value < 0 || sum < 0 {
					sum = 1 << 62 // no lengths
				}
				left--
			}
		}
	}
	return sum, data[t.at:], nil
}

// packedBits returns the number of width bits from bit at on, the lowest first. What is beyond the end is 0.
func packedBits(data []byte, at, width int) (v int64) {
	for k := 0; k < width; {
		if at/8 >= len(data) {
			return v
		}
		n := min(8-at%8, width-k)
		v |= int64(data[at/8]>>(at%8)&(1<<n-1)) << k
		at, k = at+n, k+n
	}
	return v
}
