// Package lzf decompresses the LZF format of liblzf, which binary_compressed PCD
// files and h5py's "lzf" filter use.
//
// A stream is a series of runs. A control byte below 32 is followed by that many
// plus one literal bytes. Otherwise its upper three bits are the length minus two
// (7: a further length byte follows, to be added), and its lower five bits with the
// next byte are the distance minus one of a copy from what was already written.
package lzf

import "errors"

// MaxRatio bounds how many bytes one compressed byte can become: a copy of 264
// bytes takes three.
const MaxRatio = 88

var errCorrupt = errors.New("lzf: corrupt data")

// Decode decompresses src, which must fill dst exactly.
func Decode(dst, src []byte) error {
	n := 0
	for i := 0; i < len(src); {
		ctrl := int(src[i])
		i++
		if ctrl < 32 {
			run := ctrl + 1
			if run > len(src)-i || run > len(dst)-n {
				return errCorrupt
			}
			n += copy(dst[n:], src[i:i+run])
			i += run
			continue
		}
		length := ctrl >> 5
		if length == 7 {
			if i == len(src) {
				return errCorrupt
			}
			length += int(src[i])
			i++
		}
		length += 2
		if i == len(src) {
			return errCorrupt
		}
		from := n - ((ctrl&31)<<8 | int(src[i])) - 1
		i++
		if from < 0 || length > len(dst)-n {
			return errCorrupt
		}
		// Source and destination may overlap, which repeats a pattern: no copy().
		for range length {
			dst[n] = dst[from]
			n++
			from++
		}
	}
	if n != len(dst) {
		return errCorrupt
	}
	return nil
}
