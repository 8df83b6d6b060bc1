package datasets

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	"image/color"
	"io"
	"strconv"
)

func init() {
	for _, magic := range []string{"P2", "P3", "P5", "P6"} {
		image.RegisterFormat("pnm", magic, decodePNM, func(r io.Reader) (image.Config, error) {
			h, err := readPNMHeader(bufio.NewReader(r))
			return image.Config{ColorModel: color.NRGBAModel, Width: h.width, Height: h.height}, err
		})
	}
}

// pnmHeader is the header of a PGM or PPM file of the Netpbm formats.
type pnmHeader struct {
	channels      int // 1 grey, 3 colours
	plain         bool
	width, height int
	most          int // the value of full intensity
}

func readPNMHeader(r *bufio.Reader) (h pnmHeader, err error) {
	magic := make([]byte, 2)
	if _, err := io.ReadFull(r, magic); err != nil {
		return h, err
	}
	h.channels, h.plain = 1, magic[1] <= '3'
	if magic[1] == '3' || magic[1] == '6' {
		h.channels = 3
	}
	for _, field := range []*int{&h.width, &h.height, &h.most} {
		if *field, err = pnmNumber(r, true); err != nil {
			return h, fmt.Errorf("pnm: header: %w", err)
		}
	}
	if h.width < 1 || h.height < 1 || h.most < 1 || h.most > 65535 {
		return h, fmt.Errorf("pnm: %d x %d pixels of levels up to %d", h.width, h.height, h.most)
	}
	return h, nil
}

// pnmNumber reads a number and one byte of white space behind it. Before it are white space and, in a header, comments.
func pnmNumber(r *bufio.Reader, comments bool) (int, error) {
	var digits []byte
	for {
		c, err := r.ReadByte()
		switch {
		case err != nil && len(digits) > 0 && errors.Is(err, io.EOF):
			return strconv.Atoi(string(digits))
		case err != nil:
			return 0, io.ErrUnexpectedEOF
		case c == '#' && comments:
			if _, err := r.ReadString('\n'); err != nil {
				return 0, io.ErrUnexpectedEOF
			}
		case c == ' ' || c >= '\t' && c <= '\r':
			if len(digits) > 0 {
				return strconv.Atoi(string(digits))
			}
		case c >= '0' && c <= '9' && len(digits) < 6:
			digits = append(digits, c)
		default:
			return 0, fmt.Errorf("%q is not part of a number", c)
		}
	}
}

// decodePNM reads PGM and PPM, binary or as text. Levels are scaled to 255, and rounded.
func decodePNM(in io.Reader) (image.Image, error) {
	r := bufio.NewReader(in)
	h, err := readPNMHeader(r)
	if err != nil {
		return nil, err
	}
	m := image.NewNRGBA(image.Rect(0, 0, h.width, h.height))
	var raw [2]byte
	for at := 0; at < len(m.Pix); at += 4 {
		for k := range h.channels {
			var v int
			switch {
			case h.plain:
				v, err = pnmNumber(r, false)
			case h.most > 255:
				_, err = io.ReadFull(r, raw[:])
				v = int(raw[0])<<8 | int(raw[1])
			default:
				_, err = io.ReadFull(r, raw[:1])
				v = int(raw[0])
			}
			if err == nil && v > h.most && h.plain {
				err = fmt.Errorf("level %d is above %d", v, h.most)
			}
			if err != nil {
				return nil, fmt.Errorf("pnm: pixel %d: %w", at/4, err)
			}
			m.Pix[at+k] = byte((2*min(v, h.most)*255 + h.most) / (2 * h.most))
		}
		if h.channels == 1 {
			m.Pix[at+1], m.Pix[at+2] = m.Pix[at], m.Pix[at]
		}
		m.Pix[at+3] = 255
	}
	return m, nil
}
